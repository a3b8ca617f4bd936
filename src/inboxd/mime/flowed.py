"""`format=flowed` (RFC 3676): paragraphs that were cut into lines are put together again."""

from __future__ import annotations

from collections.abc import Iterator

_SIGNATURE = "-- "
"""RFC 3676 4.3: the one line that ends in a blank and does not flow."""


def joined(text: str, *, delete_space: bool) -> str:
    """`text` with its soft line ends taken out; `delete_space` is DelSp=yes (RFC 3676 4.1).

    Lines of another depth of quotation are never joined (RFC 3676 4.5); quoted ones keep their
    marks, as a plain text has them.
    """
    return "\n".join(_paragraphs(text.split("\n"), delete_space=delete_space))


def _paragraphs(lines: list[str], *, delete_space: bool) -> Iterator[str]:
    depth, parts = 0, list[str]()
    for line in lines:
        bare = line.lstrip(">")
        here = len(line) - len(bare)
        # RFC 3676 4.4: a line that begins with a blank, From or > is sent with one in front.
        bare = bare.removeprefix(" ")
        fixed = bare == _SIGNATURE or not bare.endswith(" ")
        if parts and (here != depth or bare == _SIGNATURE):
            yield _line(depth, parts)
            parts = []
        depth = here
        parts.append(bare if fixed or not delete_space else bare[:-1])
        if fixed:
            yield _line(depth, parts)
            parts = []
    if parts:
        yield _line(depth, parts)


def _line(depth: int, parts: list[str]) -> str:
    text = "".join(parts)
    return f"{'>' * depth} {text}" if depth and text else ">" * depth + text
