"""P24: an address has one normal form (case, IDNA); plus-tags and dots are not folded."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inboxd.model.addresses import MAX_LENGTH, domain_of, normalise
from inboxd.model.ids import AddressKey


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.Lee@Example.COM", "ann.lee@example.com"),
        ("  <ann@example.com> ", "ann@example.com"),
        ("\ufeffann@example.com\u200b", "ann@example.com"),
        ("ann@example.com.", "ann@example.com"),
        ("ann+crm@example.com", "ann+crm@example.com"),
        ('"ann"@example.com', "ann@example.com"),
        ('"ann@example.com"', "ann@example.com"),
        ('"Ann Lee"@example.com', '"ann lee"@example.com'),
        ('"a\\"b"@example.com', '"a\\"b"@example.com'),
        ('"a\\ b"@example.com', '"a b"@example.com'),
        ('"at@home"@example.com', '"at@home"@example.com'),
        ("ann..lee.@docomo.example", "ann..lee.@docomo.example"),
        ('"ann..lee."@docomo.example', "ann..lee.@docomo.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("JÜRGEN@example.com", "jürgen@example.com"),
        ("ju\u0308rgen@example.com", "jürgen@example.com"),
        ("ann@under_score.example", "ann@under_score.example"),
        ("ann@i❤.ws", "ann@xn--i-7iq.ws"),
        ("ann@localhost", "ann@localhost"),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
        ("ann@[IPv6:2001:DB8::1]", "ann@[ipv6:2001:db8::1]"),
    ],
)
def test_two_spellings_of_one_mailbox_have_one_form(written: str, key: str) -> None:
    assert normalise(written) == key


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "ann",
        "@example.com",
        "ann@",
        "ann@.",
        "ann@example..com",
        "ann lee@example.com",
        "ann@exa mple.com",
        "ann,bob@example.com",
        "ann@bob@example.com",
        "<ann@example.com",
        "ann\x00@example.com",
        "ann@example.com\r\nBcc: eve@example.com",
        "ann@exa\ud800mple.com",
        '""@example.com',
        "a" * MAX_LENGTH + "@example.com",
    ],
)
def test_what_is_no_address_has_no_form(written: str) -> None:
    assert normalise(written) is None


@pytest.mark.parametrize("other", ["annlee@example.com", "ann.lee+x@example.com"])
def test_dots_and_plus_tags_tell_people_apart(other: str) -> None:
    assert normalise("ann.lee@example.com") != normalise(other)


def test_the_domain_of_a_key_is_what_follows_its_last_at() -> None:
    assert domain_of(AddressKey('"at@home"@example.com')) == "example.com"


LOCALS = st.text(min_size=1, max_size=20)
DOMAINS = st.text(min_size=1, max_size=20)


@given(st.builds("{}@{}".format, LOCALS, DOMAINS) | st.text())
@example("\u0345a@example.com")
@example("ann@İstanbul.example")
@example("ann@\u00ad")
@example('"\u00a0"@example.com')
@example("ann@xn--.example")
@example("K@\u212a.example")
def test_the_form_of_a_form_is_itself(written: str) -> None:
    key = normalise(written)
    if key is not None:
        assert normalise(key) == key
        assert key.encode("utf-8")
        assert domain_of(key).isascii()
        assert len(key) <= MAX_LENGTH


@given(st.from_regex(r"[A-Za-z0-9.+_-]{1,20}@[A-Za-z0-9-]{1,20}\.[A-Za-z]{2,5}", fullmatch=True))
def test_case_never_tells_two_addresses_apart(written: str) -> None:
    assert normalise(written) == normalise(written.upper()) == normalise(written.swapcase())
