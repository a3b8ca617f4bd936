"""Header fields, whatever their lines look like."""

from __future__ import annotations

import pytest

from inboxd.mime import fields
from inboxd.mime.parse import parse


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: hello\r\nTo: a@example.com\r\n\r\nbody",
        b"Subject: hello\nTo: a@example.com\n\nbody",
        b"Subject: hello\r\r\nTo: a@example.com\r\r\n\r\r\nbody",
        b"Subject: hello\rTo: a@example.com\r\rbody",
        b"\xef\xbb\xbfSubject: hello\nTo: a@example.com\n\nbody",
        b"From a@example.com Mon Jan  1 00:00:00 2024\nSubject: hello\nTo: a@example.com\n\nbody",
        b"\r\n\r\nSubject: hello\nTo: a@example.com\n\nbody",
        b"SUBJECT :hello\nto\t: a@example.com\n\nbody",
        b"Subject:\n hello\nTo: a@example.com\n\nbody",
        b"Subject: hello\nthis is no field\nTo: a@example.com\n\nbody",
        b"Subject: hello\nTo: a@example.com\nbody",
    ],
)
def test_headers_are_read_whatever_their_lines_look_like(raw: bytes) -> None:
    found = parse(raw)
    assert found.subject == "hello"
    assert [one.address for one in found.to] == ["a@example.com"]
    assert found.text == "body"


def test_a_from_field_with_blanks_before_its_colon_is_no_mbox_line() -> None:
    [sender] = parse(b"From  : ann@example.com\nSubject: hello\n\n").from_
    assert sender.address == "ann@example.com"


def test_a_line_that_is_no_field_is_named() -> None:
    assert "header-line-unreadable" in fields.read(b"A: 1\nnonsense\nB: 2\n\n").problems


def test_a_header_may_be_all_there_is() -> None:
    found = parse(b"Subject: hello")
    assert (found.subject, found.text) == ("hello", "")


def test_fields_of_one_name_are_all_kept_in_order() -> None:
    assert fields.read(b"X: 1\nx: 2\nX : 3\n\n").all("x") == [b"1", b"2", b"3"]


def test_a_header_beyond_the_limit_is_cut_and_named() -> None:
    header = fields.read(b"A: " + b"x" * (fields.MAX_VALUE + 1) + b"\nB: 2\n\nbody")
    assert len(header.first("a")) == fields.MAX_VALUE
    assert header.first("b") == b"2"
    assert header.problems == ("header-too-long",)
