"""What servers do that no standard says: one dated entry each, with where it was seen.

A quirk is data wherever it can be. What a server lacks is told by its capabilities, never by its
name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Words by which a server asks for patience without the response code that says so."""

    provider: str
    seen: str
    """Year and where."""
    words: re.Pattern[str]


def _patience(provider: str, seen: str, words: str) -> Patience:
    return Patience(provider, seen, re.compile(words, re.IGNORECASE))


PATIENCE = (
    _patience("Gmail", "2017, wildduck#35", r"too many simultaneous connections"),
    _patience("Gmail", "2022, chatwoot#6082", r"exceeded (?:command or )?bandwidth limits"),
    _patience("Microsoft 365", "2021, imapflow", r"request is throttled"),
    # Not a wrong password: the mailbox behind the login cannot be reached just now.
    _patience("Microsoft 365", "2021, imapflow", r"authenticated but not connected"),
    _patience("Yahoo", "2021, imapflow#75", r"rate limit hit"),
    _patience("Dovecot", "2.3.19", r"maximum number of connections"),
    _patience("Courier", "5.0.13", r"too many connections"),
    _patience("several", "RFC 5530 3", r"(?:try|come back) again later|temporar(?:y|ily)"),
)

BACKOFF_TIME = re.compile(r"backoff time:? *(\d+) *(milliseconds|ms|seconds|s)\b", re.IGNORECASE)
"""Microsoft 365: `BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds`
(2021, imapflow)."""
