"""Bytes become responses: every trap of aioimaplib's receive path, met on purpose (T6)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.imap.protocol import MAX_LINE_BYTES, MAX_LITERAL_BYTES, Exchange, ImapProtocol
from inboxd.imap.responses import Status, fetch_items, item_body
from inboxd.model.errors import ConnectionLost, ProtocolViolated, Throttled

GREETING = b"* OK ready\r\n"


def selected() -> ImapProtocol:
    """A conversation with a folder open, as after EXAMINE."""
    protocol = ImapProtocol("mail.example.org:993", greeted=False)
    protocol.data_received(GREETING)
    protocol.state = "SELECTED"
    return protocol


def fetching(protocol: ImapProtocol) -> Exchange:
    return protocol.begin("FETCH", "1:*", "(UID BODY.PEEK[])", prefix="UID")


async def test_a_recorded_session_reads_the_same_wherever_it_is_cut() -> None:
    """T6: cut in two at every byte offset, and byte by byte."""
    body = b'Subject: ":(" {3}\r\n\r\n* 9 EXISTS\r\nTAG0 OK {5}\r\n'
    session = (
        b'* 1 FETCH (UID 7 BODY[] {%d}\r\n%b FLAGS (\\Seen) X "a\\"b")\r\n' % (len(body), body)
        + b"* 8 EXISTS\r\n* 3 EXPUNGE\r\n* OK [ALERT] soon down {9}\r\nTAG0 OK done {4}\r\n"
    )

    def reading(*pieces: bytes) -> tuple[object, ...]:
        protocol = selected()
        protocol.tagpre = "TAG"
        exchange = fetching(protocol)
        for piece in pieces:
            protocol.data_received(piece)
        hints = protocol.hints
        return (
            [one.parts for one in exchange.responses],
            exchange.status,
            (hints.arrived, hints.expunged),
            protocol.server_word,
            protocol.failure,
        )

    whole = reading(session)
    assert whole == (
        [
            (b"1 FETCH (UID 7 BODY[] ", body, b' FLAGS (\\Seen) X "a\\"b")'),
            (b"OK [ALERT] soon down {9}",),
        ],
        Status("OK", None, "", "done {4}"),
        (True, True),
        "soon down {9}",
        None,
    )
    for cut in range(1, len(session)):
        assert reading(session[:cut], session[cut:]) == whole
    assert reading(*(bytes((byte,)) for byte in session)) == whole


async def test_ten_thousand_lines_in_one_read_neither_recurse_nor_slow_down() -> None:
    protocol = selected()
    exchange = fetching(protocol)
    lines = b"".join(b"* %d FETCH (UID %d)\r\n" % (n, n) for n in range(1, 20_001))
    began = time.perf_counter()
    protocol.data_received(lines + exchange.tag.encode() + b" OK done\r\n")
    taken_seconds = time.perf_counter() - began
    assert exchange.finished
    assert len(exchange.responses) == 20_000
    # A quadratic reader needs minutes for it.
    assert taken_seconds < 2


async def test_stars_and_brackets_in_mail_are_left_alone() -> None:
    protocol = selected()
    exchange = fetching(protocol)
    protocol.data_received(b'* 1 FETCH (UID 1 X "5* hotel :((" BODY[] {6}\r\n* ((())\r\n')
    (response,) = exchange.responses
    items = fetch_items(response)
    assert items is not None
    assert items[b"X"] == b"5* hotel :(("
    assert item_body(items, b"BODY[]") == b"* ((()"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"* 9 EXISTS\r\n", "arrived"),
        (b"* 2 EXPUNGE\r\n", "expunged"),
        (b"* VANISHED 41,43:45\r\n", "expunged"),
        (b"* 4 FETCH (FLAGS (\\Seen))\r\n", "flags"),
        (b'* STATUS "Sent" (MESSAGES 4 UIDNEXT 9)\r\n', "folders"),
        (b'* LIST () "/" "New"\r\n', "list_changed"),
    ],
)
async def test_what_comes_unasked_is_kept_whatever_command_is_under_way(
    line: bytes, expected: str
) -> None:
    protocol = selected()
    exchange = protocol.begin("NOOP")
    protocol.data_received(line + exchange.tag.encode() + b" OK\r\n")
    assert getattr(protocol.hints, expected)
    assert protocol.hints.received_at == protocol.heard_at


async def test_an_exists_glued_to_the_end_of_idle_is_kept() -> None:
    """T26."""
    protocol = selected()
    exchange = protocol.begin("IDLE")
    protocol.data_received(b"+ idling\r\n")
    protocol.data_received(b"* 5 EXISTS\r\n" + exchange.tag.encode() + b" OK done\r\n")
    assert exchange.finished
    assert protocol.hints.arrived


async def test_a_lost_connection_fails_the_command_at_once() -> None:
    protocol = selected()
    exchange = fetching(protocol)
    protocol.connection_lost(None)
    assert exchange.finished
    assert isinstance(exchange.failure, ConnectionLost)
    with pytest.raises(ConnectionLost):
        protocol.begin("NOOP")


async def test_a_farewell_ends_the_conversation_with_its_words() -> None:
    protocol = selected()
    exchange = fetching(protocol)
    protocol.data_received(b"* BYE Session invalidated - AccessTokenExpired\r\n")
    assert exchange.failure is not None
    assert "AccessTokenExpired" in str(exchange.failure)


async def test_a_farewell_for_load_is_throttling_not_trouble() -> None:
    """T28."""
    protocol = selected()
    protocol.data_received(b"* BYE [UNAVAILABLE] Try again later\r\n")
    assert isinstance(protocol.failure, Throttled)


@pytest.mark.parametrize(
    "line",
    [
        b"WRONG1 OK done\r\n",
        b"nonsense without a tag\r\n",
        b"* 1 FETCH (BODY[] {%d}\r\n" % (MAX_LITERAL_BYTES + 1),
    ],
)
async def test_a_violation_of_the_grammar_ends_the_conversation(line: bytes) -> None:
    protocol = selected()
    exchange = fetching(protocol)
    protocol.data_received(line)
    assert isinstance(exchange.failure, ProtocolViolated)


async def test_a_line_without_end_is_not_kept_for_ever() -> None:
    protocol = selected()
    for _ in range(MAX_LINE_BYTES // 2**20 + 1):
        protocol.data_received(b"x" * 2**20)
    assert isinstance(protocol.failure, ProtocolViolated)


async def test_a_challenge_with_an_error_is_answered_by_an_empty_line() -> None:
    """T17: without it the server waits, and so does the login."""
    protocol = ImapProtocol("mail.example.org:993", greeted=False)
    protocol.data_received(GREETING)
    protocol.begin("AUTHENTICATE", "XOAUTH2", "dG9rZW4=")
    protocol.take_outgoing()
    protocol.data_received(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n")
    assert protocol.take_outgoing() == b"\r\n"


async def test_two_commands_at_once_are_a_bug_and_not_a_race() -> None:
    protocol = selected()
    protocol.begin("NOOP")
    with pytest.raises(RuntimeError, match="under way"):
        protocol.begin("NOOP")


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
async def test_no_argument_can_begin_another_command(character: str) -> None:
    """T23."""
    protocol = selected()
    with pytest.raises(ValueError, match="not allowed"):
        protocol.begin("EXAMINE", f'"a{character}A1 DELETE INBOX"')
    assert protocol.take_outgoing() == b""


async def test_bytes_behind_the_ok_to_compress_are_left_for_the_inflater() -> None:
    protocol = ImapProtocol("mail.example.org:993", greeted=False)
    protocol.data_received(GREETING)
    protocol.state = "AUTH"
    exchange = protocol.begin("COMPRESS", "DEFLATE")
    protocol.data_received(exchange.tag.encode() + b" OK go\r\n\x4b\x4c\x04\x00")
    assert protocol.take_compressed_rest() == b"\x4b\x4c\x04\x00"
    assert protocol.take_compressed_rest() is None


async def test_a_refused_examine_leaves_nothing_selected() -> None:
    protocol = selected()
    exchange = protocol.begin("EXAMINE", '"gone"')
    protocol.data_received(exchange.tag.encode() + b" NO [NONEXISTENT] no\r\n")
    with pytest.raises(RuntimeError, match="not possible"):
        protocol.begin("FETCH", "1", "(UID)", prefix="UID")


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_no_bytes_whatsoever_escape_as_an_exception(pieces: list[bytes]) -> None:
    protocol = ImapProtocol("mail.example.org:993", greeted=True)
    for piece in pieces:
        protocol.data_received(piece)
