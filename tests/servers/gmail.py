"""A server with Gmail's extension: All Mail holds every message once, and messages carry labels.

No Gmail can be reached from a test, so this stands in for it as Google's "Gmail IMAP Extensions"
page and people's observations have it: labels are folders in LIST, their changes raise MODSEQ and
are told to nobody, and what is moved to Trash leaves All Mail.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from servers.names import to_wire

CAPABILITIES = (
    "IMAP4rev1 UNSELECT IDLE NAMESPACE ID CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE "
    "ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE SASL-IR AUTH=PLAIN"
)
ALL_MAIL, TRASH = "[Gmail]/All Mail", "[Gmail]/Trash"
SYSTEM = {
    "INBOX": ("\\Inbox", ""),
    ALL_MAIL: (None, "\\All"),
    "[Gmail]/Drafts": ("\\Draft", "\\Drafts"),
    "[Gmail]/Important": ("\\Important", "\\Important"),
    "[Gmail]/Sent Mail": ("\\Sent", "\\Sent"),
    "[Gmail]/Spam": (None, "\\Junk"),
    "[Gmail]/Starred": ("\\Starred", "\\Flagged"),
    TRASH: (None, "\\Trash"),
}
"""Folder -> the label it shows, and its special use (RFC 6154)."""
UIDVALIDITY = 7


@dataclass
class Held:
    """One message."""

    uid: int
    raw: bytes
    date: datetime
    modseq: int
    labels: set[str]
    folder: str = ALL_MAIL


@dataclass
class Gmail:
    """One mailbox that opens to everybody; its methods are what happens to it elsewhere."""

    port: int = 0
    own_labels: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    """Every command line that came, without its tag."""
    before_bodies: Callable[[list[int]], None] | None = None
    """What happens once an answer with bodies is made and before it is sent."""

    def __post_init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._modseq = 100
        self._next = 1
        self._lock = threading.RLock()
        self.sessions: list[_Session] = []

    @contextmanager
    def running(self) -> Iterator[Gmail]:
        """Serve on a free port of 127.0.0.1."""

        def handler(request: object, address: object, server: socketserver.BaseServer) -> _Session:
            return _Session(self, request, address, server)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
            server.daemon_threads = True
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                for session in list(self.sessions):
                    session.cut()
                thread.join()

    def deliver(self, raw: bytes, *labels: str, date: datetime | None = None) -> int:
        """A new message; its UID in All Mail."""
        with self._lock:
            uid, self._next = self._next, self._next + 1
            moment = date or datetime.now(UTC)
            self._held[uid] = Held(uid, raw, moment, self._counted(), set(labels))
            self._tell(f"* {len(self.of(ALL_MAIL))} EXISTS")
            return uid

    def label(self, uid: int, *add: str, remove: tuple[str, ...] = ()) -> None:
        """Labels change; nobody is told."""
        with self._lock:
            one = self._held[uid]
            one.labels = (one.labels | set(add)) - set(remove)
            one.modseq = self._counted()

    def move(self, uid: int, folder: str) -> None:
        """To Trash, under a new UID."""
        with self._lock:
            position = [one.uid for one in self.of(ALL_MAIL)].index(uid) + 1
            old = self._held.pop(uid)
            self._tell(f"* {position} EXPUNGE")
            self._held[self._next] = Held(
                self._next, old.raw, old.date, self._counted(), set(), folder
            )
            self._next += 1

    def rename(self, before: str, after: str) -> None:
        """A label gets another name; its messages' MODSEQ stay."""
        with self._lock:
            self.own_labels[self.own_labels.index(before)] = after
            for one in self._held.values():
                if before in one.labels:
                    one.labels = one.labels - {before} | {after}

    def labels_of(self, uid: int) -> set[str]:
        """What a message carries."""
        return set(self._held[uid].labels)

    def of(self, folder: str) -> list[Held]:
        """What a folder shows, by UID."""
        with self._lock:
            label = SYSTEM.get(folder, (folder, ""))[0]
            return [
                one
                for uid, one in sorted(self._held.items())
                if one.folder == folder or (one.folder == ALL_MAIL and label in one.labels)
            ]

    def status(self, folder: str) -> dict[str, int]:
        """The numbers of STATUS."""
        with self._lock:
            return {
                "MESSAGES": len(self.of(folder)),
                "UIDNEXT": self._next,
                "UIDVALIDITY": UIDVALIDITY,
                "HIGHESTMODSEQ": self._modseq,
            }

    @property
    def folders(self) -> dict[str, str]:
        """Every folder with its attributes."""
        return {name: use for name, (_, use) in SYSTEM.items()} | dict.fromkeys(
            self.own_labels, ""
        )

    def _counted(self) -> int:
        self._modseq += 1
        return self._modseq

    def _tell(self, line: str) -> None:
        for session in list(self.sessions):
            if session.selected == ALL_MAIL:
                session.tell(line)


class _Session(socketserver.StreamRequestHandler):
    """One connection."""

    def __init__(self, mailbox: Gmail, *arguments: object) -> None:
        self._mailbox = mailbox
        self.selected: str | None = None
        self._idling = False
        self._news: list[str] = []
        self._writing = threading.RLock()
        super().__init__(*arguments)  # type: ignore[arg-type]

    def handle(self) -> None:
        """Answer commands until the client goes."""
        self._mailbox.sessions.append(self)
        try:
            self._send(f"* OK [CAPABILITY {CAPABILITIES}] Gimap ready")
            while line := self.rfile.readline():
                self._command(line.decode().rstrip("\r\n"))
        except (OSError, ValueError):
            return
        finally:
            self._mailbox.sessions.remove(self)

    def cut(self) -> None:
        """Close the connection from this side."""
        self.request.close()

    def tell(self, line: str) -> None:
        """News of the selected folder: at once in IDLE, else with the next answer."""
        with self._writing:
            if self._idling:
                self._send(line)
            else:
                self._news.append(line)

    def _send(self, line: str | bytes) -> None:
        with self._writing:
            self.wfile.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def _command(self, line: str) -> None:
        tag, _, command = line.partition(" ")
        word, _, rest = command.partition(" ")
        self._mailbox.commands.append(command if word.upper() != "AUTHENTICATE" else word)
        if word.upper() == "UID":
            word, _, rest = rest.partition(" ")
        answer = getattr(self, f"_{word.lower()}", None)
        if answer is None:
            self._send(f"{tag} BAD Unknown command {word}")
            return
        word_of_it = answer(rest) or "Success"
        with self._writing:
            for news in self._news:
                self._send(news)
            self._news.clear()
            self._send(f"{tag} OK {word_of_it}")

    def _capability(self, _rest: str) -> None:
        self._send(f"* CAPABILITY {CAPABILITIES}")

    def _authenticate(self, _rest: str) -> None:
        self._capability("")

    _login = _authenticate

    def _id(self, _rest: str) -> None:
        self._send('* ID ("name" "GImap")')

    def _noop(self, _rest: str) -> None:
        return

    def _logout(self, _rest: str) -> None:
        self._send("* BYE LOGOUT Requested")

    def _list(self, rest: str) -> None:
        for name, use in self._mailbox.folders.items():
            self._send(f'* LIST (\\HasNoChildren {use}) "/" {_quoted(name)}')
        self._send('* LIST (\\HasChildren \\Noselect) "/" "[Gmail]"')
        if "STATUS" in rest:
            for name in self._mailbox.folders:
                self._tell_status(name)

    def _tell_status(self, name: str) -> None:
        numbers = " ".join(f"{key} {value}" for key, value in self._mailbox.status(name).items())
        self._send(f"* STATUS {_quoted(name)} ({numbers})")

    def _status(self, rest: str) -> None:
        self._tell_status(self._folder(rest))

    def _folder(self, rest: str) -> str:
        wire = re.match(r'"((?:[^"\\]|\\.)*)"|(\S+)', rest)
        assert wire is not None
        asked = wire[1] if wire[1] is not None else wire[2]
        return next(name for name in self._mailbox.folders if to_wire(name) == asked)

    def _examine(self, rest: str) -> str:
        self.selected = self._folder(rest)
        numbers = self._mailbox.status(self.selected)
        self._send(f"* {numbers['MESSAGES']} EXISTS")
        for key in ("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"):
            self._send(f"* OK [{key} {numbers[key]}]")
        return "[READ-ONLY] opened"

    _select = _examine

    def _search(self, rest: str) -> None:
        held = self._mailbox.of(self.selected or "")
        if (within := re.search(r"UID ([\d:,*]+)", rest)) is not None:
            held = [one for one in held if _within(one.uid, within[1])]
        if (header := re.search(r'HEADER (\S+) "(.*)"', rest)) is not None:
            held = [one for one in held if header[2].encode() in one.raw]
        uids = [str(one.uid) for one in held]
        if rest.startswith("RETURN"):
            found = f" ALL {','.join(uids)}" if uids else ""
            self._send(f'* ESEARCH (TAG "x") UID{found}')
        else:
            self._send(f"* SEARCH {' '.join(uids)}".rstrip())

    def _fetch(self, rest: str) -> None:
        uids, _, asked = rest.partition(" ")
        since = re.search(r"\(CHANGEDSINCE (\d+)\)", asked)
        partial = re.search(r"<(\d+)\.(\d+)>", asked)
        answer: list[bytes] = []
        told: list[int] = []
        for number, one in enumerate(self._mailbox.of(self.selected or ""), start=1):
            if not _within(one.uid, uids) or (since and one.modseq <= int(since[1])):
                continue
            labels = " ".join(_spelled(label) for label in sorted(one.labels))
            date = one.date.strftime("%d-%b-%Y %H:%M:%S +0000")
            items = f"X-GM-LABELS ({labels}) UID {one.uid} RFC822.SIZE {len(one.raw)}"
            items += f' INTERNALDATE "{date}" FLAGS ()'
            if since:
                items += f" MODSEQ ({one.modseq})"
            body = self._body(asked, partial, one.raw)
            answer.append(f"* {number} FETCH ({items}".encode() + body + b")")
            told.append(one.uid)
        if "BODY.PEEK[]" in asked and self._mailbox.before_bodies is not None:
            self._mailbox.before_bodies(told)
        for line in answer:
            self._send(line)

    @staticmethod
    def _body(asked: str, partial: re.Match[str] | None, raw: bytes) -> bytes:
        if "BODY.PEEK[HEADER.FIELDS" in asked:
            head = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            return b" BODY[HEADER.FIELDS (FROM)] {%d}\r\n" % len(head) + head
        if "BODY.PEEK[]" not in asked:
            return b""
        if partial is not None:
            raw = raw[int(partial[1]) : int(partial[1]) + int(partial[2])]
            return b" BODY[]<%s> {%d}\r\n" % (partial[1].encode(), len(raw)) + raw
        return b" BODY[] {%d}\r\n" % len(raw) + raw

    def _store(self, rest: str) -> None:
        uid, _, labels = rest.partition(" -X-GM-LABELS.SILENT ")
        self._mailbox.label(int(uid), remove=tuple(labels.strip("()").split()))

    def _move(self, rest: str) -> None:
        uid, _, folder = rest.partition(" ")
        self._mailbox.move(int(uid), self._folder(folder))

    def _idle(self, _rest: str) -> None:
        with self._writing:
            self._send("+ idling")
            for news in self._news:
                self._send(news)
            self._news.clear()
            self._idling = True
        self.rfile.readline()
        with self._writing:
            self._idling = False


def _within(uid: int, spelled: str) -> bool:
    for part in spelled.split(","):
        first, _, last = part.partition(":")
        if int(first) <= uid and (last == "*" or uid <= int(last or first)):
            return True
    return False


def _quoted(name: str) -> str:
    return '"' + to_wire(name).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _spelled(label: str) -> str:
    # Gmail quotes its system labels, with the backslash escaped.
    return '"' + to_wire(label).replace("\\", "\\\\").replace('"', '\\"') + '"'
