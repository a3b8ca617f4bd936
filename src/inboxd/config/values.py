"""What a value of the configuration may be; each refusal is a sentence that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from inboxd.model import addresses

SOCKET_PATH_BYTES = 107
"""unix(7): sun_path holds 108 bytes, the last one a NUL."""

SOCKET_MODES = (0o600, 0o660, 0o666)
"""Who may talk to the daemon: its user, its group as well, everybody on the machine."""


def not_a_switch(value: object) -> object:
    """A number that YAML did not read as yes or no."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic collects ValueErrors only
    return value


def absolute(path: Path) -> Path:
    """A path from the root on."""
    if not path.is_absolute():
        raise ValueError("must be an absolute path: a daemon has no working directory to rely on")
    return path


def socket_path(path: Path) -> Path:
    """A path that a Unix socket can have."""
    length = len(bytes(path))
    if length > SOCKET_PATH_BYTES:
        raise ValueError(
            f"is {length} bytes long: the path of a Unix socket has at most {SOCKET_PATH_BYTES}"
        )
    return path


def checked_mode(value: object) -> int:
    """`0o660`, `0660` and `"0660"` are the same thing; a bare decimal is none of them."""
    mode = value
    if isinstance(value, str):
        digits = value.removeprefix("0o")
        mode = int(digits, 8) if digits.isascii() and digits.isdecimal() and _octal(digits) else -1
    if isinstance(mode, bool) or not isinstance(mode, int) or mode not in SOCKET_MODES:
        raise ValueError(
            'must be "0600" (the daemon\'s user only), "0660" (its group as well) or "0666" '
            "(everybody on this machine)"
        )
    return mode


def _octal(digits: str) -> bool:
    return not set(digits) - set("01234567")


def checked_address(value: str) -> str:
    """An e-mail address."""
    if addresses.normalise(value) is None:
        raise ValueError("must be an e-mail address, such as ann@example.com")
    return value


def checked_command(value: object) -> object:
    """A command for the shell, or its words."""
    sentence = "must be a command: one text for the shell, or a list of words"
    if isinstance(value, str):
        if not value.strip():
            raise ValueError(sentence)
        return value
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(sentence)
    if not all(isinstance(word, str) for word in value) or not value[0]:
        raise ValueError(sentence + ", each in quotes where it looks like a number")
    return tuple(value)


Number = BeforeValidator(not_a_switch)
Seconds = Annotated[float, Number, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Number, Field(ge=1)]
Part = Annotated[int, Number, Field(ge=0)]
Port = Annotated[int, Number, Field(ge=1, le=65535)]
AbsolutePath = Annotated[Path, AfterValidator(absolute)]
Words = Annotated[str, Field(min_length=1)]
