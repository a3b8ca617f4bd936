"""P24: contacts come in from Pipedrive, asked as its published REST API v2 wants to be asked."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from inboxd.clock import SystemClock
from inboxd.contacts import pipedrive
from inboxd.contacts.pipedrive import Person, PipedriveDown, persons
from inboxd.model import errors
from inboxd.model.addresses import normalise
from inboxd.model.contacts import NewContact
from servers.pipedrive import TOKEN, Answer, Pipedrive, answered, entry

ANN = entry(1, "Ann Lee", "ann@example.com")
BOB = entry(2, "Bob", "bob@example.com", "b@example.org")
ANN_FOUND = Person(1, NewContact("Ann Lee", ("ann@example.com",)))
BOB_FOUND = Person(2, NewContact("Bob", ("bob@example.com", "b@example.org")))


class Waits(SystemClock):
    """A clock that is waited on without delay, and remembers for how long."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


class Crm(Pipedrive):
    """A running server together with the clock of who asks it."""

    clock: Waits

    async def pull(self, url: str = "", token: str = TOKEN, **more: Any) -> list[Person]:
        pages = persons(url or self.url, token, clock=self.clock, **more)
        return [person async for page in pages for person in page]


@pytest.fixture
def crm() -> Iterator[Crm]:
    with Crm([ANN], [BOB]) as running:
        running.clock = Waits()
        yield running


def words(error: BaseException | None) -> str:
    """All that an error and those behind it say."""
    said = ""
    while error is not None:
        said += f"{error} {error!r} {error.args!r}\n"
        error = error.__cause__ or error.__context__
    return said


async def test_every_page_is_pulled_by_its_cursor(crm: Crm) -> None:
    pages = [list(page) async for page in persons(crm.url, TOKEN, clock=crm.clock)]
    assert pages == [[ANN_FOUND], [BOB_FOUND]]
    assert [asked.query.get("cursor") for asked in crm.asked] == [None, "page=1"]
    assert {asked.query["limit"] for asked in crm.asked} == {"500"}


async def test_the_token_is_in_a_header_and_never_in_the_url(crm: Crm) -> None:
    await crm.pull()
    assert [asked.headers["x-api-token"] for asked in crm.asked] == [TOKEN, TOKEN]
    assert not any(TOKEN in asked.target for asked in crm.asked)


async def test_an_account_without_persons_is_no_error(crm: Crm) -> None:
    crm.coming = [Answer(body=b'{"success": true, "data": null, "additional_data": null}')]
    assert await crm.pull() == []


async def test_a_blank_or_slash_around_the_address_does_no_harm(crm: Crm) -> None:
    assert await crm.pull(f" {crm.url}/ ") == [ANN_FOUND, BOB_FOUND]


async def test_reading_may_end_after_one_page(crm: Crm) -> None:
    async with aclosing(persons(crm.url, TOKEN, clock=crm.clock)) as pages:
        assert list(await anext(pages)) == [ANN_FOUND]
    assert len(crm.asked) == 1


async def test_a_cursor_that_comes_again_ends_with_an_error(crm: Crm) -> None:
    crm.coming = [answered([ANN], "a"), answered([BOB], "b"), answered([ANN], "a")]
    with pytest.raises(errors.ProtocolViolated, match="read already"):
        await crm.pull()
    assert len(crm.asked) == 3


@pytest.mark.parametrize("cursor", [7, True, ["a"], "a b", "a\n", "\ud800", "x" * 2_001])
async def test_an_unreadable_cursor_is_an_error_and_not_the_end(crm: Crm, cursor: Any) -> None:
    crm.coming = [answered([ANN], cursor)]
    with pytest.raises(errors.ProtocolViolated, match="next page"):
        await crm.pull()


@pytest.mark.parametrize(
    "odd",
    [
        None, 7, "Ann", [], {}, {"id": 3},
        *(entry(number, "Cleo", "cleo@example.com") for number in (None, True, "3", 0, 2**63)),
        entry(3, "Cleo"),
        entry(3, "Cleo", "", "not an address", None, 7),
        {**entry(3, "Cleo", "cleo@example.com"), "is_deleted": True},
        {"id": 3, "name": "Cleo", "emails": None},
        {"id": 3, "name": "Cleo", "emails": "cleo@example.com"},
        {"id": 3, "name": "Cleo", "emails": ["cleo@example.com", [], None]},
    ],
)  # fmt: skip
async def test_an_entry_that_cannot_be_used_is_left_out(crm: Crm, odd: Any) -> None:
    crm.coming = [answered([odd, ANN])]
    assert await crm.pull() == [ANN_FOUND]


async def test_the_primary_address_comes_first_and_each_mailbox_once(crm: Crm) -> None:
    person = entry(5, "Eve", "EVE@example.com", "eve@example.com", "  e@example.org ")
    person["emails"][0]["primary"] = False
    person["emails"][2]["primary"] = True
    crm.coming = [answered([person])]
    expected = NewContact("Eve", ("e@example.org", "EVE@example.com"))
    assert await crm.pull() == [Person(5, expected)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [(None, ""), (7, ""), (" Eve \x00\r\n  Ng\ud800 ", "Eve Ng"), ("é" * 600, "é" * 500)],
)
async def test_a_name_is_one_line_that_can_be_stored(crm: Crm, name: Any, shown: str) -> None:
    crm.coming = [answered([entry(5, name, "eve@example.com")])]
    assert [one.contact.name for one in await crm.pull()] == [shown]


KEYS = st.sampled_from(["id", "name", "emails", "value", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(
    data=JSON | st.lists(JSON, max_size=4),
    more=JSON | st.fixed_dictionaries({"next_cursor": JSON}),
    success=st.just(value=True) | JSON,
)
def test_no_shape_of_an_answer_gets_past_the_reader(data: Any, more: Any, success: Any) -> None:
    body = json.dumps({"success": success, "data": data, "additional_data": more}).encode()
    try:
        found, cursor = pipedrive._read(body, "crm.example")
    except errors.ProtocolViolated:
        return
    assert success is True
    assert cursor is None or cursor.isprintable()
    for person in found:
        assert person.id > 0
        assert all(normalise(address) for address in person.contact.addresses)


@given(body=st.binary(max_size=200))
def test_no_bytes_get_past_the_reader(body: bytes) -> None:
    with pytest.raises(errors.ProtocolViolated):
        pipedrive._read(body, "crm.example")


async def test_a_wrong_token_is_told_with_where_to_make_a_new_one(crm: Crm) -> None:
    with pytest.raises(errors.LoginRejected, match=r"^Pipedrive refuses .* > API and") as caught:
        await crm.pull(token="revoked-token")
    assert caught.value.remedy is errors.Remedy.PERSON
    assert (len(crm.asked), crm.clock.waited) == (1, [])


REFUSALS = {
    302: errors.BadInput, 400: errors.CommandRefused, 401: errors.LoginRejected,
    403: errors.LoginRejected, 404: errors.BadInput,
}  # fmt: skip


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_not_tried_again(crm: Crm, status: int) -> None:
    crm.coming = [Answer(status, headers={"location": crm.url + "/api/v2/persons"})]
    with pytest.raises(REFUSALS[status]):
        await crm.pull()
    assert len(crm.asked) == 1, "no redirect is followed either"
    assert crm.clock.waited == []


@pytest.mark.parametrize("token", ["", "a b", "töken", "abc\r\nx-other: 1", "abc\n"])
async def test_what_can_be_no_token_is_not_sent(crm: Crm, token: str) -> None:
    with pytest.raises(errors.LoginRejected) as caught:
        await crm.pull(token=token)
    assert not token or token not in words(caught.value)
    assert crm.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "", "example.pipedrive.com", "ftp://example.com", "https://", "https://a:b:c",
        "https://a b/", f"https://{TOKEN}@a.example", f"https://a.example/?api_token={TOKEN}",
    ],
)  # fmt: skip
async def test_an_address_that_cannot_be_used_is_not_repeated(crm: Crm, url: str) -> None:
    with pytest.raises(errors.BadInput, match=r"as https://example\.pipedrive\.com") as caught:
        await crm.pull(url or " ")
    assert TOKEN not in words(caught.value)


async def test_http_to_another_machine_is_refused(crm: Crm) -> None:
    with pytest.raises(errors.PlaintextRefused, match="use https"):
        await crm.pull("http://127.0.0.1.example.com")


async def test_only_a_trusted_certificate_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Crm([ANN], tls=tls) as crm:
        crm.clock = Waits()
        with pytest.raises(errors.TlsUntrusted):
            await crm.pull()
        assert (crm.asked, crm.clock.waited) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert await crm.pull() == [ANN_FOUND]


@pytest.mark.parametrize(
    ("after", "reset", "seconds"),
    [
        ("", "2", 2),
        ("7", "", 7),
        ("7", "2", 7),
        ("", "0", 1),
        ("86400", "", 300),
        ("soon", "3", 3),
    ],
)
async def test_a_rate_limit_is_waited_for_as_told(
    crm: Crm, after: str, reset: str, seconds: float
) -> None:
    crm.coming = [Answer(429, headers={"retry-after": after, "x-ratelimit-reset": reset})]
    assert await crm.pull() == [ANN_FOUND, BOB_FOUND]
    assert crm.clock.waited == [seconds]


@pytest.mark.parametrize("told", ["", "-1", "nan", "inf", "1e9", "²", "tomorrow"])
async def test_a_rate_limit_that_tells_no_time_is_waited_for_too(crm: Crm, told: str) -> None:
    crm.coming = [Answer(429, headers={"retry-after": told})]
    assert await crm.pull() == [ANN_FOUND, BOB_FOUND]
    assert [1 <= seconds <= 1.5 for seconds in crm.clock.waited] == [True]


async def test_a_rate_limit_without_end_is_told_with_its_time(crm: Crm) -> None:
    crm.always = Answer(429, headers={"retry-after": "3600"})
    with pytest.raises(errors.Throttled) as caught:
        await crm.pull(tries=3)
    assert caught.value.retry_after_seconds == 3600
    assert crm.clock.waited == [300, 300]


async def test_failures_in_passing_are_sat_out_with_growing_pauses(crm: Crm) -> None:
    cut_off = Answer(body=b'{"success": true, ', missing_bytes=100)
    crm.coming = [Answer(500), Answer(500), Answer(500), cut_off]
    assert await crm.pull() == [ANN_FOUND, BOB_FOUND]
    assert all(1 <= s <= most for s, most in zip(crm.clock.waited, (1.5, 3, 6, 12), strict=True))


async def test_a_fault_that_stays_is_told_after_the_last_try(crm: Crm) -> None:
    crm.always = Answer(500)
    with pytest.raises(PipedriveDown, match="HTTP 500"):
        await crm.pull(tries=4)
    assert (len(crm.asked), len(crm.clock.waited)) == (4, 3)


async def test_only_failures_in_a_row_count(crm: Crm) -> None:
    crm.coming = [Answer(500), answered([ANN], "page=1"), Answer(500)]
    assert await crm.pull(tries=2) == [ANN_FOUND, BOB_FOUND]


async def test_a_server_that_says_nothing_is_tried_again(crm: Crm) -> None:
    crm.always = Answer(silent=True)
    with pytest.raises(errors.ServerSilent, match=r"within 0\.05 s"):
        await crm.pull(timeout_seconds=0.05, tries=2)
    assert len(crm.clock.waited) == 1


async def test_nobody_there_is_told_after_the_last_try(crm: Crm) -> None:
    # Bound and not listening: nobody answers, and nobody else gets the port.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(errors.CannotConnect):
            await crm.pull(f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert len(crm.clock.waited) == 4


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>Log in</html>", b"\xff\xfe\x00", b"[" * 100_000, b"[]", b"7", b"{}",
        b'{"success": false, "data": []}', b'{"success": true}',
        b'{"success": true, "data": {}}',
        b'{"success": true, "data": [], "additional_data": "x"}',
    ],
)  # fmt: skip
async def test_an_answer_that_is_no_page_is_told_at_once(crm: Crm, body: bytes) -> None:
    crm.coming = [Answer(body=body)]
    with pytest.raises(errors.ProtocolViolated, match=r"127\.0\.0\.1"):
        await crm.pull()


async def test_a_page_may_be_as_large_as_the_limit(crm: Crm) -> None:
    page = answered([ANN]).body
    crm.coming = [Answer(body=page.ljust(pipedrive.MAX_PAGE_BYTES))]
    assert await crm.pull() == [ANN_FOUND]
    # Waiting for the bytes that never come would be ConnectionLost.
    too_much = page.ljust(pipedrive.MAX_PAGE_BYTES + 1)
    crm.coming = [Answer(body=too_much, missing_bytes=2**40)]
    with pytest.raises(errors.ProtocolViolated, match="more than 10 MiB"):
        await crm.pull()
    assert crm.clock.waited == []


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status) for status in (*REFUSALS, 429, 500)),
        Answer(body=b"{", missing_bytes=10),
        Answer(body=json.dumps({"success": False, "error": TOKEN}).encode()),
    ],
)
async def test_no_error_holds_the_token(crm: Crm, answer: Answer) -> None:
    crm.always = answer
    with pytest.raises(errors.InboxdError) as caught:
        await crm.pull(tries=1)
    assert TOKEN not in words(caught.value)
    assert str(caught.value).endswith(".")
