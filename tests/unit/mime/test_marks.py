"""What kind of mail a message is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime.marks import marks_of
from inboxd.model.messages import Mark


def multipart(kind: str, *parts: str) -> bytes:
    body = "".join(f"--b\r\nContent-Type: {part}\r\n\r\nx\r\n" for part in parts)
    return f"Content-Type: {kind}; boundary=b\r\n\r\n{body}--b--\r\n".encode()


@pytest.mark.parametrize(
    ("raw", "marks"),
    [
        (b"Subject: hi\r\n\r\nhello", ()),
        (multipart("multipart/signed", "text/plain", "application/pgp-signature"), ("signed",)),
        (multipart("multipart/encrypted", "application/pgp-encrypted"), ("encrypted",)),
        (b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\nx", ("signed",)),
        (b"Content-Type: application/x-pkcs7-mime\r\n\r\nx", ("encrypted",)),
        (multipart("multipart/alternative", "text/plain", "text/calendar"), ("calendar",)),
        (b"List-Id: <a.b>\r\nAuto-Submitted: auto-replied\r\n\r\n", ("automatic", "mailing_list")),
        (b"Auto-Submitted: no\r\n\r\n", ()),
    ],
)
def test_a_message_is_marked_as_what_it_is(raw: bytes, marks: tuple[str, ...]) -> None:
    assert marks_of(raw) == tuple(Mark(one) for one in marks)


@given(st.binary(max_size=300))
def test_no_bytes_are_too_odd(raw: bytes) -> None:
    marks_of(b"Content-Type: multipart/mixed; boundary=a\n" + raw)
