"""Where two other programs read a message otherwise, somebody looked and decided."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from corpus.oracles import Difference, class_of, compared

_TWO_SUBJECTS = "Ours: of two Subject fields the first counts; a server puts its own in front."
_IN_THE_NAME = "Ours: where the angle brackets hold no address, the one in the name counts."
_NAMED_AT = "Theirs: `Mikel@Lindsaar` in front of an address is its name."

SINGLE: dict[tuple[str, str], str] = {
    ("open/cpython/msg_47.eml", "notmuch date"): "Theirs: `00:01+0000` is read as midnight.",
    ("open/deltachat/invalid_email_to.eml", "dovecot to"): (
        "Ours: what looks like an address behind broken words is one."
    ),
    ("open/flufl.bounce/simple_35.eml", "dovecot from_"): (
        "Ours: a backslash outside of quotation marks separates; neither reading is right."
    ),
    ("open/flufl.bounce/simple_36.eml", "dovecot from_"): (
        "Ours: quotation marks stay around a local part that needs them (RFC 5321 4.1.2)."
    ),
    ("open/imap_tools/error_emails__bad_subject.eml", "notmuch subject"): (
        "Theirs: an encoded word with blanks in it is dropped."
    ),
    ("open/imap_tools/mime_emails__raw_email11.eml", "dovecot to"): _IN_THE_NAME,
    ("open/mikel-mail/mime_emails__raw_email11.eml", "dovecot to"): _IN_THE_NAME,
    (
        "open/imap_tools/mime_emails__raw_email_with_binary_encoded.eml",
        "notmuch subject",
    ): _TWO_SUBJECTS,
    (
        "open/mikel-mail/mime_emails__raw_email_with_binary_encoded.eml",
        "notmuch subject",
    ): _TWO_SUBJECTS,
    ("open/imap_tools/plain_emails__mix_caps_content_type.eml", "dovecot from_"): (
        "Ours: `Big Bug bb@bug.com` holds one address, and it is meant."
    ),
    (
        "open/imap_tools/plain_emails__raw_email_with_at_display_name.eml",
        "dovecot to",
    ): _NAMED_AT,
    (
        "open/mikel-mail/plain_emails__raw_email_with_at_display_name.eml",
        "dovecot to",
    ): _NAMED_AT,
    ("open/imap_tools/rfc2822__example13.eml", "dovecot message_id"): (
        "Ours: comments and blanks are no part of a Message-ID (RFC 5322 4.5.4)."
    ),
    ("open/imap_tools/rfc2822__example13.eml", "notmuch date"): (
        "Theirs: blanks around the colons of a time (RFC 5322 4.3) make it midnight."
    ),
    ("open/mailman3/email__tests__data__bad_email_3.eml", "dovecot message_id"): (
        "Ours: a bracket that is never closed is no part of a Message-ID."
    ),
    ("open/mailutils/search.003.eml", "dovecot message_id"): (
        "Ours: quotation marks around the brackets are no part of a Message-ID."
    ),
    ("open/notmuch/crypto__encrypted-signed.eml", "notmuch date"): "Theirs: PM is not read.",
    ("open/redmine/different_contents_in_text_and_html.eml", "notmuch date"): (
        "Theirs: two files with one Message-ID are one message, and the other's date is told."
    ),
    ("open/stalwart/eml__legacy__034.eml", "notmuch subject"): (
        "Ours: raw UTF-7 is decoded where the body's charset says so."
    ),
}
"""(file, oracle and field) -> why, for what belongs to no class."""


@pytest.fixture(scope="module")
def differences(corpus: Path, summary: list[str]) -> list[Difference]:
    pairs = list(compared(corpus))
    found = [one for _, one in pairs if one is not None]
    counts, differing = Counter(name for name, _ in pairs), Counter[str]()
    for name, one in pairs:
        differing[name] += one is not None
    summary += ["", "differences from other programs"]
    summary += [f"{name:<22}{counts[name]:>9}{differing[name]:>9}" for name in counts]
    classes = Counter(class_of(one) or SINGLE.get(one.key, "NOT KNOWN") for one in found)
    summary += [f"{count:>6}  {name}" for name, count in classes.most_common()]
    return found


def test_every_difference_is_of_a_known_kind(differences: list[Difference]) -> None:
    unknown = [one for one in differences if class_of(one) is None and one.key not in SINGLE]
    assert unknown == []


def test_every_single_decision_is_still_needed(differences: list[Difference]) -> None:
    needed = {one.key for one in differences if class_of(one) is None}
    assert set(SINGLE) == needed
