"""Personal settings and blocking: each rule with its cases (P21, P22)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.errors import BadInput
from inboxd.model.ids import AddressKey
from inboxd.model.settings import NAMES, Blocks, Settings, changed, differing

OWN = AddressKey("me@own.example")
SPAMMER = AddressKey("bad@spam.example")
BELOW = AddressKey("bad@mail.spam.example")
FRIEND = AddressKey("friend@good.example")


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"time_zon": "UTC"}, "did you mean time_zone"),
        ({"color": "red"}, "There is no setting 'color'"),
        ({"time_zone": "Mars/Olympus"}, "IANA name such as Europe/Berlin"),
        ({"time_zone": "../etc/passwd"}, "IANA name"),
        ({"visibility": "secret"}, "private or shared"),
        ({"strict": "perhaps"}, "is a switch: send true or false"),
        ({"strict": 1}, "is a switch"),
        ({"blocked": "not an address"}, "neither an address nor a domain"),
        ({"blocked": ["com"]}, "neither an address nor a domain"),
        ({"blocked": 7}, "a list of addresses and domains"),
        ({"deleted_on_server": "0d"}, "hide, purge, or a number of days"),
        ({"default_account": "nobody"}, "is no e-mail address"),
        ({"signature": "x" * 20_001}, "20,000 characters"),
        ({"signature": None}, "takes text"),
    ],
)
def test_an_impossible_setting_is_refused_with_what_to_send(
    wishes: dict[str, object], sentence: str
) -> None:
    """P21."""
    with pytest.raises(BadInput, match=sentence):
        changed(Settings(), wishes)


def test_words_of_a_command_line_are_understood() -> None:
    """P21."""
    after = changed(
        Settings(), {"strict": "yes", "blocked": "Bad@Spam.Example, *.ads.example @x.example"}
    )
    assert after.strict
    assert after.blocked == ("bad@spam.example", "ads.example", "x.example")


@pytest.mark.parametrize(
    ("value", "kept"), [("hide", None), ("purge", timedelta()), ("30d", timedelta(days=30))]
)
def test_how_long_deleted_mail_is_kept_is_a_setting(value: str, kept: timedelta | None) -> None:
    """P16."""
    assert changed(Settings(), {"deleted_on_server": value}).kept_when_deleted == kept


@pytest.mark.parametrize(
    ("strict", "senders", "others", "stopped"),
    [
        (False, [SPAMMER], [OWN], True),
        (False, [BELOW], [OWN], True),
        (False, [FRIEND], [OWN, SPAMMER], False),
        (False, [SPAMMER], [OWN, FRIEND], False),
        (True, [SPAMMER], [OWN, FRIEND], True),
        (False, [SPAMMER, FRIEND], [OWN], False),
        (False, [], [OWN], False),
    ],
)
def test_a_blocked_sender_is_stopped_unless_somebody_unblocked_takes_part(
    strict: bool, senders: list[AddressKey], others: list[AddressKey], stopped: bool
) -> None:
    """P22."""
    blocks = Blocks(frozenset({"spam.example"}), strict, frozenset({OWN}))
    assert blocks.stop(senders, [*senders, *others]) is stopped


def test_a_domain_that_only_ends_alike_is_not_blocked() -> None:
    """P22."""
    blocks = Blocks(frozenset({"spam.example"}), strict=True)
    assert not blocks.stop([AddressKey("a@notspam.example")], [])


_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "track_opens": st.booleans(),
        "visibility": st.sampled_from(["private", "shared"]),
        "sender_name": st.text(max_size=20),
        "time_zone": st.sampled_from(["UTC", "Asia/Tokyo"]),
        "blocked": st.lists(st.sampled_from(["a@b.example", "c.example"]), max_size=3),
        "deleted_on_server": st.sampled_from(["hide", "purge", "9d"]),
    },
)


@given(_VALUES, _VALUES)
def test_what_differs_from_the_defaults_says_it_all(
    first: dict[str, object], second: dict[str, object]
) -> None:
    """P21: stored and read back, settings are the same; a change touches what it names only."""
    one = changed(Settings(), first)
    assert changed(Settings(), json.loads(json.dumps(differing(one)))) == one
    two = changed(one, second)
    for name in NAMES:
        if name not in second:
            assert getattr(two, name) == getattr(one, name)
