"""What a server said, made fit to be shown: one line, bounded, without what it may echo. Pure."""

from __future__ import annotations

import base64
import re

from inboxd.model.server import Credentials

MAX_ANSWER = 300
"""Characters of a server's answer that are shown."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def shown(answer: str, credentials: Credentials | None = None) -> str:
    """A server's words for people; a secret that it repeats, in any coding, becomes `…` (P34)."""
    text = _UNPRINTABLE.sub(" ", answer)
    for secret in () if credentials is None else _forms_of(credentials):
        text = text.replace(secret, "…")
    return text[:MAX_ANSWER].strip().rstrip(".")


def _forms_of(credentials: Credentials) -> tuple[str, ...]:
    """The secret in every form in which it goes over the wire, longest first."""
    user, secret = credentials.username, credentials.secret
    if not secret:
        return ()
    plain = (
        f"\0{user}\0{secret}",
        f"{user}\0{user}\0{secret}",
        f"user={user}\x01auth=Bearer {secret}\x01\x01",
        secret,
    )
    encoded = (base64.b64encode(form.encode()).decode("ascii") for form in plain)
    return (*encoded, secret)
