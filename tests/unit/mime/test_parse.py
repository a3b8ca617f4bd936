"""Messages out of raw bytes: fields, bodies, attachments."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime import parse as parse_module
from inboxd.mime.parse import attachment_bytes, parse
from inboxd.model.errors import NotFound
from inboxd.model.messages import Address, ParsedMessage


def message(*, text: str = "", html: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Ann Lee <ann@example.com>"
    made["To"] = "Bob <bob@example.com>"
    made["Subject"] = "Grüße aus Köln"
    made["Date"] = "Mon, 05 Feb 2024 10:00:00 +0100"
    made["Message-ID"] = "<one@example.com>"
    made["In-Reply-To"] = "<zero@example.com>"
    made["References"] = "<first@example.com> <zero@example.com>"
    if text or not html:
        made.set_content(text)
    if text and html:
        made.add_alternative(html, subtype="html")
    elif html:
        made.set_content(html, subtype="html")
    return made


def test_the_fields_of_an_ordinary_message() -> None:
    found = parse(message(text="Hällo\n").as_bytes())
    assert found == ParsedMessage(
        subject="Grüße aus Köln",
        from_=(Address("Ann Lee", "ann@example.com"),),
        to=(Address("Bob", "bob@example.com"),),
        date=datetime(2024, 2, 5, 9, tzinfo=UTC),
        message_id="one@example.com",
        in_reply_to=("zero@example.com",),
        references=("first@example.com", "zero@example.com"),
        text="Hällo\n",
    )


def test_of_plain_text_and_html_the_text_is_read_and_the_html_kept_raw() -> None:
    found = parse(message(text="plain", html="<p>rich<script>x</script></p>").as_bytes())
    assert found.text.strip() == "plain"
    assert found.html.strip() == "<p>rich<script>x</script></p>"
    assert found.attachments == ()


def test_html_alone_is_made_into_text() -> None:
    found = parse(message(html="<h1>Hi</h1><p>one<br>two</p>").as_bytes())
    assert found.text.split() == ["Hi", "one", "two"]


def test_attachments_are_listed_in_order_and_given_back_whole() -> None:
    made = message(text="see", html="<img src=cid:logo>")
    made.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<logo>")  # type: ignore[union-attr, index]
    made.add_attachment(b"\x00\x01" * 500, "application", "pdf", filename="Übersicht.pdf")
    made.add_attachment("text file", filename="notes.txt")
    raw = made.as_bytes()
    found = parse(raw).attachments
    assert [(one.index, one.filename, one.content_type, one.inline) for one in found] == [
        (0, "", "image/png", True),
        (1, "Übersicht.pdf", "application/pdf", False),
        (2, "notes.txt", "text/plain", False),
    ]
    assert found[0].content_id == "logo"
    contents = [attachment_bytes(raw, one.index) for one in found]
    assert [attached for attached, _ in contents] == list(found)
    assert [len(content) for _, content in contents] == [one.size for one in found]
    assert contents[1][1] == b"\x00\x01" * 500


@pytest.mark.parametrize("index", [-1, 0, 7])
def test_an_attachment_that_is_not_there_is_not_found(index: int) -> None:
    with pytest.raises(NotFound):
        attachment_bytes(message(text="none").as_bytes(), index)


def test_an_attached_message_is_one_attachment_and_none_of_its_text_is_ours() -> None:
    inner, outer = message(text="inner"), message(text="outer")
    outer.add_attachment(inner)
    found = parse(outer.as_bytes())
    assert found.text.strip() == "outer"
    assert [one.content_type for one in found.attachments] == ["message/rfc822"]
    assert b"inner" in attachment_bytes(outer.as_bytes(), 0)[1]


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt", "Grüße.txt"),
        (
            "attachment; filename*0*=utf-8''Gr%C3%BC; filename*1*=%C3%9Fe; filename*2=.txt",
            "Grüße.txt",
        ),
        ('attachment; filename="=?utf-8?q?Gr=C3=BC=C3=9Fe.txt?="', "Grüße.txt"),
        ('attachment; filename="Grüße.txt"', "Grüße.txt"),
        ('attachment; filename="quo\\"te.txt"', 'quo"te.txt'),
        ('attachment; filename="open.txt', "open.txt"),
        ('attachment; filename="a long\n        name.txt"', "a long name.txt"),
        ("attachment; filename*0*=utf-8'en'Gr%C3%BC; filename*1*=utf-8'%C3%9Fe", "Grüße"),
    ],
)
def test_file_names_are_read_in_all_their_spellings(disposition: str, filename: str) -> None:
    raw = f"Content-Type: text/plain\nContent-Disposition: {disposition}\n\nx".encode()
    assert [one.filename for one in parse(raw).attachments] == [filename]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Mon, 05 Feb 2024 10:00:00 +0100", datetime(2024, 2, 5, 9, tzinfo=UTC)),
        ("5 Feb 2024 10:00 GMT", datetime(2024, 2, 5, 10, tzinfo=UTC)),
        ("Mon, 5 Feb 24 10:00:00 EST (comment)", datetime(2024, 2, 5, 15, tzinfo=UTC)),
        ("5 02 24 10:00:00 +0100", datetime(2024, 2, 5, 9, tzinfo=UTC)),
        ("Mon, 5 (the fifth) 2 2024 10:00:00 -0300", datetime(2024, 2, 5, 13, tzinfo=UTC)),
        ("by mx.example; Mon, 5 Feb 2024 10:00:00 +0100", datetime(2024, 2, 5, 9, tzinfo=UTC)),
        ("Mon, 5 Feb 2024 10:00:00 EST5EDT", datetime(2024, 2, 5, 15, tzinfo=UTC)),
        ("2024-02-05T10:00:00+01:00", datetime(2024, 2, 5, 9, tzinfo=UTC)),
        ("2024-02-05 10:00:00", datetime(2024, 2, 5, 10, tzinfo=UTC)),
        ("Thu, 22 Aug 0102 12:07:35 +0800", datetime(2002, 8, 22, 4, 7, 35, tzinfo=UTC)),
        ("Mon, 2 Apr 101 10:00:00 GMT", datetime(2001, 4, 2, 10, tzinfo=UTC)),
        ("Mon, 5 Feb 2024 06:09:22 PM EST", datetime(2024, 2, 5, 23, 9, 22, tzinfo=UTC)),
        ("Mon, 5 Feb 2024 12:09 PM GMT", datetime(2024, 2, 5, 12, 9, tzinfo=UTC)),
        ("Mon, 05 Feb 2024 10:00:00 01800", datetime(2024, 2, 5, 10, tzinfo=UTC)),
        ("5 13 2024 10:00:00 +0100", None),
        ("", None),
        ("yesterday", None),
        ("Mon, 99 Feb 2024 10:00:00 +0100", None),
        ("Mon, 05 Feb 2024 10:00:00 +9999999", datetime(2024, 2, 5, 10, tzinfo=UTC)),
    ],
)
def test_dates_are_utc_or_nothing(written: str, meant: datetime | None) -> None:
    assert parse(f"Date: {written}\n\n".encode()).date == meant


UUENCODED = b"begin 644 a.bin\n#86)C\n`\nend\n"


def test_uuencoded_files_in_a_text_are_attachments() -> None:
    raw = b"Subject: files\n\nbefore\n" + UUENCODED + b"between\n" + UUENCODED + b"after\n"
    found = parse(raw)
    assert found.text.split() == ["before", "between", "after"]
    assert [(one.filename, one.size) for one in found.attachments] == [("a.bin", 3)] * 2
    assert attachment_bytes(raw, 1)[1] == b"abc"


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: no end\n\nbegin 644 a.bin\n#86)C\n`\n",
        b"Subject: a small letter\n\nbegin 644 a.bin\n#86)c\nend\n",
        b"Subject: words\n\nbegin 644 people\nend\n",
        b"Content-Type: text/html\n\n" + UUENCODED,
        b"Content-Transfer-Encoding: base64\n\n" + UUENCODED,
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\n" + UUENCODED + b"--a--\n",
    ],
)
def test_what_only_looks_like_a_uuencoded_file_stays_text(raw: bytes) -> None:
    assert parse(raw).attachments == ()


@pytest.mark.parametrize(
    ("field", "read"),
    [
        ("Ann (at home) <ann@example.org>", ("Ann (at home)", "ann@example.org")),
        ("ann@example.org (Ann)", ("Ann", "ann@example.org")),
        (
            "Ann (one \\) two) <ann(three)@example.org(four)> (five)",
            ("Ann (one ) two three four five)", "ann@example.org"),
        ),
        ('"  Ann" <ann@example.org>', ("  Ann", "ann@example.org")),
    ],
)
def test_comments_stand_behind_a_name_and_quoted_blanks_are_kept(
    field: str, read: tuple[str, str]
) -> None:
    """RFC 5322 3.2.2 and 3.2.4."""
    [found] = parse(f"To: {field}\n\n".encode()).to
    assert (found.name, found.address) == read


@pytest.mark.parametrize(
    ("field", "ids"),
    [
        ("<a@x> <b@x>", ("a@x", "b@x")),
        ("<a (one) @ x>", ("a@x",)),
        ("a@x b@x", ("a@x", "b@x")),
        ("alone", ("alone",)),
        ("your message of today", ()),
    ],
)
def test_a_message_is_named_in_brackets_or_as_far_as_can_be_told(
    field: str, ids: tuple[str, ...]
) -> None:
    """RFC 5322 3.6.4."""
    assert parse(f"References: {field}\n\n".encode()).references == ids


def test_what_a_delivery_status_says_is_read_as_text_too() -> None:
    """RFC 3464; and the part stays an attachment."""
    raw = (
        b'Content-Type: multipart/report; boundary="b"\n\n--b\n\nIt failed.\n--b\n'
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nStatus: 5.1.1\n\n"
        b"--b--\n"
    )
    found = parse(raw)
    assert found.text == "It failed.\nReporting-MTA: dns; x\n\nStatus: 5.1.1"
    assert [one.content_type for one in found.attachments] == ["message/delivery-status"]


def test_a_part_whose_end_is_missing_ends_with_the_one_around_it() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n"
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\ninner\n"
        b"--a\nContent-Disposition: attachment; filename=f\n\nfile\n--a--\nepilogue\n"
    )
    found = parse(raw)
    assert found.text == "inner"
    assert [(one.filename, one.size) for one in found.attachments] == [("f", 4)]


def test_a_boundary_that_nobody_told_is_found() -> None:
    raw = b"Content-Type: multipart/mixed\n\n--x\nContent-Type: text/plain\n\nhello\n--x--\n"
    found = parse(raw)
    assert found.text == "hello"
    assert "boundary-missing" in found.problems


def test_several_texts_are_read_one_after_the_other() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\n\n"
        b"--a\n\none\n--a\nContent-Type: text/html\n\n<b>two</b>\n--a\n\nthree\n--a--\n"
    )
    assert parse(raw).text.split() == ["one", "two", "three"]


@pytest.mark.parametrize("stage", ["_people", "_date", "_attachments", "_ids"])
def test_a_mistake_of_ours_costs_one_field_and_never_the_message(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of the message")

    monkeypatch.setattr(parse_module, stage, fail)
    found = parse(message(text="body").as_bytes())
    assert found.subject == "Grüße aus Köln"
    assert found.text.strip() == "body"
    assert any(one.startswith("internal-") for one in found.problems)
    assert "secret" not in " ".join(found.problems)


def storable(found: ParsedMessage) -> None:
    texts = [found.subject, found.text, found.html, found.message_id, *found.problems]
    texts += [*found.in_reply_to, *found.references]
    texts += [part for _, one in found.people() for part in (one.name, one.address)]
    for one in found.attachments:
        texts += [one.filename, one.content_type, one.content_id]
    for text in texts:
        assert "\x00" not in text
        text.encode("utf-8")


LINES = st.lists(
    st.sampled_from(
        [
            *(b"From: a@b.c", b"Subject: =?utf-8?b?/w==?=", b"To: \xff\x00 <a@b.c>", b"Date: x"),
            *(
                b"Content-Type: multipart/mixed; boundary=a",
                b"Content-Type: text/html",
                b"",
                b"--a",
            ),
            *(b"Content-Transfer-Encoding: base64", b"Content-Disposition: attachment", b"--a--"),
            *(
                b"=41\x00",
                b"QUJD",
                b"<p>&#0;&#xd800;",
                b" folded\xc3",
                b"Content-ID: <\x00>",
                b"\r",
            ),
            *(
                b"Content-Type: text/plain; charset=utf-16; name*=utf-8''%00%ff",
                b"References: <\x00>",
            ),
        ]
    ),
    max_size=20,
).map(b"\n".join)


@given(LINES | st.binary(max_size=400))
def test_whatever_the_bytes_every_text_can_be_stored(raw: bytes) -> None:
    found = parse(raw)
    storable(found)
    assert not [one for one in found.problems if one.startswith("internal")]
    for one in found.attachments:
        same, content = attachment_bytes(raw, one.index)
        assert same == one
        assert len(content) == one.size
