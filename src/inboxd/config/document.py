"""YAML 1.2 text as plain values that remember where they stand.

It knows nothing of our keys. It reads the node tree instead of letting ruamel.yaml build values,
because only nodes know their line and column, and because duplicate keys must all be told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode

Loc = tuple[str | int, ...]
"""The way to a value: `("accounts", 0, "imap", "port")`."""

START = (1, 1)
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with the text itself; line and column count from 1."""

    line: int
    column: int
    sentence: str


@dataclass(slots=True)
class Document:
    """What a text says, and where."""

    value: Any = None
    """Dicts with text keys, lists, text, numbers, booleans and None."""
    flaws: list[Flaw] = field(default_factory=list)
    keys: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each key."""
    values: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each value."""

    def key_at(self, path: Loc) -> tuple[int, int]:
        """Line and column of the key itself, or of the nearest thing around it."""
        return self.keys.get(path) or self.value_at(path)

    def value_at(self, path: Loc) -> tuple[int, int]:
        """Line and column of the value, or of the nearest thing around it."""
        for length in range(len(path), 0, -1):
            found = self.values.get(path[:length])
            if found is not None:
                return found
        return START


def read(text: str) -> Document:
    """Read one document; empty text has the value None. Never raises: see `flaws`."""
    document = Document()
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        document.flaws.append(_flaw(error))
        return document
    if root is not None:
        document.value = _Reader(document).value(root, ())
    return document


class _Reader:
    """One walk over the node tree."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: set[int] = set()

    def value(self, node: Node, path: Loc) -> Any:  # noqa: ANN401 - that is what YAML holds
        self._document.values.setdefault(path, _place(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self._blame(node, "An anchor stands for itself here: write the value out.")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*path, at)) for at, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Node, path: Loc) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._blame(key_node, "A key must be one word.")
                continue
            # The text as written: a start date named 30 is no number, and `no` no switch.
            key = str(key_node.value)
            if key in values:
                first = self._document.key_at((*path, key))[0]
                self._blame(key_node, f"{_dotted(path, key)} stands twice: first in line {first}.")
                continue
            self._document.keys[(*path, key)] = _place(key_node)
            if value_node.start_mark.index == value_node.end_mark.index:
                # Of a value that was left out, the parser says it stood where the next key does.
                self._document.values[(*path, key)] = _place(key_node)
            values[key] = self.value(value_node, (*path, key))
        return values

    def _scalar(self, node: ScalarNode) -> str | int | float | bool | None:
        text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
        match kind:
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float":
                return _number(text)
            case "str" | "timestamp":
                return text
            case _:
                self._blame(node, "A value must not begin with an exclamation mark: quote it.")
                return text

    def _blame(self, node: Node, sentence: str) -> None:
        self._document.flaws.append(Flaw(*_place(node), sentence))


def _number(text: str) -> int | float | str:
    """The number, or the text as it is where YAML and people would read two different ones.

    `0660` is 660 to YAML 1.2 and 432 to everybody who ever ran chmod.
    """
    try:
        return int(text, 0)
    except ValueError:
        pass
    if re.fullmatch(r"[-+]?0[0-9]+", text):
        return text
    try:
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _dotted(path: Loc, key: str) -> str:
    return ".".join(str(part) for part in (*path, key))


def _flaw(error: YAMLError) -> Flaw:
    """The parser's complaint without the words it quotes: they may be an unquoted password."""
    line, column = START
    complaint = str(getattr(error, "reason", "") or "this is not YAML")
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        if mark is not None:
            line, column = mark.line + 1, mark.column + 1
        complaint = error.problem or complaint
    complaint = re.sub(r"""(['"])(?!<)(?:(?!\1).){3,}\1""", "…", complaint)
    return Flaw(line, column, f"This is not YAML: {complaint.rstrip('.')}.")
