"""Plain text out of HTML: what a person would read, in one pass over the markup.

A browser's tree is not built: tags only matter as line ends here, and hostile markup that takes a
tree builder seconds (one tag with 100,000 attributes) costs no more than any other.
"""

from __future__ import annotations

import html as entities
import re

from inboxd.mime import charset

MAX_HTML = 2 * 1024 * 1024
"""Characters read, at 40 MB/s."""

_BLANKS = re.compile(r"[ \t\r\n\f\u00a0]+")
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<silent>script|style|head|title|template)\b.*?(?:</(?P=silent)\b[^>]*>|\Z)"
    r"|<(?P<close>/?)(?P<tag>[a-z][a-z0-9]*)[^<>]*(?:>|(?=<)|\Z)"
    r"|<[/!?][^>]*(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""Each alternative that has begun also ends, at the end of the text if nowhere else: linear."""

_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table"}
)
_LINE_ENDS = frozenset(
    {
        *("br", "hr", "div", "tr", "pre", "center", "dl", "dt", "dd", "form", "address"),
        *("section", "article", "header", "footer"),
    }
)


def to_text(html: str, problems: list[str]) -> str:
    """Readable text of `html`; appends `html-cut` to `problems` where only its start was read."""
    if len(html) > MAX_HTML:
        problems.append("html-cut")
        html = html[:MAX_HTML]
    text = entities.unescape(_MARKUP.sub(_shown, _BLANKS.sub(" ", html)))
    lines: list[str] = []
    for line in (_BLANKS.sub(" ", one).strip() for one in text.split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return charset.clean("\n".join(lines).strip())


def _shown(match: re.Match[str]) -> str:
    tag = match["tag"]
    if tag is None:
        return ""
    tag = tag.lower()
    if tag in _PARAGRAPHS:
        return "\n\n" if match["close"] else "\n"
    if tag in _LINE_ENDS:
        return "\n"
    if tag == "li":
        return "\n" if match["close"] else "\n* "
    return " " if tag in ("td", "th") else ""
