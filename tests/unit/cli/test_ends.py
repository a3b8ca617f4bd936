"""How commands end: exit codes, sentences, interrupts, readers that go away."""

from __future__ import annotations

import gc
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from inboxd.cli.client import Client, Problem, Unreachable, at
from inboxd.cli.session import Failed
from inboxd.cli.sync import wait_until_live
from inboxd.model.conditions import Conditions
from inboxd.model.errors import NotFound
from inboxd.model.phases import Phase
from inboxd.model.views import Trouble
from unit.api.fake_desk import NOON, message
from unit.cli.conftest import Daemon, Inboxctl, Terminal

A = "anna@example.org"


def test_a_refusal_by_a_rule_ends_with_5_and_its_sentence(inboxctl: Inboxctl) -> None:
    refused = inboxctl("conditions", A, "--since", "now", "--history", "everyone")
    assert refused.exit_code == 5
    assert refused.stderr.startswith("inboxctl: With the start date now")
    assert refused.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ["account", "show", "nobody@x.y"],
        ["account", "show", "a/b@x.y"],
        ["account", "show", ""],
        ["message", "show", "99"],
        ["contact", "remove", "99"],
    ],
)
def test_what_is_not_there_ends_with_4(inboxctl: Inboxctl, words: list[str]) -> None:
    assert inboxctl(*words).exit_code == 4


def test_a_login_that_fails_ends_with_1_and_names_the_server_p1(inboxctl: Inboxctl) -> None:
    failed = inboxctl("account", "add", "b@example.org", "--password-stdin", typed="wrong\n")
    assert failed.exit_code == 1
    assert "imap.example.org:993" in failed.stderr


def test_a_mistake_of_the_daemon_ends_with_1(inboxctl: Inboxctl, daemon: Daemon) -> None:
    daemon.desk.trouble = ZeroDivisionError()
    failed = inboxctl("status")
    assert failed.exit_code == 1
    assert "report" in failed.stderr


def test_no_daemon_ends_with_3_and_says_how_to_start_one(tmp_path: Path) -> None:
    process = Inboxctl({"INBOXD_SOCKET": str(tmp_path / "none")}).process("status")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 3
    assert b"inboxd run" in errors


@pytest.mark.parametrize("name", ["x" * 200, "stale"])
def test_a_socket_nobody_answers_on_ends_with_3(tmp_path: Path, name: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "stale"))
    process = Inboxctl({}).process("--socket", str(tmp_path / name), "status")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 3
    assert errors.startswith(b"inboxctl: Nobody answers")


def test_what_is_no_daemon_is_told_apart(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen()

        def answer() -> None:
            connection, _ = sock.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<>")

        thread = threading.Thread(target=answer)
        thread.start()
        with Client(tmp_path / "s") as client, pytest.raises(Problem, match="--socket"):
            client.get(at("status"))
        thread.join()


def test_a_reader_that_has_enough_is_no_error(inboxctl: Inboxctl, daemon: Daemon) -> None:
    daemon.desk.stored = [message(number) for number in range(1, 2001)]
    process = inboxctl.process("--json", "messages", "--limit", "2000")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(10) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_ctrl_c_ends_a_watch_quietly(inboxctl: Inboxctl, daemon: Daemon) -> None:
    daemon.desk.happen()
    process = inboxctl.process("watch", "--after", "0")
    assert process.stdout is not None
    assert b"message.stored" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors == (
        b"Not watching any longer; inboxd goes on. "
        b"To go on without a gap: inboxctl watch --after 1\n"
    )


def test_ctrl_c_while_waiting_for_a_history_says_that_it_goes_on(
    daemon: Daemon, terminal: Callable[..., Terminal]
) -> None:
    daemon.desk.have_account(conditions=Conditions("now"))
    shown = terminal("sync", "2", "--wait")
    shown.until("backfilling")
    shown.type("\x03")
    shown.until("inboxd goes on with the history")
    assert shown.process.wait(10) == 1
    assert "Traceback" not in shown.seen


def test_a_progress_bar_grows_until_the_history_is_in(
    daemon: Daemon, terminal: Callable[..., Terminal]
) -> None:
    daemon.desk.have_account(conditions=Conditions("now"))
    daemon.desk.turn(Phase.BACKFILLING, done=40)
    daemon.portal.call(lambda: daemon.desk.confirm(1))
    shown = terminal("sync", "1", "--wait")
    shown.until("40/100")
    daemon.portal.call(lambda: daemon.desk.turn(Phase.LIVE, done=100))
    shown.until("anna@example.org is live: 100 of 100 historical messages stored")
    assert shown.process.wait(10) == 0


class Waiting:
    """Turns account 1 one step further at each pause of a waiter."""

    def __init__(self, daemon: Daemon, *steps: tuple[Phase, int | None]) -> None:
        self._daemon = daemon
        self._steps = iter(steps)

    def pause(self, _seconds: float) -> None:
        """As `time.sleep`, but the world moves on."""
        phase, done = next(self._steps)
        trouble = Trouble("login_rejected", "The server refused the password.", NOON, None)
        stuck = phase is Phase.NEEDS_LOGIN
        self._daemon.portal.call(
            lambda: self._daemon.desk.turn(phase, done=done, trouble=trouble if stuck else None)
        )


def test_waiting_ends_when_the_history_is_in_and_outlasts_trouble_p20(daemon: Daemon) -> None:
    daemon.desk.turn(Phase.BACKFILLING, done=0)
    seen: list[str] = []
    steps = Waiting(
        daemon, (Phase.RETRYING, 10), (Phase.BACKFILLING, 50), (Phase.LIVE, 99), (Phase.LIVE, 100)
    )
    with Client(daemon.path) as client:
        found = wait_until_live(client, 1, lambda now: seen.append(now["phase"]), steps.pause)
    assert seen == ["backfilling", "retrying", "backfilling", "live", "live"]
    assert found["history"]["done"] == 100


def test_waiting_ends_with_a_sentence_where_only_a_person_can_help_p20(daemon: Daemon) -> None:
    daemon.desk.turn(Phase.BACKFILLING, done=0)
    steps = Waiting(daemon, (Phase.NEEDS_LOGIN, 10))
    with (
        Client(daemon.path) as client,
        pytest.raises(Failed, match=r"needs_login: The server refused the password\."),
    ):
        wait_until_live(client, 1, lambda _now: None, steps.pause)


# httpcore2 2.16 forgets to close a socket that it could not connect.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_client_tells_refusals_and_absence_apart(daemon: Daemon) -> None:
    with Client(daemon.path) as client:
        with pytest.raises(Problem) as refused:
            client.get(at("accounts", "nobody@x.y"))
        assert (refused.value.status, refused.value.code) == (404, NotFound.code)
        daemon.end()
        with pytest.raises(Unreachable):
            client.get(at("status"))
    gc.collect()


def test_a_client_follows_events_whatever_stands_in_them(daemon: Daemon) -> None:
    daemon.desk.happen(1200, historical=True)
    with Client(daemon.path) as client:
        events = client.events(0, historical=True)
        found = [next(events) for _ in range(1200)]
        assert [one["seq"] for one in found] == [*range(1, 1201)]
        assert found[0]["data"]["subject"] == "Über\nuns \u2028"
        events.close()


def test_a_password_is_typed_unseen_on_a_terminal_p34(
    daemon: Daemon, terminal: Callable[..., Terminal]
) -> None:
    shown = terminal("account", "add", "b@example.org", "--no-smtp")
    shown.until("Password of b@example.org: ")
    shown.type("s3cret\n")
    shown.until("Added b@example.org")
    assert shown.process.wait(10) == 0
    assert "s3cret" not in shown.seen
    assert daemon.desk.added[0].secret == "s3cret"


def test_an_attachment_and_raw_bytes_never_act_on_a_terminal(
    terminal: Callable[..., Terminal],
) -> None:
    shown = terminal("attachment", "1", "0")
    shown.until("give -o FILE")
    assert shown.process.wait(10) == 2
    shown = terminal("message", "raw", "1")
    shown.until("Hello [2J")
    assert "\x1b" not in shown.seen
