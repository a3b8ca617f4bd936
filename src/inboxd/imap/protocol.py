"""aioimaplib's protocol with a receive path of its own: bytes in, whole responses out.

Of aioimaplib its commands, tags, states and its guard against control characters are used. How
bytes become responses is replaced, because the library recurses once per line, scans literals,
copies the buffer per line, drops what no command waits for, and leaves commands waiting when the
connection ends. Here a response is cut by lines and literals alone, iteratively, over one buffer.

No line of traffic is ever logged: it holds mail and passwords.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable

from aioimaplib.aioimaplib import (
    AUTH,
    LOGOUT,
    NONAUTH,
    SELECTED,
    Cmd,
    Command,
    Commands,
    Exec,
    IMAP4ClientProtocol,
)

from inboxd.imap.hints import Hints
from inboxd.imap.refusals import farewell
from inboxd.imap.responses import (
    PartialStatus,
    Response,
    Status,
    parse_capabilities,
    parse_folder_status,
    parse_status,
)
from inboxd.model.errors import InboxdError, ProtocolViolated

MAX_LINE_BYTES = 16 * 1024 * 1024
"""The longest line asked for is a plain SEARCH: 589 kB for 100,000 messages. This allows for
more than two million."""

MAX_LITERAL_BYTES = 64 * 1024 * 1024
"""What is fetched whole is planned to be far smaller; larger messages come in pieces. A literal
beyond this is a lie of the server and would fill the memory."""

_KNOWN = {
    **Commands,
    "NOTIFY": Cmd("NOTIFY", (AUTH, SELECTED), Exec.is_sync),
    "COMPRESS": Cmd("COMPRESS", (AUTH,), Exec.is_sync),
}

_ANSWERS = frozenset({(b"FETCH", "FETCH"), (b"EXISTS", "EXAMINE"), (b"EXISTS", "SELECT")})
"""Which numbered responses answer which command; all others came unasked."""

_OPENING = frozenset({"EXAMINE", "SELECT"})

_LITERAL = re.compile(rb"~?\{(\d{1,19})\+?\}$")
_STATUS_LINE = re.compile(rb"(?i)\* (?:OK|NO|BAD|BYE|PREAUTH)\b")
_NUMBERED = re.compile(rb"(\d+) ([A-Za-z]+)")


class Exchange(Command):
    """One command with all that answers it."""

    def __init__(self, name: str, tag: str, *args: str, prefix: str = "") -> None:
        super().__init__(name, tag, *args, prefix=prefix)
        self.responses: list[Response] = []
        self.status: Status | None = None
        # The library's own way of waiting; each such thing costs 0.7 kB a connection.
        del self._event
        self.continued = False
        """The server said `+`."""
        self.answers: deque[bytes] = deque()
        """What to send at each `+`, in turn; an authentication then gets an empty line, because
        an XOAUTH2 challenge of an error waits for one."""
        self.ending = False
        """DONE was said to this IDLE."""
        self.finished = False
        self.failure: InboxdError | None = None

    def finish(self, status: Status | None, failure: InboxdError | None = None) -> None:
        """End it: with its tagged status, or with what became of the connection."""
        self.status, self.failure = status, failure
        self.finished = True


class ImapProtocol(IMAP4ClientProtocol):
    """The state of one conversation, fed by its connection."""

    def __init__(self, where: str, *, greeted: bool) -> None:
        super().__init__(None)
        # Waiting is done otherwise here, and these hold a queue for each of a thousand
        # connections: 6 kB of the 64 that one may cost.
        del self.state_condition, self.idle_queue, self._idle_event
        self._where = where
        self._buffer = bytearray()
        self._outgoing = bytearray()
        self._scanned = 0
        self._literal_left: int | None = None
        self._parts: list[bytes] = []
        self._pending: Exchange | None = None
        self._compressed_rest: bytes | None = None
        self.state = NONAUTH if greeted else "CONNECTED"
        self.greeting: Status | None = None
        self.greeted = greeted
        """The greeting came, or the end of the connection."""
        # Shared with other connections, so it is never changed in place.
        self.capabilities: frozenset[str] = frozenset()  # type: ignore[assignment]
        self.hints = Hints()
        self._exists = 0
        self.failure: InboxdError | None = None
        """Why the connection is over; None while it lives."""
        self.server_word = ""
        """The server's last words to people: an ALERT or a farewell."""
        self.heard_at = time.monotonic()
        """When the last byte came in, in seconds of the monotonic clock."""

    # --- sending ---------------------------------------------------------------------------------

    @property
    def pending(self) -> Exchange | None:
        """The command under way."""
        return self._pending

    def begin(
        self, name: str, *args: str, prefix: str = "", answers: Iterable[bytes] = ()
    ) -> Exchange:
        """Write a command; it is on the wire once `take_outgoing` was sent.

        Raises RuntimeError when another one is under way: a connection has one owner task.
        Raises what ended the connection, if something did.
        """
        if self.failure is not None:
            raise self.failure
        if self._pending is not None:
            raise RuntimeError(f"{name} while {self._pending.name} is under way")
        if self.state not in _KNOWN[name].valid_states:
            raise RuntimeError(f"{name} is not possible in state {self.state}")
        exchange = Exchange(name, self.new_tag(), *args, prefix=prefix)
        exchange.answers.extend(answers)
        self._pending = exchange
        self.write(str(exchange))
        return exchange

    def write(self, line: str) -> None:
        """Write one line. Undecodable bytes of folder names travel as surrogate escapes."""
        self._outgoing += line.encode("utf-8", "surrogateescape") + b"\r\n"

    @property
    def has_outgoing(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._outgoing)

    def take_outgoing(self) -> bytes:
        """What is to be sent now; given once."""
        data, self._outgoing = bytes(self._outgoing), bytearray()
        return data

    # --- receiving -------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes in, cut anywhere. Raises nothing: trouble ends the conversation."""
        self.heard_at = time.monotonic()
        self._buffer += data
        try:
            self._feed()
        except ProtocolViolated as error:
            self.end(error)

    def _feed(self) -> None:
        buffer = self._buffer
        position = 0
        try:
            while self.failure is None and self._compressed_rest is None:
                if self._literal_left is not None:
                    end = position + self._literal_left
                    if len(buffer) < end:
                        return
                    self._parts.append(bytes(memoryview(buffer)[position:end]))
                    position, self._scanned, self._literal_left = end, end, None
                    continue
                found = buffer.find(b"\n", max(position, self._scanned))
                if found < 0:
                    self._scanned = len(buffer)
                    if len(buffer) - position > MAX_LINE_BYTES:
                        raise ProtocolViolated(f"{self._where} sent a line without end.")
                    return
                line = bytes(memoryview(buffer)[position:found]).removesuffix(b"\r")
                position = self._scanned = found + 1
                self._line(line)
            if self._compressed_rest is not None:
                self._compressed_rest = bytes(buffer[position:])
                position = len(buffer)
        finally:
            del buffer[:position]
            self._scanned = max(0, self._scanned - position)

    def _line(self, line: bytes) -> None:
        literal = None
        # The text of a status may end in braces; it never announces a literal.
        if line.endswith(b"}") and (self._parts or self._may_announce(line)):
            literal = _LITERAL.search(line)
        if literal is None:
            parts, self._parts = (*self._parts, line), []
            self._response(parts)
            return
        size = int(literal[1])
        if size > MAX_LITERAL_BYTES:
            raise ProtocolViolated(f"{self._where} sent a literal of {size} bytes.")
        self._parts.append(line[: literal.start()])
        self._literal_left = size

    @staticmethod
    def _may_announce(line: bytes) -> bool:
        return line.startswith(b"* ") and _STATUS_LINE.match(line) is None

    def take_compressed_rest(self) -> bytes | None:
        """Once, after the OK to COMPRESS: the bytes behind it, which are deflated."""
        rest, self._compressed_rest = self._compressed_rest, None
        return rest

    # --- routing ---------------------------------------------------------------------------------

    def _response(self, parts: tuple[bytes, ...]) -> None:
        head = parts[0]
        if not self.greeted:
            self._greet(head)
        elif head.startswith(b"* "):
            self._untagged(Response((head[2:], *parts[1:])))
        elif head.startswith(b"+"):
            self._continue()
        elif head:
            self._tagged(head)

    def _greet(self, head: bytes) -> None:
        self.greeting = parse_status(head[2:]) if head.startswith(b"* ") else None
        if self.greeting is None:
            self.greeting = Status("NONSENSE", None, "", head[:80].decode("latin-1"))
        self.state = AUTH if self.greeting.result == "PREAUTH" else NONAUTH
        self.greeted = True

    def _continue(self) -> None:
        pending = self._pending
        if pending is None:
            return
        pending.continued = True
        if pending.answers:
            self._outgoing += pending.answers.popleft() + b"\r\n"
        elif pending.name == "AUTHENTICATE":
            self._outgoing += b"\r\n"

    def _tagged(self, head: bytes) -> None:
        tag, _, rest = head.partition(b" ")
        status = parse_status(rest)
        pending = self._pending
        if pending is None or status is None or tag.decode("latin-1") != pending.tag:
            raise ProtocolViolated(f"{self._where} answered a command that was never given.")
        self._pending = None
        self._note(status)
        if status.result == "OK":
            self._moved_on(pending)
        elif pending.name in _OPENING:
            # RFC 3501 6.3.1: a failed one leaves no folder selected.
            self.state = AUTH
        pending.finish(status)

    def _moved_on(self, done: Exchange) -> None:
        if done.name in ("LOGIN", "AUTHENTICATE"):
            self.state = AUTH
        elif done.name in _OPENING:
            self.state = SELECTED
        elif done.name == "COMPRESS":
            self._compressed_rest = b""

    def _untagged(self, response: Response) -> None:
        status = parse_status(response.head)
        if status is not None:
            self._untagged_status(status, response)
            return
        numbered = _NUMBERED.match(response.head)
        if numbered is not None:
            self._numbered(numbered[2].upper(), response)
            return
        word = response.head.partition(b" ")[0].upper()
        if word == b"CAPABILITY":
            self.capabilities = parse_capabilities(response.head[len(b"CAPABILITY") :])
        elif word == b"VANISHED":
            self.hints.expunged = True
            self._hinted()
        elif word == b"STATUS" and not self._awaited("STATUS", "LIST"):
            self.hint_folder(parse_folder_status(response))
        elif word == b"LIST" and not self._awaited("LIST"):
            self.hints.list_changed = True
            self._hinted()
        elif self._pending is not None:
            self._pending.responses.append(response)

    def _untagged_status(self, status: Status, response: Response) -> None:
        self._note(status)
        if status.result == "BYE":
            self.server_word = status.text
            if not self._awaited("LOGOUT"):
                self.end(farewell(self._where, status))
        elif self._pending is not None:
            self._pending.responses.append(response)

    def _numbered(self, word: bytes, response: Response) -> None:
        if word == b"EXISTS":
            self._count(int(response.head.partition(b" ")[0]))
        if self._pending is not None and (word, self._pending.name) in _ANSWERS:
            self._pending.responses.append(response)
        elif word == b"EXISTS":
            self.hints.arrived = True
            self._hinted()
        elif word == b"EXPUNGE":
            self._exists -= 1
            self.hints.expunged = True
            self._hinted()
        elif word == b"FETCH":
            self.hints.flags = True
            self._hinted()

    def _count(self, exists: int) -> None:
        self.hints.arrivals += max(0, exists - self._exists)
        self._exists = exists

    def _awaited(self, *names: str) -> bool:
        return self._pending is not None and self._pending.name in names

    def _note(self, status: Status) -> None:
        if status.code == "CAPABILITY":
            self.capabilities = parse_capabilities(status.arguments.encode())
        elif status.code == "ALERT":
            self.server_word = status.text

    def hint_folder(self, status: PartialStatus | None) -> None:
        """Keep what the server told of another folder."""
        if status is not None:
            self.hints.folders.append(status)
            self._hinted()

    def _hinted(self) -> None:
        if self.hints.received_at is None:
            self.hints.received_at = self.heard_at
        self.leave_idle()

    def leave_idle(self) -> None:
        """End an IDLE that has begun; once.

        A hint does it by itself, in the same turn of the event loop in which it came.
        """
        pending = self._pending
        if pending is None or pending.name != "IDLE" or pending.ending:
            return
        if pending.continued:
            pending.ending = True
            self.write("DONE")

    # --- the end ---------------------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended; whoever waits is told at once."""
        if isinstance(exc, InboxdError):
            self.end(exc)
        else:
            self.end(farewell(self._where, Status("BYE", None, "", "the connection was closed")))

    def end(self, failure: InboxdError) -> None:
        """Nothing can be said or heard any more. The first reason stays."""
        if self.failure is not None:
            return
        self.failure = failure
        self.state = LOGOUT
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.finish(None, failure)
        self.greeted = True
