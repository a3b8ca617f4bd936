"""What each route asks of the desk, and how the answer is spelled (design: the faces)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest

from inboxd.model.conditions import Conditions, History
from inboxd.model.messages import Attachment
from inboxd.model.phases import Phase
from inboxd.model.search import parse_query
from inboxd.model.server import Endpoint, Security
from inboxd.model.views import Trouble
from unit.api.fake_desk import HTML, NOON, RAW, FakeDesk, message

A = "/v1/accounts/anna@example.org"


async def test_status_tells_version_accounts_and_the_newest_event(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    desk.happen(3)
    status = (await api.get("/v1/status")).json()
    assert status["version"] == "0.1.0"
    assert status["started_at"] == "2026-01-05T12:00:00Z"
    assert status["last_event"] == 3
    assert [one["address"] for one in status["accounts"]] == ["anna@example.org"]


async def test_an_account_is_spelled_whole(api: httpx2.AsyncClient, desk: FakeDesk) -> None:
    desk.turn(Phase.RETRYING, trouble=Trouble("server_silent", "No answer.", NOON, None), done=5)
    account = (await api.get(A)).json()
    assert {"id", "address", "owner", "phase", "conditions", "folders"} <= account.keys()
    assert account["phase"] == "retrying"
    assert account["imap"] == {"host": "imap.example.org", "port": 993, "security": "tls"}
    assert account["trouble"]["code"] == "server_silent"
    assert account["history"]["done"] == 5
    assert account["folders"][0]["watch"] == "idle"
    assert "secret" not in json.dumps(account)


async def test_an_account_is_named_by_id_or_by_address(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/v1/accounts/1")).json() == (await api.get(A)).json()


async def test_an_added_account_reaches_the_desk_as_it_was_sent(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    answer = await api.post(
        "/v1/accounts",
        json={
            "address": "ben@example.org",
            "password": "s3cret",
            "imap": {"host": "127.0.0.1", "port": 143, "security": "none"},
            "no_smtp": True,
        },
    )
    assert answer.status_code == 201
    assert answer.json()["address"] == "ben@example.org"
    (new,) = desk.added
    assert new.secret == "s3cret"
    assert new.imap == Endpoint("127.0.0.1", 143, Security.NONE)
    assert new.smtp is None
    assert new.no_smtp


async def test_a_password_command_goes_to_the_daemon_itself(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    await api.post(
        "/v1/accounts", json={"address": "ben@example.org", "password_command": "pass ben"}
    )
    assert desk.added[0].password_command == "pass ben"
    assert desk.added[0].secret is None


@pytest.mark.parametrize("verb", ["pause", "resume", "undo"])
async def test_each_change_names_its_caller(
    api: httpx2.AsyncClient, desk: FakeDesk, verb: str
) -> None:
    await api.patch(f"{A}/conditions", json={"since": "now"})
    path = f"{A}/conditions/undo" if verb == "undo" else f"{A}/{verb}"
    assert (await api.post(path)).status_code == 200
    assert desk.calls == [(verb, "uid unknown")]


@pytest.mark.parametrize(("query", "purged"), [("", "False"), ("?purge=true", "True")])
async def test_removal_keeps_mail_unless_purge_is_asked_for_p19(
    api: httpx2.AsyncClient, desk: FakeDesk, query: str, purged: str
) -> None:
    answer = await api.delete(A + query)
    assert (answer.status_code, answer.content) == (204, b"")
    assert desk.calls == [("remove_account", "anna@example.org", purged, "uid unknown")]
    assert (await api.get(A)).status_code == 404


async def test_a_new_password_reaches_the_desk(api: httpx2.AsyncClient, desk: FakeDesk) -> None:
    await api.put(f"{A}/password", json={"password": "n3w"})
    assert desk.calls == [("set_password", "n3w", "uid unknown")]


async def test_labels_are_a_list(api: httpx2.AsyncClient) -> None:
    page = (await api.get(f"{A}/labels")).json()
    assert [one["name"] for one in page["items"]] == ["INBOX", "Sales", "Trash"]
    assert page["next"] is None


async def test_a_change_answers_the_conditions_and_what_it_does_p12(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    desk.have_account(synced_at=NOON, conditions=Conditions("now", None, ("INBOX",)))
    changed = (
        await api.patch("/v1/accounts/2/conditions", json={"labels": ["INBOX", "Sales"]})
    ).json()
    assert changed == {
        "since": "now",
        "history": None,
        "labels": ["INBOX", "Sales"],
        "tracking": {"opens": False, "links": False},
        "changes": ["label Sales added: from now on; nothing deleted."],
    }
    shown = (await api.get("/v1/accounts/2/conditions")).json()
    assert shown == {name: changed[name] for name in shown}


async def test_what_a_change_leaves_out_stays(api: httpx2.AsyncClient) -> None:
    await api.patch(f"{A}/conditions", json={"since": "3m", "history": "contacts"})
    changed = (await api.patch(f"{A}/conditions", json={"tracking": {"links": True}})).json()
    assert (changed["since"], changed["history"]) == ("3m", "contacts")
    assert changed["tracking"] == {"opens": False, "links": True}


async def test_changes_are_journalled_with_time_and_caller_p12(api: httpx2.AsyncClient) -> None:
    await api.patch(f"{A}/conditions", json={"since": "now"})
    (entry,) = (await api.get(f"{A}/conditions/journal")).json()["items"]
    assert (entry["at"], entry["caller"]) == ("2026-01-05T12:00:00Z", "uid unknown")
    assert (entry["before"]["since"], entry["after"]["since"]) == (None, "now")
    undone = (await api.post(f"{A}/conditions/undo")).json()
    assert (undone["since"], undone["changes"]) == (None, ["as it was."])


async def test_sync_and_resync_answer_the_account(api: httpx2.AsyncClient, desk: FakeDesk) -> None:
    await api.patch(f"{A}/conditions", json={"since": "1m", "history": "everyone"})
    assert (await api.post(f"{A}/sync")).json()["phase"] == "backfilling"
    answer = await api.post(f"{A}/resync", json={"since": "6m", "labels": ["Sales"]})
    assert answer.status_code == 200
    assert desk.calls[-1] == ("resync", "6m", "('Sales',)", "uid unknown")


async def test_a_contact_resync_is_refused_by_its_rule_p7(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    desk.have_account(synced_at=NOON, conditions=Conditions("1m", History.EVERYONE))
    answer = await api.post("/v1/accounts/2/resync", json={"since": "6m", "history": "contacts"})
    assert answer.status_code == 409
    assert "without history" in answer.json()["detail"]


async def test_a_message_in_a_list_has_every_promised_field(api: httpx2.AsyncClient) -> None:
    (one,) = (await api.get("/v1/messages")).json()["items"]
    assert one == {
        "id": 1,
        "account": 1,
        "owner": "anna",
        "subject": "Offer 1",
        "from": [{"name": "Carla Customer", "address": "carla@customer.example"}],
        "to": [{"name": "", "address": "anna@example.org"}],
        "cc": [],
        "date": "2026-01-05T12:00:00Z",
        "internal_date": "2026-01-05T12:00:00Z",
        "message_id": "m1@customer.example",
        "thread_id": 1,
        "sha256": "0" * 64,
        "size": 1400,
        "placements": [{"folder": "INBOX", "uidvalidity": 7, "uid": 1}],
        "labels": ["INBOX"],
        "contacts": [1],
        "visibility": "private",
        "historical": False,
        "archived": False,
        "deleted": False,
        "snippet": "Hello",
        "match": "",
    }


async def test_filters_reach_the_desk_with_times_in_utc(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    await api.get(
        "/v1/messages",
        params={
            "account": "1",
            "label": "INBOX",
            "contact": "carla@customer.example",
            "query": "offer price",
            "since": "2026-01-05T13:00:00+01:00",
            "until": "2026-02-01",
            "limit": 7,
        },
    )
    (query,) = desk.queries
    assert (query.account, query.label, query.search, query.limit) == (
        "1",
        "INBOX",
        parse_query("offer price"),
        7,
    )
    assert query.since == NOON
    assert query.until == datetime(2026, 2, 1, tzinfo=UTC)


async def test_a_list_goes_on_at_its_cursor(api: httpx2.AsyncClient, desk: FakeDesk) -> None:
    desk.stored = [message(number) for number in range(1, 6)]
    first = (await api.get("/v1/messages", params={"limit": 3})).json()
    second = (await api.get("/v1/messages", params={"limit": 3, "cursor": first["next"]})).json()
    assert [one["id"] for one in first["items"] + second["items"]] == [1, 2, 3, 4, 5]
    assert second["next"] is None


async def test_one_message_has_its_text_and_only_harmless_html(api: httpx2.AsyncClient) -> None:
    one = (await api.get("/v1/messages/1")).json()
    assert one["text"] == "Hello\n"
    assert "Hello" in one["html"]
    assert "script" in HTML
    assert "script" not in one["html"]
    assert "onclick" not in one["html"]
    assert one["attachments"] == [
        {
            "index": 0,
            "filename": "offer.pdf",
            "content_type": "application/pdf",
            "size": 3,
            "inline": False,
        }
    ]


async def test_raw_is_byte_for_byte_what_the_server_gave(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/v1/messages/1/raw")
    assert answer.content == RAW
    assert answer.headers["content-type"] == "message/rfc822"


def _odd_attachments() -> Iterator[Attachment]:
    plain = Attachment(0, "offer.pdf", "application/pdf", 3, inline=False)
    yield plain
    yield replace(plain, filename='a"\r\nset-cookie: x=1', content_type="text/html\r\nx: y")
    yield replace(plain, filename="Übersicht \udcff.pdf", content_type="")
    yield replace(plain, filename="", content_type="text/html; charset=ü")


@pytest.mark.parametrize("attachment", list(_odd_attachments()))
async def test_an_attachment_cannot_write_headers_nor_be_shown_as_a_page(
    api: httpx2.AsyncClient, desk: FakeDesk, attachment: Attachment
) -> None:
    desk.file = (attachment, b"PDF")
    answer = await api.get("/v1/messages/1/attachments/0")
    assert (answer.status_code, answer.content) == (200, b"PDF")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert answer.headers["content-type"] in ("application/pdf", "application/octet-stream")
    assert "set-cookie" not in answer.headers
    assert "x" not in answer.headers


async def test_a_thread_is_a_list_of_messages(api: httpx2.AsyncClient) -> None:
    assert [one["id"] for one in (await api.get("/v1/threads/1")).json()["items"]] == [1]


async def test_contacts_come_and_go(api: httpx2.AsyncClient) -> None:
    body = {"name": "Carla", "addresses": ["carla@customer.example", "c@home.example"]}
    added = await api.post("/v1/contacts", json=body)
    assert (added.status_code, added.json()) == (201, {"id": 1, **body})
    assert (await api.get("/v1/contacts")).json() == {"items": [added.json()], "next": None}
    assert (await api.delete("/v1/contacts/1")).status_code == 204
    assert (await api.get("/v1/contacts")).json()["items"] == []


async def test_a_file_of_contacts_is_read_as_sent(api: httpx2.AsyncClient, desk: FakeDesk) -> None:
    data = b"name,email\nCarla,carla@customer.example\n"
    answer = await api.post(
        "/v1/contacts/import", params={"filename": "x.csv", "partial": "true"}, content=data
    )
    assert answer.json() == {"added": 1, "known": 0, "problems": ["line 1: no address"]}
    assert desk.imported == [(data, "x.csv", True)]


async def test_the_ledger_tells_each_outcome_and_reason(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    page = (await api.get(f"{A}/ledger", params={"folder": "INBOX", "limit": 9})).json()
    assert page["items"][1] == {
        "folder": "INBOX",
        "uidvalidity": 7,
        "uid": 1,
        "outcome": "skipped",
        "reason": "no contact",
    }
    assert desk.calls == [("ledger", "INBOX", "None", "9")]


@pytest.mark.parametrize(("query", "loaded"), [("", False), ("?remote_images=true", True)])
async def test_pictures_of_other_hosts_come_only_when_asked_for(
    api: httpx2.AsyncClient, desk: FakeDesk, query: str, loaded: bool
) -> None:
    """P32: loading one tells its sender that, when and where the message was read."""
    desk.detail = replace(desk.detail, html='<img src="https://tracker.example/1.gif">')
    html = (await api.get(f"/v1/messages/1{query}")).json()["html"]
    assert ("tracker.example" in html) is loaded
