"""The one normal form of an e-mail address (P24): two spellings of one mailbox are one key.

It folds what never tells two people apart (case, IDNA spelling, needless quotes) and nothing
else: plus-tags and dots stay, because whether they matter is known only to the receiving server.
"""

from __future__ import annotations

import re
import unicodedata

import idna

from inboxd.model.ids import AddressKey

MAX_LENGTH = 1_000
"""Characters. RFC 5321 4.5.3.1.3 ends at 254; what is far longer is no address but an attack."""

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-"
_PLAIN = re.compile(rf"[{_ATEXT}]+@(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\Z")
_BARE_LOCAL = re.compile(rf"[{_ATEXT}\u0080-\U0010ffff]+\Z")
_QUOTED_LOCAL = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')
_DOMAIN = re.compile(r"[A-Za-z0-9_\-.\u0080-\U0010ffff]+\Z")
_DOMAIN_LITERAL = re.compile(r"\[[A-Za-z0-9:.\-]+\]\Z")
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
"""RFC 3490 3.1: the other characters that separate labels."""

_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""What copying out of a web page or a spreadsheet leaves around an address."""

_AROUND = " \t\r\n\v\f\u00a0\u2007\u202f\u3000" + _INVISIBLE


def normalise(address: str) -> AddressKey | None:
    """The normal form of `address`, or None where it is no address at all.

    Blanks and one pair of angle brackets or quotation marks around it do not count. The local
    part is case-folded (RFC 5321 2.4 would let a server tell case apart; none met does), quotes
    go where they are not needed, and the domain becomes lower-case A-labels (RFC 5891).
    The form of a normal form is itself.
    """
    if len(address) > MAX_LENGTH:
        return None
    text = _unwrapped(address)
    if _PLAIN.match(text):
        return AddressKey(text.lower())
    if _UNREADABLE.search(text):
        return None
    local, at, domain = text.rpartition("@")
    if not at:
        return None
    folded_local, folded_domain = _local(local), _domain(domain)
    if not folded_local or not folded_domain:
        return None
    key = f"{folded_local}@{folded_domain}"
    # Folding and punycode can both lengthen; a key that could not be read again is no key.
    return AddressKey(key) if len(key) <= MAX_LENGTH else None


def domain_of(key: AddressKey) -> str:
    """The domain of a normal form, as A-labels."""
    return key.rpartition("@")[2]


def _unwrapped(address: str) -> str:
    text = address.strip(_AROUND)
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1].strip(_AROUND)
    if len(text) > 2 and text[0] == text[-1] == '"' and text.count('"') == 2:
        text = text[1:-1].strip(_AROUND)
    return text


def _local(local: str) -> str:
    quoted = _QUOTED_LOCAL.match(local)
    if quoted is not None:
        local = re.sub(r"\\(.)", r"\1", quoted[1])
    elif not _BARE_LOCAL.match(local):
        return ""
    local = _folded(local)
    if quoted is None or (_BARE_LOCAL.match(local) and not _has_blank(local)):
        return "" if _has_blank(local) else local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if local else ""


def _has_blank(text: str) -> bool:
    return any(character.isspace() for character in text)


def _folded(text: str) -> str:
    """Unicode's canonical caseless form (D145), recomposed: folding it again changes nothing."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _domain(domain: str) -> str:
    domain = domain.translate(_DOTS).removesuffix(".")
    if _DOMAIN_LITERAL.match(domain):
        return domain.lower()
    if not _DOMAIN.match(domain) or _has_blank(domain):
        return ""
    if not domain.isascii():
        domain = _a_labels(domain)
    return "" if "" in domain.split(".") else domain.lower()


def _a_labels(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        # Emoji, underscores and retired scripts are in no IDNA table, but mail from them exists.
        return ".".join(_odd_label(label) for label in domain.split("."))


def _odd_label(label: str) -> str:
    label = unicodedata.normalize("NFKC", label).casefold()
    if not label.isascii():
        label = "xn--" + label.encode("punycode").decode("ascii")
    return label if _PLAIN.match(f"x@{label}") else ""
