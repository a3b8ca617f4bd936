"""Bounces, read receipts and complaints are told from other mail, and what they say is read."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime import fields, params
from inboxd.mime.bounces import MAILERS
from inboxd.mime.reports import report_of
from inboxd.model.reports import Recipient, Report, ReportKind

NOT_A_FAILURE = ("delivered", "relayed", "expanded")


def multipart(
    told: str, kind: str = "delivery-status", content: str = "multipart/report"
) -> bytes:
    return (
        "From: Mail System <noreply@example.net>\n"
        f"Content-Type: {content}; report-type={kind}; boundary=b\n\n"
        "--b\n\nSomething happened.\n\n"
        f"--b\nContent-Type: message/{kind}\n\n{told}\n"
        "--b\nContent-Type: message/rfc822\n\n"
        "Message-ID: <1@example.org>\nTo: Ann <ann@example.com>\n\nHello\n\n--b--\n"
    ).encode()


def told_by(text: str, sender: str = "MAILER-DAEMON@example.net", more: str = "") -> Report | None:
    return report_of(f"From: {sender}\nSubject: failure notice\n{more}\n{text}".encode())


def delivery(*recipients: Recipient, message_id: str = "1@example.org") -> Report:
    return Report(ReportKind.DELIVERY, recipients, message_id)


FAILED = Recipient("ann@example.com", "failed", "5.1.1", permanent=True)


@pytest.mark.parametrize(
    "told",
    [
        (
            "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; ann@example.com\n"
            "Action: failed\nStatus: 5.1.1\n"
        ),
        (
            "Final-Recipient: RFC822; <ann@example.com>\nAction: Failed (no such user)\n"
            "Status: 5.1.1 (bad destination)\n"
        ),
        (
            "Original-Recipient: rfc822;ann@example.com\nFinal-Recipient: rfc822;a2@x.example\n"
            "Action: failure\nStatus: 5.1.1\n"
        ),
        "Original-Recipient: rfc822;unknown\nFinal-Recipient: ann@example.com\nStatus: 5.1.1\n",
        (
            "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.0.0\n"
            "Diagnostic-Code: smtp; 550 5.1.1 no such user at 10.5.1.2\n"
        ),
        "Final-Recipient: rfc822; ann@example.com\n\nAction: failed\nStatus: 5.1.1\n",
        "Final-Recipient: utf-8; a\\x{6E}n@example.com\nAction: failed\nStatus: 5.1.1\n",
    ],
)
def test_a_failure_is_read_whatever_the_mailers_spelling(told: str) -> None:
    assert report_of(multipart(told)) == delivery(FAILED)
    assert report_of(multipart(told).replace(b"\n", b"\r\n")) == delivery(FAILED)


@pytest.mark.parametrize(
    ("action", "status", "permanent"),
    [
        ("delayed", "4.4.1", False),
        ("delivered", "2.0.0", False),
        ("relayed", "2.0.0", False),
        ("expanded", "2.0.0", False),
        ("failed", "4.4.7", False),
        ("failed", "5.2.2", True),
        ("failed", "", True),
    ],
)
def test_only_a_failure_that_no_other_try_can_heal_is_permanent(
    action: str, status: str, permanent: bool
) -> None:
    told = f"Final-Recipient: rfc822; ann@example.com\nAction: {action}\nStatus: {status}\n"
    recipient = Recipient("ann@example.com", action, status, permanent)
    assert report_of(multipart(told)) == delivery(recipient)


def test_each_recipient_has_its_own_outcome_and_the_worse_of_two() -> None:
    block = "Final-Recipient: rfc822; {}\nAction: {}\nStatus: {}\n\n"
    told = (
        block.format("ann@example.com", "delayed", "4.0.0")
        + block.format("bob@example.com", "delivered", "2.0.0")
        + block.format("ANN@example.com", "failed", "5.1.1")
    )
    assert report_of(multipart(told)) == delivery(
        Recipient("ANN@example.com", "failed", "5.1.1", permanent=True),
        Recipient("bob@example.com", "delivered", "2.0.0", permanent=False),
    )


def test_recipients_without_an_empty_line_between_are_told_apart() -> None:
    told = (
        "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n"
        "Final-Recipient: rfc822; bob@example.com\nAction: delayed\nStatus: 4.2.2\n"
    )
    assert report_of(multipart(told)) == delivery(
        FAILED, Recipient("bob@example.com", "delayed", "4.2.2", permanent=False)
    )


def test_a_report_that_names_nobody_is_a_report_all_the_same() -> None:
    assert report_of(multipart("Reporting-MTA: dns; x\n")) == delivery()


def test_a_read_receipt_tells_what_was_done_to_which_message() -> None:
    told = (
        "Final-Recipient: rfc822; ann@example.com\nOriginal-Message-ID: <2@example.org>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n"
    )
    recipient = Recipient("ann@example.com", "displayed", "", permanent=False)
    assert report_of(multipart(told, "disposition-notification")) == Report(
        ReportKind.DISPOSITION, (recipient,), "2@example.org"
    )


@pytest.mark.parametrize("rcpt", ["Original-Rcpt-To: <ann@example.com>\n", ""])
def test_a_complaint_tells_who_complained(rcpt: str) -> None:
    told = f"Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n{rcpt}"
    recipient = Recipient("ann@example.com", "abuse", "", permanent=False)
    assert report_of(multipart(told, "feedback-report")) == Report(
        ReportKind.ABUSE, (recipient,), "1@example.org"
    )


@pytest.mark.parametrize(
    "text",
    [
        (
            "Hi. This is the qmail-send program at example.net.\nI wasn't able to deliver your\n"
            "message.\n\n<ann@example.com>:\nno mailbox here. (#5.1.1)\n"
        ),
        (
            "This is the Postfix program at host mx.example.net.\n\n<ann@example.com>: host x\n"
            "    said: 550 5.1.1 <other@example.com>: unknown (in reply to RCPT TO command)\n"
        ),
        (
            "A message that you sent could not be delivered to all of its recipients. The\n"
            "following address(es) failed:\n\n  ann@example.com\n    host x: 550 5.1.1 unknown\n"
        ),
        (
            "   ----- The following addresses had permanent fatal errors -----\n"
            "<ann@example.com>\n    (reason: 550 5.1.1 unknown)\n"
        ),
        (
            "Your message\n\n  To: Bob\n\ndid not reach the following recipient(s):\n\n"
            "ann@example.com on Fri, 4 Oct 2002 17:12:28 -0400\n    unknown 5.1.1\n"
        ),
        "Unable to deliver message to the following address(es).\n\n<ann@example.com>:\n5.1.1\n",
    ],
)
def test_a_bounce_in_words_is_read_up_to_the_returned_message(text: str) -> None:
    below = "\n--- Below this line is a copy of the message.\n\nMessage-ID: <1@example.org>\n"
    assert told_by(f"{text}{below}\n<no@example.com>:\n") == delivery(FAILED)


def test_a_delay_in_words_is_no_failure() -> None:
    text = (
        "A message that you sent has not yet been delivered to all its recipients.\n\n"
        "The address to which the message has not yet been delivered is:\n\n  ann@example.com\n"
    )
    recipient = Recipient("ann@example.com", "delayed", "", permanent=False)
    assert told_by(text) == delivery(recipient, message_id="")


def test_aol_leaves_its_own_domain_away() -> None:
    text = (
        "Your mail to the following recipients could not be delivered because they are not\n"
        "accepting mail from you:\n\tann\n"
    )
    found = told_by(text, sender="MAILER-DAEMON@aol.example")
    assert found is not None
    assert [one.address for one in found.recipients] == ["ann@aol.example"]


def test_exims_own_field_is_enough() -> None:
    found = told_by("Sorry.\n", "a@example.net", "X-Failed-Recipients: ann@example.com, b@c.de\n")
    assert found is not None
    assert [one.address for one in found.recipients] == ["ann@example.com", "b@c.de"]


BOUNCE = "Hi. This is the qmail-send program at x.\n\n<ann@example.com>:\nno.\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"From: ann@example.com\nSubject: Re: failure notice\n\n" + BOUNCE.encode(),
        b"From: ann@example.com\nSubject: Fwd: failure notice\n\n" + BOUNCE.encode(),
        b"From: ann@example.com\nSubject: Strange mail\n\n" + BOUNCE.encode(),
        b"From: postmaster@example.com\nSubject: Welcome\n\nWrite to help@example.com.\n",
        multipart("Final-Recipient: rfc822; a@b.de", content="multipart/mixed").replace(
            b"From: Mail System", b"Subject: Fwd: Undelivered Mail\nFrom: Ann"
        ),
    ],
)
def test_what_people_write_about_bounces_is_none(raw: bytes) -> None:
    assert report_of(raw) is None


def test_every_mailer_has_a_name_of_its_own() -> None:
    names = [one.name for one in MAILERS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("piece", ["a@", "<a@b.de>:\n", "Unknown user: ", "--- ", "x" * 70, "\n"])
def test_megabytes_take_seconds(piece: str) -> None:
    started = time.perf_counter()
    told_by(piece * (2**21 // len(piece)))
    report_of(multipart(piece * (2**21 // len(piece))))
    report_of(multipart("Final-Recipient: rfc822; a@b.de\n\n" * 2**16))
    blocks = "".join(f"X{n}: a\n\n" for n in range(2**16))
    report_of(multipart(f"Final-Recipient: rfc822; a@b.de\n\n{blocks}"))
    assert time.perf_counter() - started < 10


@given(st.binary(max_size=300), st.sampled_from(["delivery-status", "feedback-report", "x"]))
def test_whatever_the_bytes_nothing_is_raised(data: bytes, kind: str) -> None:
    for raw in (data, multipart("@", kind).replace(b"@", data), BOUNCE.encode() + data):
        found = report_of(raw)
        assert found is None or all("@" in one.address for one in found.recipients)


def failed_in(found: Report | None) -> set[str]:
    if found is None:
        return set()
    return {one.address.lower() for one in found.recipients if one.action not in NOT_A_FAILURE}


def test_of_real_bounces_98_percent_name_the_right_addresses(corpus: Path) -> None:
    expected = json.loads((corpus / "expected" / "flufl.bounce.json").read_text())["messages"]
    told = {
        name: {address.lower() for _, addresses, _ in answers for address in addresses}
        for name, answers in expected.items()
    }
    told = {name: addresses for name, addresses in told.items() if addresses}
    wrong = [
        name
        for name, addresses in told.items()
        if failed_in(report_of((corpus / name).read_bytes())) != addresses
    ]
    print(len(told), "bounces; wrong:", *wrong)
    assert len(told) > 100
    assert len(wrong) <= 0.02 * len(told)


def test_real_delays_are_told_from_failures(corpus: Path) -> None:
    expected = json.loads((corpus / "expected" / "flufl.bounce.json").read_text())["messages"]
    wrong = []
    for name, answers in expected.items():
        found = report_of((corpus / name).read_bytes())
        delayed = any(temporary == "True" for _, _, temporary in answers)
        if found and any((one.action == "delayed") != delayed for one in found.recipients):
            wrong.append(name)
    assert wrong == []


def test_of_other_real_mail_none_is_called_a_failure(corpus: Path) -> None:
    wrong = []
    for path in sorted((corpus / "open").glob("*/*.eml")):
        if path.parent.name == "flufl.bounce":
            continue
        raw = path.read_bytes()
        found = report_of(raw)
        if found is None or found.kind is not ReportKind.DELIVERY:
            continue
        header = fields.read(raw)
        sender = header.first("from").lower()
        if params.read(header.first("content-type")).head != "multipart/report" and not re.search(
            rb"mailer-daemon|postmaster", sender
        ):
            wrong.append(path.name)
    assert wrong == []
