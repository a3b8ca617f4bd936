"""`inboxd demo`: the whole way of a mailbox in half a minute, on this machine alone.

An embedded mail server with made-up mail, a daemon on a temporary state directory, and the client
that `inboxctl` uses: nothing in here can do what a user could not. Everything is gone afterwards.
"""

from __future__ import annotations

import imaplib
import importlib.util
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from random import Random

from inboxd.cli.client import Client, Json, Unreachable, at
from inboxd.cli.render import Screen
from inboxd.cli.sync import wait_until_live

ADDRESS = "sales@example.org"
USER, PASSWORD = "demouser", "demopass"
MESSAGES = 300
START_SECONDS = 20.0
STOP_SECONDS = 6.0
DELIVERY_SECONDS = 15.0

_PYMAP = "import sys; from pymap.main import main; sys.exit(main())"
"""pymap cannot be run by `python -m`, and its script may not be on the PATH."""

_SUBJECTS = (
    "Offer",
    "Order",
    "Invoice",
    "Meeting on Tuesday",
    "Question about delivery",
    "Thanks",
)
_PEOPLE = ("ann@customer.example", "bob@supplier.example", "eve@newsletter.example")


class DemoFailed(Exception):
    """The demonstration cannot go on; the text says what to do."""


def run() -> None:
    """Show the main job from adding an account to changing a preference. Raises DemoFailed."""
    if importlib.util.find_spec("pymap") is None:
        raise DemoFailed("The demo needs its mail server: pip install 'inboxd[demo]'.")
    with tempfile.TemporaryDirectory(prefix="inboxd-demo-") as directory:
        home = Path(directory)
        with _mail_server(home) as port, _daemon(home) as client:
            _Show(client, port, Screen(as_json=False)).go()
    print("\nThat was all of it: the mail server, the daemon and their data are gone again.")


@dataclass(frozen=True)
class _Show:
    """The steps, in the order in which a user takes them."""

    client: Client
    port: int
    screen: Screen

    def go(self) -> None:
        """Take them all."""
        self._add()
        self._choose()
        self._sync()
        self._deliver()
        self._change_a_preference()

    def _say(self, command: str) -> None:
        print(f"\n$ inboxctl {command}")

    def _add(self) -> None:
        self._say(
            f"account add {ADDRESS} --username {USER} --password-stdin "
            f"--imap 127.0.0.1:{self.port} --imap-security none --no-smtp"
        )
        wish = {
            "address": ADDRESS,
            "username": USER,
            "password": PASSWORD,
            "imap": {"host": "127.0.0.1", "port": self.port, "security": "none"},
            "no_smtp": True,
        }
        found = self.client.post(at("accounts"), wish)
        print(f"Account {found['id']} is {found['phase']}: logged in, nothing fetched yet.")
        labels = self.client.get(at("accounts", ADDRESS, "labels"))["items"]
        print("Labels:", ", ".join(one["name"] for one in labels))

    def _choose(self) -> None:
        self._say(f"conditions {ADDRESS} --since 3m --history everyone --labels all")
        answer = self.client.patch(
            at("accounts", ADDRESS, "conditions"),
            {"since": "3m", "history": "everyone", "labels": "all"},
        )
        _print_plan(answer)

    def _sync(self) -> None:
        self._say(f"sync {ADDRESS} --wait")
        began = time.monotonic()
        found = self.client.post(at("accounts", ADDRESS, "sync"))
        with self.screen.bar() as bar:

            def show(now: Mapping[str, Json]) -> None:
                history = now["history"]
                if history is not None:
                    bar.show(now["phase"], history["done"], history["total"], "")

            found = wait_until_live(self.client, found["id"], show, lambda _: time.sleep(0.05))
        history = found["history"]
        print(
            f"{ADDRESS} is {found['phase']} after {time.monotonic() - began:.1f} s: "
            f"{history['stored']} of {history['total']} messages are from the last three months "
            "and stored."
        )

    def _deliver(self) -> None:
        self._say("watch")
        print("A mail arrives for the mailbox …")
        event, seconds = self._arrival("INBOX", "Can we talk today?")
        print(
            f"… and is stored and announced {seconds * 1000:.1f} ms later "
            f"({event['data']['latency_ms']:.1f} ms after the server told of it)."
        )

    def _change_a_preference(self) -> None:
        self._say(f"conditions {ADDRESS} --label INBOX")
        answer = self.client.patch(at("accounts", ADDRESS, "conditions"), {"labels": ["INBOX"]})
        _print_plan(answer)
        _append(self.port, "Sent", _mail(Random(1), _now(), "Not synced any more"))
        event, _ = self._arrival("INBOX", "Still synced")
        sent = self.client.get(at("messages"), {"query": "synced", "limit": 10})["items"]
        print(
            f"A mail to Sent and one to INBOX arrived; stored: {len(sent)} "
            f"({event['data']['subject']!r}). No restart, no reconnect."
        )

    def _arrival(self, folder: str, subject: str) -> tuple[dict[str, Json], float]:
        """Deliver a mail; its event, and the seconds from the delivery to the event."""
        seen: queue.Queue[dict[str, Json]] = queue.Queue()
        last = int(self.client.get(at("status"))["last_event"])

        def follow() -> None:
            events = self.client.events(last)
            with closing(events):
                for event in events:
                    data = event["data"]
                    if event["type"] == "message.stored" and data["subject"] == subject:
                        seen.put(event)
                        return

        threading.Thread(target=follow, daemon=True).start()
        mail = _mail(Random(last), _now(), subject)
        with _login(self.port) as mailbox:
            began = time.monotonic()
            mailbox.append(folder, None, None, mail)
        try:
            event = seen.get(timeout=DELIVERY_SECONDS)
        except queue.Empty:
            raise DemoFailed("The delivered mail was not announced: please report this.") from None
        return event, time.monotonic() - began


def _print_plan(answer: Mapping[str, Json]) -> None:
    for sentence in answer["changes"]:
        print(sentence)


# --- the mail server -----------------------------------------------------------------------------


@contextmanager
def _mail_server(home: Path) -> Iterator[int]:
    port = _free_port()
    command = [sys.executable, "-c", _PYMAP, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-tls", "dict", "--demo-data"]
    print(f"Starting a mail server on port {port} with {MESSAGES} made-up messages.")
    with _process(command, home / "mail-server.log") as process:
        _wait_for(lambda: _listens(port), process, "mail server", home / "mail-server.log")
        _fill(port)
        yield port


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _mail(random: Random, moment: datetime, subject: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = random.choice(_PEOPLE), ADDRESS
    message["Subject"] = subject
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = f"<{random.getrandbits(64):x}@example.org>"
    message.set_content("Some words.\n" * random.randint(1, 400))
    return message.as_bytes().replace(b"\n", b"\r\n")


def _fill(port: int) -> None:
    random = Random(0)
    with _login(port) as mailbox:
        for _ in range(MESSAGES):
            moment = _now() - timedelta(days=random.uniform(1, 180))
            folder = "Sent" if random.random() < 0.3 else "INBOX"
            mail = _mail(random, moment, random.choice(_SUBJECTS))
            mailbox.append(folder, None, imaplib.Time2Internaldate(moment), mail)


def _append(port: int, folder: str, mail: bytes) -> None:
    with _login(port) as mailbox:
        mailbox.append(folder, None, None, mail)


def _login(port: int) -> imaplib.IMAP4:
    mailbox = imaplib.IMAP4("127.0.0.1", port, timeout=DELIVERY_SECONDS)
    # imaplib writes a message in two pieces; Nagle would hold the second back for 40 ms.
    mailbox.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    mailbox.login(USER, PASSWORD)
    return mailbox


# --- the daemon ----------------------------------------------------------------------------------


@contextmanager
def _daemon(home: Path) -> Iterator[Client]:
    path, log = home / "inboxd.sock", home / "inboxd.log"
    config = home / "config.yaml"
    config.write_text(
        json.dumps({"state_dir": str(home / "state"), "control": {"socket": str(path)}})
    )
    print("Starting inboxd on a temporary state directory.")
    command = [sys.executable, "-m", "inboxd.main", "run", "--config", str(config)]
    with _process(command, log) as process, Client(path) as client:
        _wait_for(lambda: _answers(client), process, "daemon", log)
        yield client


def _answers(client: Client) -> bool:
    try:
        client.get(at("status"))
    except Unreachable:
        return False
    return True


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("INBOXD_")}
    with log.open("wb") as output:
        # Its own session: Ctrl-C goes to the demo alone, which then ends both in order.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-800:]
            raise DemoFailed(f"The {name} did not start:\n{tail}")
        time.sleep(0.02)
