"""config.example.yaml shows every key, with its comment and its default."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic._internal._docs_extraction import extract_docstrings_from_cls

from inboxd.config import document, load
from inboxd.config.model import DeclaredAccount, ImapServer, Settings, SmtpServer

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("INBOXD_"):
            monkeypatch.delenv(name)


def uncommented() -> str:
    """The example with every setting in force: `#key`, and the block of the accounts."""
    return re.sub(r"^( *)#(?=[a-z]|  )|^#$", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)


def keys(
    model: type[BaseModel], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every key with its description, sections before what is in them."""
    told: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one.__module__ == model.__module__:
            told |= extract_docstrings_from_cls(one, use_inspect=True)
    for name, field in model.model_fields.items():
        here = (*path, name)
        yield here, told.get(name, "")
        default = field.get_default(call_default_factory=True)
        if here == ("accounts",):
            yield from keys(DeclaredAccount, (*here, 0))
        elif isinstance(default, BaseModel):
            yield from keys(type(default), here)


def test_the_example_as_it_is_means_the_defaults() -> None:
    assert load.load(EXAMPLE) == Settings()


def test_the_example_with_every_key_in_force_means_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(uncommented())
    settings = load.load(path)
    (account,) = settings.accounts
    assert settings.model_copy(update={"accounts": ()}) == Settings()
    assert account == DeclaredAccount(
        address="ann@example.com",
        imap=ImapServer(host="imap.example.com"),
        smtp=SmtpServer(host="smtp.example.com"),
    )


def test_every_key_stands_in_the_example_under_its_own_comment() -> None:
    text = uncommented()
    read = document.read(text)
    lines = text.splitlines()
    assert not read.flaws
    for path, description in keys(Settings):
        assert path in read.keys, f"{path} is missing"
        line = read.keys[path][0] - 1
        assert _comment_above(lines, line) == " ".join(description.split()), path


def test_the_example_shows_nothing_that_is_no_key() -> None:
    known = {path for path, _ in keys(Settings)}
    presets = ("sync", "start_presets")
    shown = {path for path in document.read(uncommented()).keys if path[:2] != presets}
    assert shown - known == set()


def test_every_default_is_written_out() -> None:
    value: Any = document.read(uncommented()).value
    assert value["sync"]["start_presets"].keys() == Settings().sync.start_presets.keys()
    for path, _ in keys(Settings):
        at = value
        for part in path:
            at = at[part]
        assert at is not None or _default_is_none(path), path


def _default_is_none(path: tuple[str | int, ...]) -> bool:
    at: Any = Settings(accounts=(DeclaredAccount(address="a@example.com"),))
    for part in path:
        at = at[part] if isinstance(part, int) else getattr(at, part)
    return at is None


def _comment_above(lines: list[str], line: int) -> str:
    words: list[str] = []
    while line > 0 and lines[line - 1].strip().startswith("# "):
        line -= 1
        words.insert(0, lines[line].strip().removeprefix("# "))
    return " ".join(words)
