"""HTML of strangers made safe to show: no script, no style, no form, and no remote image.

A remote image tells its sender that, when and where the message was read; it comes only on demand.
"""

from __future__ import annotations

import re

import nh3

_DROPPED_WITH_CONTENT = {
    *("script", "style", "title", "head", "iframe", "object", "embed", "applet", "form"),
    *("noscript", "template", "svg", "math", "textarea", "select", "button"),
}
_TAGS = (nh3.ALLOWED_TAGS | {"font", "u", "s", "big"}) - _DROPPED_WITH_CONTENT - {"map", "area"}
_ATTRIBUTES = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"dir", "lang", "title"},
    "img": {"src", "alt", "width", "height"},
    "font": {"color", "face", "size"},
    "td": {"align", "valign", "colspan", "rowspan", "width", "height", "bgcolor"},
    "table": {"align", "border", "cellpadding", "cellspacing", "width", "bgcolor"},
}
_SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}
_SAFE_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)
_LONG_TAG = re.compile(r"<[a-zA-Z/][^>]{2000,}")
MAX_ATTRIBUTES = 500
"""Of one tag. The tree builder's time grows with their square: 87,000 take it 8 s."""

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")

_CLOSED_BY_THEMSELVES = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"),
        *("p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"),
    }
)
"""Their end tags are often left out, and the tree builder then ends them by itself."""

MAX_DEPTH = 200
"""Of open elements; newsletters reach 60. The tree builder looks through all of them for each tag:
500,000 open ones take it many minutes."""

MAX_HTML = 2 * 1024 * 1024
"""Characters shown: at 50 MB/s for ordinary markup, and the worst that is known takes 0.6 s."""

BLANK_IMAGE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
"""One transparent pixel, in the place of every remote image."""


def sanitise(html: str, *, remote_images: bool = False) -> str:
    """`html` with only harmless markup left; pictures of other hosts only if `remote_images`."""

    def attribute(tag: str, name: str, value: str) -> str | None:
        if name in ("href", "src", "cite"):
            return _link(tag, name, value, remote_images=remote_images)
        return value

    return nh3.clean(
        _flattened(_LONG_TAG.sub(_without_crowd, html[:MAX_HTML])),
        tags=_TAGS,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=attribute,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


def _flattened(html: str) -> str:
    """`html` without the tags that open more than MAX_DEPTH elements at once."""
    depth = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal depth
        if match[2].lower() in _CLOSED_BY_THEMSELVES:
            return match[0]
        if match[1]:
            depth = max(0, depth - 1)
        elif depth >= MAX_DEPTH:
            return ""
        else:
            depth += 1
        return match[0]

    return _TAG.sub(kept, html)


def _without_crowd(match: re.Match[str]) -> str:
    return match[0] if len(match[0].split(None, MAX_ATTRIBUTES)) < MAX_ATTRIBUTES else "<i"


def _link(tag: str, name: str, value: str, *, remote_images: bool) -> str | None:
    is_data = value.lstrip().lower().startswith("data:")
    if tag != "img" or name != "src":
        return None if is_data else value
    if is_data:
        return value if _SAFE_DATA.match(value.lstrip()) else None
    if value.lstrip().lower().startswith("cid:") or remote_images:
        return value
    # What is neither embedded nor attached would be fetched, whatever its spelling.
    return BLANK_IMAGE
