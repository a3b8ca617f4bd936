"""Logs: events with fields, one object per line, and no secrets in any of them (P34)."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from inboxd import log

PLANTED = "correct-horse"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging is the process's: give it back as it was."""
    root, own = logging.getLogger(), logging.getLogger(log.OWN)
    handlers, levels = list(root.handlers), (root.level, own.level)
    shown = warnings.showwarning
    yield
    logging.captureWarnings(False)
    warnings.showwarning = shown
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == "", "logs belong to stderr"
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_json_line_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    log.get("inboxd.sync").bind(account=7).info("history_done", messages=20)
    (line,) = lines(capsys)
    moment = datetime.fromisoformat(line.pop("time"))
    assert moment.utcoffset() == timedelta(0)
    assert line == {
        "event": "history_done",
        "account": 7,
        "messages": 20,
        "level": "info",
        "logger": "inboxd.sync",
    }


def test_auto_is_json_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "auto")
    log.get("inboxd").info("started")
    assert lines(capsys)[0]["event"] == "started"


def test_auto_is_for_the_eye_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    log.configure("info", "auto")
    log.get("inboxd").info("started")
    assert not capsys.readouterr().err.startswith("{")


def test_a_new_level_holds_for_loggers_that_exist_already(
    capsys: pytest.CaptureFixture[str],
) -> None:
    early = log.get("inboxd.sync")
    log.configure("warning", "json")
    bound = early.bind(account=1)
    bound.info("unheard")
    log.configure("debug", "json")
    bound.debug("heard")
    early.debug("heard_too")
    assert [line["event"] for line in lines(capsys)] == ["heard", "heard_too"]


def test_configuring_twice_does_not_log_twice(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    log.configure("info", "json")
    log.get("inboxd").info("once")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("library", ["sqlalchemy.engine", "aioimaplib.aioimaplib", "uvicorn"])
def test_libraries_are_heard_from_warning_on(
    library: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("debug", "json")
    foreign = logging.getLogger(library)
    foreign.debug("LOGIN ann %s", PLANTED)
    foreign.info("chatter")
    foreign.warning("pool of %d is full", 5)
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["level"]) == (
        "pool of 5 is full",
        library,
        "warning",
    )
    assert "time" in line


def test_a_library_that_warns_is_one_json_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old api", UserWarning, stacklevel=1)
    (line,) = lines(capsys)
    assert "old api" in line["event"]


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Password",
        "imap_password",
        "access_token",
        "token",
        "client_secret",
        "Authorization",
        "passwd",
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_p34_a_secret_never_gets_through(
    key: str, form: log.Format, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("info", form)
    logger = log.get("inboxd").bind(**{key: PLANTED})
    logger.info("tried", nested={"deep": [{key: PLANTED}]}, **{f"{key}_too": [PLANTED]})
    text = capsys.readouterr().err
    assert PLANTED not in text
    assert text.count("[redacted]") == 3


@pytest.mark.parametrize("value", [b"Subject: hi", bytearray(b"Subject: hi")])
def test_raw_bytes_are_refused(
    value: bytes | bytearray, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("info", "json")
    log.get("inboxd").info("fetched", raw=value, several=[value])
    (line,) = lines(capsys)
    assert line["raw"] == "[11 bytes]"
    assert line["several"] == ["[11 bytes]"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variables(
    form: log.Format, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("info", form)
    try:
        _fail(PLANTED)
    except RuntimeError:
        log.get("inboxd").exception("failed")
        logging.getLogger("library").exception("failed as well")
    text = capsys.readouterr().err
    assert text.count("Traceback (most recent call last)") == 2
    assert "RuntimeError: broken" in text
    assert PLANTED not in text


def _fail(login: str) -> None:
    raise RuntimeError("broken" if login else "")


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_redacting_leaves_no_bytes_and_never_fails(value: object) -> None:
    def holds_bytes(part: object) -> bool:
        if isinstance(part, dict):
            return any(map(holds_bytes, part.values()))
        if isinstance(part, list):
            return any(map(holds_bytes, part))
        return isinstance(part, bytes)

    assert not holds_bytes(dict(log.redact(None, "info", {"value": value})))
