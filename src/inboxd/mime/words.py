"""RFC 2047 encoded words, as the standard has them and as senders abuse them.

Met in real mail and read here: words inside quotation marks, without blanks around them, with
blanks inside, a character cut in two between words, a language tag, lower-case encodings.
"""

from __future__ import annotations

import binascii
import re

from inboxd.mime import charset

WORD = r"=\?[^?\s\"<>]{1,75}\?[bBqQ]\?[^?]*\?="
"""One encoded word. `[^?]*` ends at the next question mark, so a search stays linear."""

_WORD = re.compile(r"=\?([^?\s\"<>*]{1,75})(?:\*[^?]{0,30})?\?([bBqQ])\?([^?]*)\?=")
_FOLDED_WORD = re.compile(r"=\?[^?\s\"<>]{1,75}\?[bBqQ]\?[^?\n]*\n[^?]*\?=")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_BETWEEN = re.compile(r"[ \t]*\Z")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")


def text_of(value: bytes, hint: str = "") -> str:
    """The decoded, unfolded text of an unstructured field such as Subject (RFC 5322 2.2.3).

    `hint` is the charset that raw 8-bit text probably has: the body's.
    """
    return decode(unfolded(value, hint))


def unfolded(value: bytes, hint: str = "") -> str:
    """`value` as one line of text, encoded words left alone."""
    text = charset.guess(value, hint).strip()
    if "\n" in text and "=?" in text:
        text = _FOLDED_WORD.sub(lambda match: _FOLD.sub("", match[0]), text)
    return _on_one_line(text)


def _on_one_line(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r", "\n")
    if "\n" not in text:
        return text
    return " ".join(line for line in map(str.strip, text.split("\n")) if line)


def decode(text: str) -> str:
    """`text` with every encoded word decoded; blanks between two of them vanish (RFC 2047 6.2)."""
    if "=?" not in text:
        return text
    out: list[str] = []
    run = _Run()
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        if not run.empty and not _BETWEEN.match(between):
            out.append(run.ended())
        if run.empty:
            # `[SPAM]=?utf-8?...`: somebody put a mark in front of a word and forgot the blank.
            out.append(between + " " if between.endswith("]") else between)
        run.add(*_payload(match[1].lower(), match[2], match[3]), out)
        end = match.end()
    out.append(run.ended())
    out.append(text[end:])
    return _on_one_line(charset.clean("".join(out)))


class _Run:
    """Neighbouring words of one charset, decoded as one: their bytes may share a character."""

    def __init__(self) -> None:
        self.empty = True
        self._label = ""
        self._bytes = b""

    def add(self, label: str, payload: bytes, out: list[str]) -> None:
        if not self.empty and label != self._label:
            out.append(self.ended())
        self.empty = False
        self._label = label
        self._bytes += payload

    def ended(self) -> str:
        text = "" if self.empty else charset.decode(self._bytes, self._label, [])
        self.empty, self._bytes = True, b""
        return text


def _payload(label: str, encoding: str, text: str) -> tuple[str, bytes]:
    """The bytes of one word and the charset they are in; raw 8-bit text in a word was read."""
    if encoding in "qQ":
        try:
            raw = text.encode("ascii" if text.isascii() else charset.codec_of(label) or "utf-8")
        except UnicodeError:
            label, raw = "utf-8", text.encode("utf-8", "replace")
        return label, binascii.a2b_qp(raw, header=True)
    letters = _NOT_BASE64.sub("", text)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    try:
        return label, binascii.a2b_base64(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return "utf-8", text.encode("utf-8", "replace")
