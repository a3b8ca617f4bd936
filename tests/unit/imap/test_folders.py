"""Names of folders on the wire and for people (T29)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.imap.folders import decode_name, encode_name, quote, special_use
from inboxd.model.errors import BadInput
from inboxd.model.server import SpecialUse

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)


@given(NAMES)
def test_every_name_survives_the_way_to_the_wire_and_back(name: str) -> None:
    wire = encode_name(name)
    assert wire.isascii()
    assert decode_name(wire) == name


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Entwürfe", b"Entw&APw-rfe"),
        ("Tom & Jerry", b"Tom &- Jerry"),
        ("台北/日本語", b"&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 5.1.3, its own example
        ("😀", b"&2D3eAA-"),
    ],
)
def test_known_spellings(name: str, wire: bytes) -> None:
    assert encode_name(name) == wire
    assert decode_name(wire) == name


@given(st.binary(max_size=40))
def test_whatever_a_server_calls_a_folder_can_be_shown(wire: bytes) -> None:
    name = decode_name(wire)
    assert "\0" not in name
    name.encode()  # no lone surrogates


def test_raw_utf8_of_a_careless_server_is_read_as_that() -> None:
    assert decode_name("Entwürfe".encode()) == "Entwürfe"


@given(st.binary(min_size=1, max_size=40).filter(lambda wire: not set(wire) & set(b"\r\n\0")))
def test_a_quoted_name_cannot_end_its_quotes(wire: bytes) -> None:
    quoted = quote(wire).encode("utf-8", "surrogateescape")
    inside = quoted[1:-1].replace(b"\\\\", b"").replace(b'\\"', b"")
    assert quoted[:1] == quoted[-1:] == b'"'
    assert b'"' not in inside
    assert b"\\" not in inside


@pytest.mark.parametrize("control", [b"\r", b"\n", b"\0"])
def test_a_name_that_would_begin_another_command_is_refused(control: bytes) -> None:
    """T23."""
    with pytest.raises(BadInput, match="line break or NUL"):
        quote(b"a" + control + b"A1 DELETE INBOX")


@pytest.mark.parametrize(
    ("attributes", "name", "separator", "expected"),
    [
        ([b"\\Sent"], "Whatever", "/", SpecialUse.SENT),
        ([b"\\HasNoChildren", b"\\TRASH"], "Bin 2", "/", SpecialUse.TRASH),
        ([b"\\AllMail"], "[Gmail]/All Mail", "/", SpecialUse.ALL),
        ([], "inbox", "/", SpecialUse.INBOX),
        ([], "INBOX.Sent", ".", SpecialUse.SENT),
        ([], "INBOX.Gesendete Elemente", ".", SpecialUse.SENT),
        ([], "Sent to clients", "/", None),
        ([], "Projects/Sent", "/", None),
        ([], "Kunden", "/", None),
    ],
)
def test_what_a_folder_is_for(
    attributes: list[bytes], name: str, separator: str, expected: SpecialUse | None
) -> None:
    assert special_use(attributes, name, separator) is expected


@pytest.mark.parametrize(
    "name",
    [
        "Sent", "Gesendet", "Éléments envoyés", "Enviados", "Posta inviata", "Verzonden items",
        "Skickat", "Sendte elementer", "Lähetetyt", "Elementy wysłane", "Odeslané",
        "Отправленные", "送信済み", "已发送", "Gönderilmiş Öğeler", "Απεσταλμένα",
    ],
)  # fmt: skip
def test_sent_is_found_in_many_languages(name: str) -> None:
    """T29."""
    assert special_use([], name, "/") is SpecialUse.SENT
