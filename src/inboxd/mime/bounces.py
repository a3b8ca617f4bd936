"""Bounces in free text, by mailers that send no RFC 3464 report. Pure, and linear in time.

One entry of MAILERS for each wording: put yours above "below this line". The first entry that
finds an address decides, so the wordings that several mailers share stand last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from inboxd.model.addresses import normalise

MAX_TEXT = 32_768
"""Characters read. What a mailer says itself stays below 5,000; the returned message follows."""

MAX_ADDRESSES = 1_000
"""Of one bounce; more than most servers take in one message."""

_ADDRESS = r"[^\s<>()\[\]\",:;@]{1,64}@[^\s<>()\[\]\",:;@]{1,255}"
"""Looser than any grammar: what it finds has to pass `normalise` too."""

_FLAGS = re.IGNORECASE | re.MULTILINE


def _address(pattern: str) -> re.Pattern[str]:
    """`pattern` with an address, as its group, where it says ADDR."""
    return re.compile(pattern.replace("ADDR", f"({_ADDRESS})"), _FLAGS)


_LISTED = _address(r'^[ \t]*(?:[>*-]+[ \t]*)?(?:"[^"\n]{0,100}"[ \t]*<)?["\'\[<]*ADDR')
"""A line that begins with an address, perhaps behind a bullet or a name."""

_LINE = _address(
    r"^ {0,3}<?ADDR>?(?::|[ \t]*$)|^[ \t]*\((?:generated|expanded) from:?[ \t]+<?ADDR>?\)"
)
"""An address that its reason follows, or whose reason is on more deeply indented lines; and below
it the one that was written to, where it was an alias."""

_ANGLED = _address(r"^<ADDR>(?:[ \t]+\([^()\n]{0,300}\))?:")
"""`<address>: reason`; Postfix goes on in lines that are indented and name addresses too."""

_ALONE = _address(r"^[ \t]*(?:To: )?<?ADDR>?:?[ \t]*$")
"""A line that is an address and nothing else."""

_X400 = _address(r"^(?:[^\n@]{0,200}SMTP=)?ADDR;? on\b")
"""`address on date`, where the address may be the end of an X.400 one."""

_NAME = re.compile(r"^[ \t]+([^\s@]{1,64})[ \t]*$", _FLAGS)
"""A mailbox without its domain, which is the mailer's own."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """How one mailer tells which addresses failed."""

    name: str
    opening: re.Pattern[str]
    """What it says in front of the addresses; where it has a group, that is the address."""
    listed: re.Pattern[str]
    """How each address stands behind the opening."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a free-form bounce says."""

    mailer: str
    """The name of the entry that read it."""
    delayed: bool
    """The mailer is still trying."""
    addresses: tuple[tuple[str, str], ...]
    """Each with the RFC 3463 code beside it, or an empty string."""


def _mailer(name: str, opening: str, listed: re.Pattern[str] = _LISTED) -> Mailer:
    """An entry; a blank in `opening` stands for any blanks and line ends."""
    source = opening.replace("ADDR", f"[<\"']?({_ADDRESS})").replace(" ", r"\s+")
    return Mailer(name, re.compile(source, _FLAGS), listed)


MAILERS = (
    _mailer("postfix", r"^This is the .{1,80} (?:program|system) at host", _ANGLED),
    _mailer("qmail", r"^Hi\. This is the .{1,80} program at", _ALONE),
    _mailer("exim", r"^A message that you (?:have )?sent could not be delivered", _LINE),
    _mailer("exim-delay", r"not yet been delivered (?:is|to the following addresses):"),
    _mailer("demon", r"The following message, addressed to ADDR"),
    _mailer("sendmail", r"^[ \t]*-+ The following addresses had .{1,60} errors -+$", _LINE),
    _mailer(
        "sendmail-delay", r"^[ \t]*-+ The following addresses had .{1,60} problems -+$", _LINE
    ),
    _mailer("exchange-5", r"^did not reach the following recipient\(s\):", _X400),
    _mailer("exchange", r"^Delivery has failed to these recipients"),
    _mailer("exchange-6", r"^The following recipient\(s\) (?:could|cannot) (?:not )?be reached:"),
    _mailer("gmail", r"^Del[ei]very to the following recipients? (?:failed|has been|was)"),
    _mailer(
        "aol",
        r"\bYour mail to the following recipients could not be delivered because\b[^:]{1,300}:$",
        _NAME,
    ),
    _mailer("yahoo", r"^I'm afraid I wasn't able to deliver the following message", _ALONE),
    _mailer("domino", r"^was not delivered to:", _ALONE),
    _mailer("netscape", r"^The following recipients did not receive (?:your|this) message:"),
    _mailer("mdaemon", r"^The following addresses did NOT receive a copy of your message:"),
    _mailer("mdaemon-unknown", r"^ADDR - no such user here"),
    _mailer("mailenable", r"^[ \t]*Recipient: \[SMTP:ADDR\]"),
    _mailer(
        "imail",
        r"^(?:Invalid final delivery userid|Unknown user|User mailbox exceeds allowed size): ADDR",
    ),
    _mailer("imail-gave-up", r"^(?:Delivery failed \d{1,5} attempts:|undeliverable to) ADDR"),
    _mailer("smartermail", r"^Failed Recipient: ADDR"),
    _mailer("lsmtp", r"^Error-for: ADDR"),
    _mailer("lotus", r"^Did not reach the following recipient: ADDR"),
    _mailer("interscan", r"^Unable to deliver message to ADDR"),
    _mailer("groupwise", r"^The message that you sent was undeliverable to the following:"),
    _mailer("phquery", r"^ ?-+Message not delivered to the following addresses:"),
    _mailer("airmail", r"^\|-+ Failed addresses follow: -+\|"),
    _mailer("rr", r"^-+ Failed Recipients -+$"),
    _mailer("usa-net", r"^Intended recipient: ADDR"),
    _mailer("hotpop", r"^Undeliverable Address: ADDR"),
    _mailer("prodigy", r"^User's mailbox is full: ADDR"),
    _mailer("mail-ru", r"Local mailbox ADDR is unavailable"),
    _mailer("llnl", r"your message was addressed, ADDR, did not exactly match"),
    _mailer("dado", r"^\(Originally addressed to ADDR\)"),
    _mailer("ifom", r"^Your message to ADDR has reached our local address"),
    _mailer("dachamp", r"(?:unable to deliver your message to|Quota violation for) ADDR"),
    _mailer("postmaster", r"email .{1,200} addressed to email address :"),
    _mailer("postponed", r"^Delivery of email to this address"),
    _mailer("not-yet", r"^Your message to: ADDR has not yet been delivered"),
    # What follows is said by many.
    _mailer("below this line", r"\A", _ANGLED),
    _mailer(
        "could not be delivered",
        r"could not be delivered to(?: the following (?:users?|recipients?|address(?:es)?))?:?$",
    ),
)
"""In the order in which they are tried."""

_COPY = re.compile(
    r"^[ \t]*[-=*_|]{3,}[ \t]*[^\s\-=*_|].*$"
    r"|^(?:the )?(?:original message|message headers?|first \d+ lines)\b.*(?:follow|detail)"
    r"|^(?:received|return-path):",
    _FLAGS,
)
"""Where the mailer's own words end: a rule with a heading, or the returned message itself."""

_STILL_TRYING = re.compile(
    r"not\s+yet\s+been\s+delivered|has\s+been\s+(?:delayed|postponed)|will\s+be\s+retried"
    r"|attempts\s+will\s+continue|will\s+(?:continue|keep)\s+(?:to\s+)?(?:try|attempt)"
    r"|this\s+is\s+a\s+warning\s+message\s+only|had\s+transient\s+non-fatal\s+errors",
    _FLAGS,
)
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)")


def bounce_in(text: str, domain: str) -> Bounce | None:
    """Who did not get a message, as `text` tells; None where no entry of MAILERS knows it.

    `domain` is the mailer's: AOL leaves it away. Never raises.
    """
    text = text[:MAX_TEXT].replace("\u00a0", " ")
    for mailer in MAILERS:
        opening = mailer.opening.search(text)
        if opening is None:
            continue
        copy = _COPY.search(text, opening.end())
        own = text[: copy.start()] if copy else text
        found = tuple(_addresses(mailer, own, opening, domain))
        if found:
            return Bounce(mailer.name, _STILL_TRYING.search(own) is not None, found)
    return None


def is_delay(text: str) -> bool:
    """Whether the mailer that wrote `text` is still trying."""
    text = text[:MAX_TEXT]
    copy = _COPY.search(text)
    return _STILL_TRYING.search(text, 0, copy.start() if copy else len(text)) is not None


def status_in(text: str) -> str:
    """The first RFC 3463 code of a failure in `text`, or an empty string."""
    match = _STATUS.search(text)
    return match[1] if match else ""


def _addresses(
    mailer: Mailer, own: str, opening: re.Match[str], domain: str
) -> Iterator[tuple[str, str]]:
    """Every address behind the opening, once, with the code that stands behind it."""
    inline = mailer.opening.groups > 0
    pattern = mailer.opening if inline else mailer.listed
    found = pattern.finditer(own, opening.start() if inline else opening.end())
    matches = list(islice(found, MAX_ADDRESSES))
    ends = [*(match.start() for match in matches[1:]), len(own)]
    seen = set()
    for match, end in zip(matches, ends, strict=False):
        address = next(group for group in match.groups() if group).strip("'`*.!?")
        if "@" not in address:
            address = f"{address}@{domain}"
        key = normalise(address)
        if key is not None and key not in seen:
            seen.add(key)
            yield address, status_in(own[match.end() : end])
