"""The Date field (RFC 5322 3.3, 4.3), and what senders write instead."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

MAX_LENGTH = 1_000
"""Characters read; a real one has below 60, its comments counted."""

_COMMENT = re.compile(r"\([^()]*\)")
_COLON = re.compile(r"\s*:\s*")
_NUMERIC = re.compile(r"^((?:[A-Za-z]{3},?\s+)?\d{1,2})\s+(\d{1,2})\s+(\d{2}|\d{4})(?=\s)")
_ZONE_WITH_SUMMER = re.compile(r"\b([ECMP]ST)\d[ECMP]DT\b")
"""As in the environment variable TZ: what it is called in winter comes first."""
_AFTERNOON = re.compile(r"\b(\d{1,2})(:\d\d(?::\d\d)?)\s*PM\b", re.IGNORECASE)
_NO_ZONE = re.compile(r"(?<=\d)\s+[+-]?\d{5,}\s*$")
"""RFC 5322 4.3: a zone that is none counts as UTC. Half of all spam of 2002 had one of -1600 or
beyond, and its time goes with it: those are believed."""
DAY_SECONDS = 24 * 3600
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def read(value: bytes) -> datetime | None:
    """The moment, aware UTC; None where it cannot be read."""
    text = _plain(value[:MAX_LENGTH].decode("latin-1"))
    return _mail_date(text) or _mail_date(_mended(text)) or _iso_date(text)


def _mail_date(text: str) -> datetime | None:
    parts = parsedate_tz(text)
    if parts is None:
        return None
    away = parts[9] or 0
    if abs(away) >= DAY_SECONDS:
        away = 0
    year, month, day, hour, minute, second = parts[:6]
    if 100 <= year < 1000:
        year += 1900  # RFC 5322 4.3, of programs that counted on after 1999
    try:
        zone = timezone(timedelta(seconds=away))
        there = datetime(year, month, day, hour, minute, second, tzinfo=zone)
        return there.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _plain(text: str) -> str:
    """RFC 5322 4.3: comments may stand between the words, blanks around the colons."""
    while (bare := _COMMENT.sub(" ", text)) != text:
        text = bare
    # A zone of two names would be read as none; this one only would be wrong by hours.
    text = _NO_ZONE.sub("", _ZONE_WITH_SUMMER.sub(r"\1", text))
    if " :" in text or ": " in text:
        text = _COLON.sub(":", text)
    return _AFTERNOON.sub(_in_24_hours, text)


def _in_24_hours(match: re.Match[str]) -> str:
    return f"{int(match[1]) % 12 + 12}{match[2]}"


def _mended(text: str) -> str:
    """The value of a Received field is a date behind a semicolon; a month may be a number."""
    text = text.rpartition(";")[2].strip()
    match = _NUMERIC.match(text)
    if match is None or not 1 <= int(match[2]) <= len(_MONTHS):
        return text
    return f"{match[1]} {_MONTHS[int(match[2]) - 1]} {match[3]}{text[match.end() :]}"


def _iso_date(text: str) -> datetime | None:
    """ISO 8601, which programs write that know nothing of mail; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
