"""Contacts that come by themselves: Pipedrive, and a directory of vCards (P24)."""

from __future__ import annotations

import time
from pathlib import Path

from servers.daemon import PATIENCE_SECONDS, Inboxd, inboxctl
from servers.pipedrive import TOKEN, Pipedrive, entry


def names(inboxd: Inboxd) -> list[str]:
    return sorted(one["name"] for one in inboxd.client.items("/v1/contacts"))


def test_persons_are_pulled_and_the_token_is_told_to_nobody(tmp_path: Path) -> None:
    with (
        Pipedrive([entry(1, "Anna", "anna@x.example")], [entry(2, "Bob", "bob@x.example")]) as crm,
        Inboxd(tmp_path) as inboxd,
    ):
        wish = ("contact", "source", "pipedrive", "--url", crm.url, "--token-stdin")
        refused = inboxctl(inboxd.socket, *wish, stdin="wrong-token\n")
        assert (refused.returncode, names(inboxd)) == (1, [])
        assert "Pipedrive refuses the token" in refused.stderr
        assert inboxctl(inboxd.socket, "contact", "source", "list").stdout.startswith("No source")
        done = inboxctl(inboxd.socket, *wish, stdin=f"{TOKEN}\n")
        assert (done.returncode, done.stdout) == (0, "2 added, 0 known already.\n"), done.stderr
        again = inboxctl(inboxd.socket, "contact", "source", "pull", "pipedrive")
        assert again.stdout == "0 added, 2 known already.\n"
        assert names(inboxd) == ["Anna", "Bob"]
        shown = inboxctl(inboxd.socket, "--json", "contact", "source", "list").stdout
        assert TOKEN not in shown
        for path in [*inboxd.state.iterdir(), inboxd.log]:
            assert TOKEN.encode() not in path.read_bytes(), path.name
        removed = inboxctl(inboxd.socket, "contact", "source", "remove", "pipedrive")
        assert (removed.returncode, names(inboxd)) == (0, ["Anna", "Bob"])
        assert inboxctl(inboxd.socket, "contact", "source", "pull", "pipedrive").returncode == 4


def test_a_watched_directory_brings_its_cards_and_what_changes_in_them(tmp_path: Path) -> None:
    cards = tmp_path / "cards" / "work"
    cards.mkdir(parents=True)
    text = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{0}\r\nEMAIL:{0}@x.example\r\nEND:VCARD\r\n"
    (cards / "1.vcf").write_text(text.format("anna"))
    (cards / ".2.vcf.tmp").write_text("BEGIN")
    options = {"contacts": {"vcard_directory": str(cards.parent)}}
    with Inboxd(tmp_path, options=options) as inboxd:
        until(inboxd, ["anna"])
        (cards / "2.vcf").write_text(text.format("bob") + "BEGIN:VCARD\r\nbroken")
        until(inboxd, ["anna", "bob"])
        file = tmp_path / "book.vcf"
        file.write_text(text.format("carla") + text.format("dora").replace("@", " at "))
        refused = inboxctl(inboxd.socket, "contact", "import", str(file))
        assert (refused.returncode, names(inboxd)) == (1, ["anna", "bob"])
        assert "line 9: holds an address that cannot be read." in refused.stderr
        partly = inboxctl(inboxd.socket, "contact", "import", str(file), "--partial")
        assert (partly.returncode, names(inboxd)) == (0, ["anna", "bob", "carla"])


def until(inboxd: Inboxd, wanted: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while names(inboxd) != wanted:
        assert time.monotonic() < deadline, names(inboxd)
        time.sleep(0.05)
