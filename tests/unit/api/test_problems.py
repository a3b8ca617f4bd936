"""Every refusal is a problem document with a sentence that says what to do (RFC 9457)."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from inboxd.api.boundary import MAX_BODY
from inboxd.model import errors
from unit.api.fake_desk import FakeDesk

A = "/v1/accounts/anna@example.org"

SECRET = "hunter2-hunter2"


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The document of an answer, its frame checked."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:inboxd:problem:{code}"
    assert document["title"]
    assert document["detail"]
    return document


async def test_a_rule_refuses_with_its_sentence_p5(api: httpx2.AsyncClient) -> None:
    answer = await api.patch(f"{A}/conditions", json={"since": "now", "history": "everyone"})
    assert "leave history out" in problem(answer, 409, "refused")["detail"]


async def test_an_unknown_label_is_refused_with_the_nearest_p8(api: httpx2.AsyncClient) -> None:
    answer = await api.patch(f"{A}/conditions", json={"labels": ["Sale"]})
    assert "Sales" in problem(answer, 409, "refused")["detail"]


async def test_an_unknown_account_is_not_found(api: httpx2.AsyncClient) -> None:
    assert (
        "nobody@" in problem(await api.get("/v1/accounts/nobody@x.y"), 404, "not_found")["detail"]
    )


async def test_an_account_that_is_not_reached_names_its_side_p1(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/accounts", json={"address": "b@example.org", "password": "wrong"})
    document = problem(answer, 422, "account_not_reached")
    assert document["side"] == "imap"
    assert "imap.example.org:993" in document["detail"]


async def test_a_file_names_every_unusable_line(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/contacts/import", content=b"x\nc@d.example\ny\n")
    document = problem(answer, 422, "bad_input")
    assert document["problems"] == ["line 1: no address", "line 3: no address"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.StoreUnavailable("The disk is full."), 503),
        (errors.Throttled("Too many connections."), 503),
        (errors.CannotConnect("Nobody answers."), 502),
        (errors.ServerSilent("No answer."), 502),
        (errors.LoginRejected("Refused."), 422),
        (errors.TlsUntrusted("Self-signed."), 422),
        (errors.BadInput("Unreadable."), 422),
        (errors.RuleRefused("Not so."), 409),
        (errors.NotFound("Not here."), 404),
    ],
)
async def test_each_error_of_the_house_has_its_status(
    api: httpx2.AsyncClient, desk: FakeDesk, error: errors.InboxdError, status: int
) -> None:
    desk.trouble = error
    assert problem(await api.get("/v1/status"), status, error.code)["detail"] == str(error)


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        ({"address": "b@example.org"}, "send either password or password_command"),
        (
            {"address": "b@example.org", "password": "x", "password_command": "y"},
            "send either password or password_command",
        ),
        ({"address": "b@example.org", "pasword": SECRET}, "body.pasword: Extra inputs"),
        ({"address": "b@example.org", "password": [SECRET]}, "body.password:"),
        (
            {
                "address": "b@example.org",
                "password": SECRET,
                "imap": {"host": "h", "port": 0, "security": "ssl"},
            },
            "body.imap.port:",
        ),
        ({"address": "b\ud800@example.org", "password": SECRET}, "body.address:"),
        ({"address": "b@example.org", "\ud800": 1, "password": SECRET}, "body:"),
        ({"address": "b@example.org", "password": "\ud800"}, "body.password: is no text"),
        ([], "body:"),
    ],
)
async def test_a_malformed_request_names_each_mistake_and_never_repeats_a_secret(
    api: httpx2.AsyncClient, body: Any, mistake: str
) -> None:
    answer = await api.post(
        "/v1/accounts",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    document = problem(answer, 422, "malformed")
    assert any(mistake in one for one in document["problems"])
    assert SECRET not in answer.text


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b"[" * 100_000, b"NaN"])
async def test_a_body_that_is_no_json_is_malformed(
    api: httpx2.AsyncClient, content: bytes
) -> None:
    answer = await api.post(
        "/v1/accounts", content=content, headers={"content-type": "application/json"}
    )
    problem(answer, 422, "malformed")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages?limit=0",
        "/v1/messages?limit=501",
        "/v1/messages?acount=1",
        "/v1/messages?since=yesterday",
        "/v1/messages?since=2026",
        "/v1/messages?since=0001-01-01T00:00:00%2B23:59",
        "/v1/messages/0",
        "/v1/messages/99999999999999999999",
        "/v1/messages/x",
        "/v1/messages/1/attachments/-1",
        "/v1/events?after=-1&follow=false",
        "/v1/events?after=99999999999999999999&follow=false",
    ],
)
async def test_a_value_out_of_range_or_misspelled_is_malformed(
    api: httpx2.AsyncClient, path: str
) -> None:
    problem(await api.get(path), 422, "malformed")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/nothing", "/v1/accounts/", "/docs"])
async def test_an_unknown_path_is_a_problem_too(api: httpx2.AsyncClient, path: str) -> None:
    problem(await api.get(path), 404, "no_such_route")


async def test_a_wrong_method_is_told_the_right_ones(api: httpx2.AsyncClient) -> None:
    answer = await api.delete("/v1/status")
    assert "GET" in problem(answer, 405, "method_not_allowed")["detail"]
    assert answer.headers["allow"] == "GET"
    answer = await api.put(A)
    assert "DELETE, GET" in problem(answer, 405, "method_not_allowed")["detail"]
    assert answer.headers["allow"] == "DELETE, GET"


async def test_an_endless_body_is_cut_off(api: httpx2.AsyncClient, desk: FakeDesk) -> None:
    answer = await api.post("/v1/contacts/import", content=b"x" * (MAX_BODY + 1))
    problem(answer, 413, "too_large")
    assert desk.imported == []


async def test_a_mistake_of_ours_is_logged_once_by_place_and_never_by_its_text(
    api: httpx2.AsyncClient, desk: FakeDesk
) -> None:
    desk.trouble = ZeroDivisionError(SECRET)
    with capture_logs() as logs:
        answer = await api.get("/v1/status")
    problem(answer, 500, "internal")
    (line,) = logs
    assert (line["event"], line["error"]) == ("api_mistake", "ZeroDivisionError")
    assert any("fake_desk.py" in place for place in line["where"])
    assert SECRET not in str(logs)
    assert SECRET not in answer.text


async def test_every_change_is_logged_with_its_caller_and_without_its_content(
    api: httpx2.AsyncClient,
) -> None:
    with capture_logs() as logs:
        await api.post("/v1/contacts", json={"name": "Carla", "addresses": ["c@d.example"]})
        await api.post(f"{A}/pause")
        await api.post("/v1/accounts", json={"address": "b@example.org", "password": "wrong"})
        await api.get(A)
    assert [
        (line["event"], line["operation"], line["status"], line["caller"]) for line in logs
    ] == [
        ("api_change", "add_contact", 201, "uid unknown"),
        ("api_change", "pause_account", 200, "uid unknown"),
        ("api_change", "add_account", 422, "uid unknown"),
    ]
    assert logs[1]["account"] == "anna@example.org"
    assert "c@d.example" not in str(logs)
