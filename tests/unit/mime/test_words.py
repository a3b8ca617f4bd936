"""RFC 2047 encoded words, as the standard has them and as senders abuse them."""

from __future__ import annotations

from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime import words


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?= to =?iso-8859-1?Q?J=FCrgen?=", "Grüße to Jürgen"),
        # RFC 2047 6.2: blanks between two words are not shown.
        (b"=?utf-8?q?a?= =?utf-8?q?b?=\r\n =?utf-8?q?c?=", "abc"),
        # One character over two words.
        (b"=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?=", "Grüße"),
        # RFC 2231 5: a language.
        (b"=?us-ascii*en-us?q?this_is?=", "this is"),
        # Abuse: blanks inside, no blanks around, missing padding, raw 8-bit inside.
        (b"=?utf-8?q?with blank?=", "with blank"),
        (b"x=?utf-8?q?=C3=BC?=y", "xüy"),
        (b"=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),
        (b"=?iso-8859-1?q?Gr\xfc\xdfe?=", "Grüße"),
        ("=?utf-8?q?Grüße?=".encode(), "Grüße"),
        (b"=?gb2312?B?1uzpRrv5?=", "朱镕基"),
        # Raw 8-bit.
        ("Grüße".encode(), "Grüße"),
        (b"Gr\xfc\xdfe", "Grüße"),
        # A fold inside a word is no blank of it; a mark in front of one wants a blank.
        (b"=?utf-8?q?with_a\r\n _fold?=", "with a fold"),
        (b"[SPAM]=?utf-8?q?offer?=", "[SPAM] offer"),
        # Not encoded words.
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?q?open", "=?utf-8?q?open"),
        (b"a\r\n folded\r\n\tline", "a folded line"),
    ],
)
def test_a_field_reads_as_its_writer_meant_it(field: bytes, text: str) -> None:
    assert words.text_of(field) == text


def test_raw_8_bit_text_is_read_in_the_charset_of_the_body() -> None:
    assert words.text_of("Привет".encode("koi8-r"), "koi8-r") == "Привет"


@given(st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1, max_size=60))
def test_what_the_standard_library_encodes_is_read_back(text: str) -> None:
    assert words.text_of(Header(text, "utf-8").encode().encode()) == text


@given(st.binary(max_size=200))
def test_whatever_the_bytes_there_is_one_line_of_text(field: bytes) -> None:
    for value in (field, b"=?utf-8?q?" + field + b"?= =?utf-8?b?" + field + b"?="):
        text = words.text_of(value)
        assert not set("\r\n\x00") & set(text)
        text.encode("utf-8")
