"""Charset labels as mail really uses them; what comes out can always be stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime import charset


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "ISO-8859-1", "Grüße"),
        (b"\x93quoted\x94 \x80", "iso-8859-1", "“quoted” €"),
        ("朱镕基".encode("gb18030"), "gb2312", "朱镕基"),
        ("똠방각하".encode("cp949"), "ks_c_5601-1987", "똠방각하"),
        ("①髙".encode("cp932"), "Shift_JIS", "①髙"),
        ("テスト".encode("iso-2022-jp"), "ISO-2022-JP", "テスト"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        (b"Fr+APY-sche", "UNICODE-1-1-UTF-7", "Frösche"),
        (b"plain", "'us-ascii'", "plain"),
    ],
)
def test_a_label_is_read_as_its_senders_mean_it(data: bytes, label: str, text: str) -> None:
    problems: list[str] = []
    assert charset.decode(data, label, problems) == text
    assert problems == []


@pytest.mark.parametrize("label", ["", "us-ascii", "unknown-8bit"])
@pytest.mark.parametrize("data", ["Grüße".encode(), "Grüße".encode("latin-1")])
def test_8_bit_text_without_a_label_is_guessed(data: bytes, label: str) -> None:
    assert charset.decode(data, label, []) == "Grüße"


@pytest.mark.parametrize(
    "label", ["x-no-such", "punycode", "idna", "base64", "a\x00b", "undefined"]
)
def test_a_label_that_mail_cannot_mean_is_named_and_the_text_guessed(label: str) -> None:
    problems: list[str] = []
    assert charset.decode("Grüße".encode(), label, problems) == "Grüße"
    assert problems == ["charset-unknown"]


def test_a_wrong_label_is_named() -> None:
    problems: list[str] = []
    assert charset.decode("Grüße".encode("latin-1"), "utf-8", problems) == "Grüße"
    assert problems == ["charset-wrong"]


def test_a_character_cut_in_the_middle_does_not_spoil_the_rest() -> None:
    assert charset.decode("Größe".encode()[:-3] + b"\xc3", "utf-8", []).startswith("Grö")


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udc80\udcff"])
def test_nul_and_lone_surrogates_are_replaced(text: str) -> None:
    cleaned = charset.clean(text)
    assert "\ufffd" in cleaned
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8")


LABELS = st.sampled_from(
    ["", "utf-8", "utf-7", "utf-16", "gb2312", "iso-2022-jp", "hz", "big5", "cp1252", "x-nonsense"]
)


@given(st.binary(max_size=200), LABELS | st.text(max_size=20))
def test_whatever_the_bytes_the_text_can_be_stored(data: bytes, label: str) -> None:
    for text in (charset.decode(data, label, []), charset.guess(data, label)):
        assert "\x00" not in text
        text.encode("utf-8")


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")))
def test_utf_8_comes_through_unchanged(text: str) -> None:
    assert charset.decode(text.encode(), "utf-8", []) == text
