"""Content-Transfer-Encoding undone (RFC 2045 6), on damaged input too."""

from __future__ import annotations

import binascii
import re

_BASE64_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64_LETTERS))
_UU_BEGIN = re.compile(rb"(?:^|\n)begin [0-7]{3,4} [^\n]*\n")
_UU_NAMES = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})


def decode(data: bytes, encoding: str, problems: list[str]) -> bytes:
    """The content of a part whose body is `data`; damage is named in `problems`, never raised."""
    if encoding == "base64":
        return _base64(data, problems)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in _UU_NAMES:
        return _uu(data, problems)
    return data


def decoded_size(data: bytes, encoding: str) -> int:
    """How many bytes `decode` would give, without decoding where that can be told."""
    if encoding == "base64":
        letters = data.translate(None, _NOT_BASE64)
        padding = letters.find(b"=")
        if padding < 0 or padding >= len(letters) - 2:
            count = len(letters) if padding < 0 else padding
            if count % 4 != 1:
                return count * 3 // 4
    return len(decode(data, encoding, []))


def _base64(data: bytes, problems: list[str]) -> bytes:
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        problems.append("base64-broken")
    letters = data.translate(None, _NOT_BASE64).partition(b"=")[0]
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _uu(data: bytes, problems: list[str]) -> bytes:
    begin = _UU_BEGIN.search(data)
    if begin is None:
        problems.append("uuencode-broken")
        return data
    out: list[bytes] = []
    for line in data[begin.end() :].split(b"\n"):
        if line.strip() in (b"end", b"`", b""):
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            problems.append("uuencode-broken")
            break
    return b"".join(out)
