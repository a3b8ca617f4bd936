"""From bytes to text that can be stored: charset labels as mail really uses them, and guesses.

What comes out is always valid UTF-8 without NUL; nothing here raises.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

REPLACEMENT = "\ufffd"

_LABEL = re.compile(r"[A-Za-z0-9_.:+()/ -]{1,60}\Z")

_ALIASES = {
    # The WHATWG Encoding Standard: what senders call by the left name is the right, a superset.
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "x-ansi": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "gb_2312-80": "gb18030",
    "chinese": "gb18030",
    "big5": "big5hkscs",
    "x-big5": "big5hkscs",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "korean": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    # Python's plain ISO-2022-JP lacks half-width kana, which Japanese mail holds all the same.
    "iso-2022-jp": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "unicode-1-1-utf-7": "utf-7",
    "x-unicode-2-0-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "windows-874": "cp874",
}

UNTOLD = frozenset(
    {
        *("", "unknown", "unknown-8bit", "x-unknown", "8bit", "7bit", "binary", "none"),
        *("default", "us-ascii", "ascii", "ansi_x3.4-1968"),
    }
)
"""Labels that tell nothing; 8-bit text called ASCII is by definition something else."""

_NO_CHARSETS = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)
"""Python codecs that no mail can mean; punycode takes quadratic time."""


def decode(data: bytes, label: str, problems: list[str]) -> str:
    """Read `data` as the charset called `label`; an empty or odd label makes it a guess.

    Appends `charset-unknown` or `charset-wrong` to `problems` where the label was no help.
    """
    codec = codec_of(label)
    if codec is None:
        if _bare(label) not in UNTOLD:
            problems.append("charset-unknown")
        return guess(data)
    try:
        return clean(data.decode(codec))
    except (UnicodeError, ValueError):
        pass
    if codec == "cp1252":
        return _western(data)
    problems.append("charset-wrong")
    if codec == "utf-8" and not _nearly_utf8(data):
        return _western(data)
    return clean(_replaced(data, codec))


def guess(data: bytes, hint: str = "") -> str:
    """Read 8-bit data whose charset nobody told: ASCII, UTF-8, ISO-2022, `hint`, or Western."""
    if data.isascii():
        if b"+" in data and codec_of(hint) == "utf-7":
            return clean(_replaced(data, "utf-7"))
        if b"\x1b$" in data or b"\x1b(" in data:
            return clean(_replaced(data, "iso2022_jp_ext"))
        return clean(data.decode("ascii"))
    try:
        return clean(data.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    codec = codec_of(hint)
    if codec is not None and codec != "utf-8":
        try:
            return clean(data.decode(codec))
        except (UnicodeError, ValueError):
            pass
    return clean(data.decode("utf-8", "replace")) if _nearly_utf8(data) else _western(data)


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """Python's name of the charset called `label`, or None where it is none that mail can mean."""
    name = _bare(label)
    if name in UNTOLD or not _LABEL.match(name):
        return None
    name = _ALIASES.get(name) or _ALIASES.get(name.replace("_", "-"), name)
    if name.startswith("x-") and name[2:] not in UNTOLD:
        name = _ALIASES.get(name[2:], name[2:])
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if found.name.replace("_", "-") in _NO_CHARSETS:
        return None
    try:
        b"a".decode(found.name)
    except LookupError:
        return None  # a codec of bytes to bytes (base64, zlib)
    except ValueError:
        pass  # no single byte is a character in UTF-16
    return found.name


def _bare(label: str) -> str:
    return label.strip().strip("'\"").lower()


def clean(text: str) -> str:
    """`text` without NUL and lone surrogates, which SQLite and UTF-8 refuse."""
    if "\x00" in text:
        text = text.replace("\x00", REPLACEMENT)
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # A pair of surrogates is one character in disguise; only what is left over is lost.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _western(data: bytes) -> str:
    try:
        return clean(data.decode("cp1252"))
    except UnicodeDecodeError:
        # Five bytes are undefined in cp1252; Latin-1 makes control characters of them and keeps
        # the rest readable.
        table = data.decode("cp1252", "replace")
        return clean(
            "".join(
                chr(byte) if character == REPLACEMENT else character
                for byte, character in zip(data, table, strict=True)
            )
        )


def _nearly_utf8(data: bytes) -> bool:
    """Whether most 8-bit characters are UTF-8: the rest is damage, or a cut in the middle."""
    text = data.decode("utf-8", "replace")
    broken = text.count(REPLACEMENT)
    eight_bit = len(text) - len(text.encode("ascii", "ignore"))
    return broken * 2 <= eight_bit


def _replaced(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec, "replace")
    except (UnicodeError, ValueError, LookupError):
        return data.decode("latin-1")
