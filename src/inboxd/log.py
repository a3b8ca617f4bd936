"""Logging: events with fields, as JSON lines or for the eye, always to stderr.

An event is a snake_case name (`history_done`), its facts are key=value. Passwords, tokens and
raw bytes never get through; other people's addresses and bodies are simply never logged.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]

Logger = BoundLogger
"""What `get` gives: `.info("event_name", key=value)`, and `.bind(account=…)` for many of them."""

OWN = "inboxd"
"""The root of our own loggers. Libraries are heard from WARNING on: their DEBUG holds logins."""

_SECRET_WORDS = ("password", "passwd", "token", "secret", "authorization")
_REDACTED = "[redacted]"


def configure(level: Level, format: Format) -> None:  # noqa: A002 - the configuration's word
    """Set up logging for the process; calling it again changes level and format at once.

    `auto` is `console` where stderr is a terminal and `json` elsewhere.
    """
    colours = sys.stderr.isatty()
    if format == "auto":
        format = "console" if colours else "json"  # noqa: A001 - as above
    stamps: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *stamps,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A cached logger would keep the processors of an earlier configure().
        cache_logger_on_first_use=False,
    )
    _install(
        ProcessorFormatter(
            foreign_pre_chain=stamps,
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(format, colours=colours),
            ],
        )
    )
    logging.getLogger(OWN).setLevel(level.upper())
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.captureWarnings(True)


def get(name: str) -> Logger:
    """The logger of a module: `log.get(__name__)`. May be asked for before `configure`."""
    return structlog.stdlib.get_logger(name)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank every value whose key speaks of a secret, and every value made of raw bytes.

    The last step before rendering, so that nothing, of ours or of a library, comes after it.
    """
    return {key: _safe(key, value) for key, value in event.items()}


def _safe(key: str, value: Any) -> Any:  # noqa: ANN401 - a log field may be anything
    folded = key.lower()
    if any(word in folded for word in _SECRET_WORDS):
        return _REDACTED
    if isinstance(value, bytes | bytearray | memoryview):
        # Bytes are mail or wire data: neither belongs into a log.
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping):
        return {str(inner): _safe(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(key, item) for item in value]
    return value


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Ours, told apart from handlers that others (a test runner) put on the root logger."""


def _install(formatter: logging.Formatter) -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _StderrHandler)]:
        root.removeHandler(handler)
    handler = _StderrHandler(sys.stderr)
    handler.setFormatter(formatter)
    root.addHandler(handler)


def _renderer(format: Format, *, colours: bool) -> Processor:  # noqa: A002 - as above
    if format == "json":
        return structlog.processors.JSONRenderer()
    # format_exc_info has rendered tracebacks already; the default, where rich is installed, would
    # print the local variables of every frame with them.
    return structlog.dev.ConsoleRenderer(
        colors=colours,
        timestamp_key="time",
        exception_formatter=structlog.dev.plain_traceback,
    )
