"""Each command: what it asks of the daemon, what people read, what programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inboxd.model.conditions import Conditions
from inboxd.model.phases import Phase
from inboxd.model.search import parse_query
from inboxd.model.server import Endpoint, Security
from inboxd.model.views import Trouble
from unit.api.fake_desk import NOON, RAW, message
from unit.cli.conftest import Daemon, Inboxctl

A = "anna@example.org"


def lines(text: str) -> list[Any]:
    """JSON, one value a line."""
    return [json.loads(line) for line in text.splitlines()]


def test_status_shows_each_account_and_how_new_mail_is_noticed_p11(
    inboxctl: Inboxctl, daemon: Daemon
) -> None:
    daemon.desk.turn(Phase.BACKFILLING, done=40)
    shown = inboxctl("status")
    assert shown.exit_code == 0
    assert "inboxd 0.1.0" in shown.stdout
    assert "40 of 100, 6 s left" in shown.stdout
    assert "idle 1, poll 2" in shown.stdout
    assert json.loads(inboxctl("--json", "status").stdout)["accounts"][0]["address"] == A


def test_status_without_accounts_says_what_to_do_next(inboxctl: Inboxctl) -> None:
    inboxctl("account", "remove", A)
    assert "inboxctl account add" in inboxctl("status").stdout


def test_status_says_why_an_account_does_not_run(inboxctl: Inboxctl, daemon: Daemon) -> None:
    trouble = Trouble("server_silent", "No answer.", NOON, NOON)
    daemon.desk.turn(Phase.RETRYING, trouble=trouble)
    assert "No answer. (next try 2026-01-05 13:00)" in inboxctl("status").stdout


def test_adding_reads_the_password_from_standard_input_and_says_what_is_next_p2(
    inboxctl: Inboxctl, daemon: Daemon
) -> None:
    added = inboxctl(
        *("account", "add", "ben@example.org", "--password-stdin", "--owner", "ben"),
        *("--imap", "127.0.0.1:143", "--imap-security", "none", "--no-smtp"),
        typed=" pass word \n",
    )
    assert added.exit_code == 0
    assert "inboxctl conditions ben@example.org" in added.stdout
    (new,) = daemon.desk.added
    assert (new.secret, new.owner, new.no_smtp) == (" pass word ", "ben", True)
    assert new.imap == Endpoint("127.0.0.1", 143, Security.NONE)


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("imap.example.org:993", Endpoint("imap.example.org", 993, Security.TLS)),
        ("imap.example.org:143", Endpoint("imap.example.org", 143, Security.STARTTLS)),
        ("[::1]:993", Endpoint("::1", 993, Security.TLS)),
    ],
)
def test_security_follows_the_port_unless_given(
    inboxctl: Inboxctl, daemon: Daemon, given: str, endpoint: Endpoint
) -> None:
    inboxctl("account", "add", "b@example.org", "--imap", given, "--password-cmd", "pass b")
    (new,) = daemon.desk.added
    assert new.imap == endpoint
    assert (new.secret, new.password_command) == (None, "pass b")


@pytest.mark.parametrize(
    "words",
    [
        ["account", "add", "b@example.org"],
        ["account", "add", "b@example.org", "--password-stdin"],
        ["account", "add", "b@example.org", "--password-stdin", "--password-cmd", "x"],
        ["account", "add", "b@example.org", "--password-cmd", "x", "--imap", "nowhere"],
        ["account", "add", "b@example.org", "--password-cmd", "x", "--imap", "h:0"],
        ["account", "add", "b@example.org", "--password-cmd", "x", "--imap-security", "tls"],
        ["account", "add", "b@example.org", "--password-cmd", "x", "--smtp", "h:1", "--no-smtp"],
        ["account", "add"],
        ["conditions", A, "--labels", "all", "--label", "INBOX"],
        ["conditions", A, "journal", "--since", "now"],
        ["conditions", A, "nonsense"],
        ["resync", A],
        ["messages", "--since", "yesterday"],
        ["messages", "--limit", "0"],
        ["message", "show", "x"],
        ["contact", "add", "Carla"],
        ["contact", "import", "/nonexistent.csv"],
        ["watch", "--after", "-1"],
        ["nonsense"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_ends_with_2_and_asks_nothing_of_the_daemon(
    inboxctl: Inboxctl, daemon: Daemon, words: list[str]
) -> None:
    ended = inboxctl(*words, typed="")
    assert ended.exit_code == 2
    assert "Usage: " in ended.stderr
    assert daemon.desk.calls == []


def test_accounts_are_listed_and_shown(inboxctl: Inboxctl, daemon: Daemon) -> None:
    daemon.desk.have_account(phase=Phase.NEEDS_LOGIN)
    assert [one["id"] for one in lines(inboxctl("--json", "account", "list").stdout)] == [1, 2]
    assert A in inboxctl("account", "list").stdout
    shown = inboxctl("account", "show", "2").stdout
    assert "imap.example.org:993 (tls)" in shown
    assert "Next: inboxctl account set-password anna2@example.org" in shown
    assert json.loads(inboxctl("--json", "account", "show", A).stdout)["phase"] == "new"


def test_an_account_is_paused_resumed_and_removed(inboxctl: Inboxctl, daemon: Daemon) -> None:
    assert "is paused" in inboxctl("account", "pause", A).stdout
    assert "is live" in inboxctl("account", "resume", "1").stdout
    assert "its mail is purged" in inboxctl("account", "remove", A, "--purge").stdout
    assert [call[0] for call in daemon.desk.calls] == ["pause", "resume", "remove_account"]
    assert daemon.desk.calls[-1][2] == "True"


def test_a_new_password_is_read_from_standard_input(inboxctl: Inboxctl, daemon: Daemon) -> None:
    inboxctl("account", "set-password", A, "--password-stdin", typed="n3w\n")
    assert daemon.desk.calls[0][:2] == ("set_password", "n3w")


def test_labels_tell_what_is_synced(inboxctl: Inboxctl) -> None:
    shown = inboxctl("labels", A).stdout.splitlines()
    assert shown[1].split() == ["INBOX", "inbox", "yes", "idle", "42", "40"]
    assert len(lines(inboxctl("--json", "labels", A).stdout)) == 3


def test_conditions_without_an_option_are_shown(inboxctl: Inboxctl) -> None:
    assert "not chosen yet" in inboxctl("conditions", A).stdout
    assert json.loads(inboxctl("--json", "conditions", A).stdout)["labels"] == "all"


def test_a_change_says_what_it_does_and_can_be_undone_p12(inboxctl: Inboxctl) -> None:
    said = inboxctl(
        *("conditions", A, "--since", "3m", "--history", "contacts"),
        *("--label", "INBOX", "--label", "Sales", "--track-opens"),
    ).stdout
    assert "start date 3m" in said
    assert "only INBOX, Sales" in said
    assert "tracking of opens on" in said
    assert "Sales" in inboxctl("conditions", A).stdout
    assert "start date 3m" in inboxctl("conditions", A, "journal").stdout
    assert "as it was" in inboxctl("conditions", A, "undo").stdout
    assert json.loads(inboxctl("--json", "conditions", A).stdout)["since"] is None


def test_a_change_to_what_is_so_already_says_so(inboxctl: Inboxctl) -> None:
    assert "Nothing changes" in inboxctl("conditions", A, "--labels", "all").stdout


def test_contacts_come_in_singly_and_by_file(
    inboxctl: Inboxctl, daemon: Daemon, tmp_path: Path
) -> None:
    inboxctl("contact", "add", "Carla Customer", "carla@customer.example", "c@home.example")
    assert "carla@customer.example, c@home.example" in inboxctl("contact", "list").stdout
    file = tmp_path / "people.csv"
    file.write_bytes(b"x@y.example\n")
    assert "1 added" in inboxctl("contact", "import", str(file)).stdout
    assert daemon.desk.imported == [(b"x@y.example\n", "people.csv", False)]
    assert "Removed contact 1" in inboxctl("contact", "remove", "1").stdout


def test_an_unusable_file_of_contacts_names_every_line(inboxctl: Inboxctl) -> None:
    failed = inboxctl("contact", "import", "-", typed="bad\nx@y.example\nworse\n")
    assert failed.exit_code == 1
    assert "line 1: no address" in failed.stderr
    assert "line 3: no address" in failed.stderr
    partly = inboxctl("contact", "import", "-", "--partial", typed="bad\nx@y.example\n")
    assert (partly.exit_code, "1 added" in partly.stdout) == (0, True)


def test_messages_are_listed_in_the_reader_s_zone(inboxctl: Inboxctl, daemon: Daemon) -> None:
    shown = inboxctl(
        *("messages", "--account", A, "--label", "INBOX", "--query", "offer"),
        *("--since", "2026-01-05", "--until", "2026-01-06"),
    ).stdout
    assert "2026-01-05 13:00" in shown
    assert "Carla Customer" in shown
    query = daemon.desk.queries[0]
    assert str(query.since) == "2026-01-04 23:00:00+00:00"
    assert (query.account, query.label, query.search) == (A, "INBOX", parse_query("offer"))


def test_a_long_list_is_read_page_by_page_up_to_its_limit(
    inboxctl: Inboxctl, daemon: Daemon
) -> None:
    daemon.desk.stored = [message(number) for number in range(1, 1001)]
    found = lines(inboxctl("--json", "messages", "--limit", "450").stdout)
    assert [one["id"] for one in found] == [*range(1, 451)]


def test_a_message_is_shown_given_raw_and_its_attachment_saved(
    inboxctl: Inboxctl, tmp_path: Path
) -> None:
    shown = inboxctl("message", "show", "1").stdout
    assert "Carla Customer <carla@customer.example>" in shown
    assert "Attachment 0: offer.pdf, application/pdf, 3 B" in shown
    assert shown.endswith("Hello\n\n")
    assert inboxctl("message", "raw", "1").stdout_bytes == RAW
    assert inboxctl("attachment", "1", "0").stdout_bytes == b"PDF"
    inboxctl("attachment", "1", "0", "-o", str(tmp_path / "offer"))
    assert (tmp_path / "offer").read_bytes() == b"PDF"
    assert inboxctl("attachment", "1", "0", "-o", "/nonexistent/x").exit_code == 1


def test_a_thread_is_listed(inboxctl: Inboxctl) -> None:
    assert "Offer 1" in inboxctl("thread", "1").stdout


def test_sync_says_that_the_daemon_works_on_it(inboxctl: Inboxctl, daemon: Daemon) -> None:
    daemon.desk.have_account(conditions=Conditions("now"))
    assert "is backfilling" in inboxctl("sync", "2").stdout


def test_resync_names_start_and_labels_p13(inboxctl: Inboxctl, daemon: Daemon) -> None:
    daemon.desk.have_account(synced_at=NOON, conditions=Conditions("now"), phase=Phase.LIVE)
    assert inboxctl("resync", "2", "--since", "6m", "--label", "Sales").exit_code == 0
    assert daemon.desk.calls[0][:3] == ("resync", "6m", "('Sales',)")


def test_watch_begins_where_it_is_told_and_ends_with_the_daemon(
    inboxctl: Inboxctl, daemon: Daemon
) -> None:
    daemon.desk.happen(3)
    process = inboxctl.process("--json", "watch", "--after", "1")
    assert process.stdout is not None
    assert [json.loads(process.stdout.readline())["seq"] for _ in range(2)] == [2, 3]
    daemon.portal.call(daemon.desk.happen)
    assert json.loads(process.stdout.readline())["seq"] == 4
    daemon.end()
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 3
    assert b"inboxctl watch --after 4" in errors
