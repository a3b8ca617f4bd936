"""Contents once, placements many, exactly one outcome for every UID (P14, P17, P33)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from inboxd.model.errors import BadInput, NotFound
from inboxd.model.events import EventType
from inboxd.model.ids import MessageId, Uid
from inboxd.model.search import parse_query
from inboxd.model.server import UidSet
from inboxd.model.views import MessageQuery
from inboxd.store import contacts, ledger, messages, reading, retention
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.ledger import Reason
from inboxd.store.messages import Content, Stored
from unit.store.conftest import VALIDITY, Shelf, letter


async def put(shelf: Shelf, folder: Folder, *pairs: tuple[int, Content]) -> Stored:
    arrivals = [(Uid(uid), content) for uid, content in pairs]
    return await shelf.database.write(
        lambda unit: messages.store(unit, shelf.place(folder), arrivals)
    )


async def listed(shelf: Shelf, query: MessageQuery) -> list[str]:
    page = await shelf.database.read(reading.page, query, account=shelf.account, contact=None)
    return [one.subject for one in page.items]


async def test_one_content_in_two_folders_is_one_message_with_two_placements(shelf: Shelf) -> None:
    """P14, T21."""
    await put(shelf, shelf.inbox, (1, letter(1)))
    again = await put(shelf, shelf.archive, (9, letter(1)))
    assert again.new == 0
    page = await shelf.database.read(
        reading.page, MessageQuery(), account=shelf.account, contact=None
    )
    (only,) = page.items
    assert [(one.folder, one.uid) for one in only.placements] == [("Archive", 9), ("INBOX", 1)]
    assert only.labels == ("Archive", "INBOX")


async def test_twice_the_same_in_one_batch_is_stored_once(shelf: Shelf) -> None:
    """P14, T21."""
    assert (await put(shelf, shelf.inbox, (1, letter(1)), (2, letter(1)))).new == 1


async def test_one_message_id_with_different_bodies_is_different_messages(shelf: Shelf) -> None:
    """P14, T21: Message-ID is not unique."""
    texts = ["one", "two", "three"]
    pairs = [(uid, letter(1, text=text)) for uid, text in enumerate(texts, start=1)]
    assert (await put(shelf, shelf.inbox, *pairs)).new == 3


async def test_storing_again_changes_and_announces_nothing(shelf: Shelf) -> None:
    """P13, P33."""
    await put(shelf, shelf.inbox, (1, letter(1)), (2, letter(2)))
    before = await shelf.events()
    assert await put(shelf, shelf.inbox, (1, letter(1)), (2, letter(2))) == Stored(0, 0)
    assert await shelf.events() == before


async def test_a_new_message_is_announced_and_a_further_place_is_a_change(shelf: Shelf) -> None:
    """P13, P33."""
    await put(shelf, shelf.inbox, (1, letter(1)))
    await put(shelf, shelf.archive, (1, letter(1)))
    assert [one.type for one in await shelf.events()] == [
        EventType.MESSAGE_STORED,
        EventType.MESSAGE_CHANGED,
    ]


async def test_a_message_that_leaves_its_last_folder_is_hidden_and_comes_back(
    shelf: Shelf,
) -> None:
    """P16."""
    await put(shelf, shelf.inbox, (1, letter(1)))

    def leave(unit: Unit) -> int:
        return ledger.mark_gone(unit, shelf.account, shelf.inbox.id, VALIDITY, UidSet.of([1]))

    assert await shelf.database.write(leave) == 1
    assert await listed(shelf, MessageQuery()) == []
    assert (await shelf.events())[-1].type is EventType.MESSAGE_GONE
    await put(shelf, shelf.archive, (5, letter(1)))
    assert await listed(shelf, MessageQuery()) == ["Letter 1"]


async def test_a_message_that_only_moved_stays(shelf: Shelf) -> None:
    """P16: archived on the server changes nothing but the placement."""
    await put(shelf, shelf.inbox, (1, letter(1)))
    await put(shelf, shelf.archive, (5, letter(1)))
    await shelf.database.write(
        lambda unit: ledger.mark_gone(
            unit, shelf.account, shelf.inbox.id, VALIDITY, UidSet.of([1])
        )
    )
    assert await listed(shelf, MessageQuery(label="Archive")) == ["Letter 1"]
    assert await listed(shelf, MessageQuery(label="INBOX")) == []


async def test_a_skip_never_overrules_what_is_stored_and_a_resync_overrules_a_skip(
    shelf: Shelf,
) -> None:
    """P13."""
    await put(shelf, shelf.inbox, (1, letter(1)))

    def skip(unit: Unit) -> None:
        reasons = [(Uid(uid), Reason.BEFORE_START) for uid in (1, 2)]
        ledger.skip(unit, shelf.inbox.id, VALIDITY, reasons)

    await shelf.database.write(skip)
    stored = await shelf.database.read(ledger.stored, shelf.inbox.id, VALIDITY)
    assert stored == UidSet.of([1])
    await put(shelf, shelf.inbox, (2, letter(2)))
    stored = await shelf.database.read(ledger.stored, shelf.inbox.id, VALIDITY)
    assert stored == UidSet.of([1, 2])


async def test_a_bad_unit_takes_no_neighbour_along(shelf: Shelf) -> None:
    """P17: what is committed together stands or falls alone."""

    def bad(unit: Unit) -> None:
        unit.emit(EventType.MESSAGE_CHANGED, shelf.account, {"id": 0})
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        await shelf.database.write(bad)
    await put(shelf, shelf.inbox, (1, letter(1)))
    assert [one.seq for one in await shelf.events()] == [1]


async def test_events_are_gapless(shelf: Shelf) -> None:
    """P33."""
    for number in range(1, 30):
        await put(shelf, shelf.inbox, (number, letter(number)))
    assert [one.seq for one in await shelf.events()] == list(range(1, 30))
    assert shelf.commits[-1] == 29


async def test_a_contact_added_later_is_linked_to_what_is_stored(shelf: Shelf) -> None:
    """P25."""
    await put(shelf, shelf.inbox, (1, letter(1)))
    contact, _ = await shelf.database.write(
        lambda unit: contacts.add(
            unit,
            "Ann",
            [("ann1@example.org", "Ann1@example.org")],  # type: ignore[list-item] # NewType of str
        )
    )
    page = await shelf.database.read(
        reading.page, MessageQuery(), account=shelf.account, contact=None
    )
    assert page.items[0].contacts == (contact,)


async def test_pages_go_through_everything_once(shelf: Shelf) -> None:
    """P32."""
    await put(shelf, shelf.inbox, *[(n, letter(n)) for n in range(1, 24)])
    seen: list[str] = []
    query = MessageQuery(limit=5)
    while True:
        page = await shelf.database.read(reading.page, query, account=None, contact=None)
        seen += [one.subject for one in page.items]
        if page.next is None:
            break
        query = MessageQuery(limit=5, cursor=page.next)
    assert sorted(seen) == sorted(f"Letter {n}" for n in range(1, 24))


@pytest.mark.parametrize("cursor", ["x", "MTIz", "", "W10=", "é"])
async def test_a_cursor_that_is_not_ours_is_refused(shelf: Shelf, cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        await shelf.database.read(
            reading.page, MessageQuery(cursor=cursor), account=None, contact=None
        )


@pytest.mark.parametrize("words", ["Hello", "letter 1", "ann1@example.org", "he said", "hello*"])
async def test_a_query_of_words_finds_the_message(shelf: Shelf, words: str) -> None:
    """P32."""
    await put(shelf, shelf.inbox, (1, letter(1, text='Hello, he said "hello" *')))
    assert await listed(shelf, MessageQuery(search=parse_query(words))) == ["Letter 1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("cafe", {1}),
        ('"good morning"', {2}),
        ("from:ann2", {2}),
        ("to:ann2", set()),
        ("to:bob", {1, 2}),
        ("-from:ann2 hello", {1}),
        ("hello -with:ann2", {1}),
        ("hello -with:an", {1, 2}),
        ("hello -from:an", {1, 2}),
        ("hello -with:an*", set()),
        ("hello -from:bob", {1, 2}),
        ("hello -with:ann1 -with:ann2", set()),
        ("hello -cafe", {2}),
        ("cafe OR morning", {1, 2}),
        ("subject:letter label:INBOX", {1}),
        ("letter label:Arch*", set()),
        ("letter on:2025-01-01", {1, 2}),
        ("letter before:2025", set()),
        ("letter larger:1k", set()),
        ("letter -has:attachment", {1, 2}),
        ("letter has:attachment", set()),
    ],
)
async def test_each_part_of_the_query_language_narrows(
    shelf: Shelf, query: str, found: set[int]
) -> None:
    """P32: accents folded, people by their header, labels by name."""
    await put(shelf, shelf.inbox, (1, letter(1, text="Hello in the café")))
    await put(shelf, shelf.archive, (1, letter(2, text="Hello and good morning")))
    names = await listed(shelf, MessageQuery(search=parse_query(query)))
    assert set(names) == {f"Letter {number}" for number in found}


async def test_what_was_found_is_marked_and_the_rest_is_escaped(shelf: Shelf) -> None:
    """P32."""
    await put(shelf, shelf.inbox, (1, letter(1, text="<b>if</b> the price is right")))
    page = await shelf.database.read(
        reading.page, MessageQuery(search=parse_query("price")), account=None, contact=None
    )
    (found,) = page.items
    assert "&lt;b&gt;if&lt;/b&gt; the <mark>price</mark> is right" in found.match


async def test_raw_bytes_come_back_as_they_were(shelf: Shelf) -> None:
    """P32."""
    content = letter(1)
    await put(shelf, shelf.inbox, (1, content))
    raw = await shelf.database.read(reading.raw, MessageId(1))
    assert len(raw) == content.size
    with pytest.raises(NotFound):
        await shelf.database.read(reading.raw, MessageId(2))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 7)), min_size=8, max_size=8),
    st.permutations(range(8)),
)
async def test_threads_do_not_depend_on_the_order_of_arrival(
    shelf: Shelf, parents: list[int | None], order: list[int]
) -> None:
    """P32: whatever arrives first, the same messages are together."""
    letters = {
        number: letter(number, text=repr((parents, order)), refers_to=parents[number])
        for number in range(8)
    }
    folder_uid = await shelf.database.read(ledger.decided, shelf.inbox.id, VALIDITY)
    base = (folder_uid.highest or 0) + 1
    for place, number in enumerate(order):
        await put(shelf, shelf.inbox, (base + place, letters[number]))
    found = {number: await _thread_of(shelf, one) for number, one in letters.items()}
    for number, parent in enumerate(parents):
        if parent is not None:
            assert found[number] == found[parent]


async def _thread_of(shelf: Shelf, content: Content) -> int:
    page = await shelf.database.read(
        reading.page, MessageQuery(limit=1000), account=shelf.account, contact=None
    )
    return next(int(one.thread_id) for one in page.items if one.sha256 == content.sha256.hex())


async def test_a_purged_account_leaves_no_word_in_the_index(shelf: Shelf) -> None:
    """P19: and the index stays one that SQLite finds in order."""
    await put(shelf, shelf.inbox, (1, letter(1, text="unforgettable")), (2, letter(2)))
    await shelf.database.write(
        lambda unit: retention.purge_account(unit, shelf.account), durable=True
    )

    def check(unit: Unit) -> tuple[int, int]:
        unit.execute(text("INSERT INTO message_fts (message_fts) VALUES ('integrity-check')"))
        found = unit.execute(
            text("SELECT count(*) FROM message_fts WHERE message_fts MATCH 'unforgettable'")
        )
        left = unit.execute(text("SELECT count(*) FROM message"))
        return int(found.scalar_one()), int(left.scalar_one())

    assert await shelf.database.write(check) == (0, 0)
