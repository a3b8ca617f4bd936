"""The API keeps to its own description, whatever is sent (bars: faces)."""

from __future__ import annotations

from typing import Any

import anyio
import hypothesis
import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from inboxd.api.app import create_app
from unit.api.fake_desk import FakeDesk


def _app() -> FastAPI:
    desk = FakeDesk()
    desk.have_account()
    desk.happen(3)
    # Streams of a daemon that ends give what there is, then end.
    stopping = anyio.Event()
    stopping.set()
    return create_app(desk, stopping=stopping)


schema = schemathesis.openapi.from_asgi("/openapi.json", _app())


@schema.parametrize()
@hypothesis.settings(max_examples=15, deadline=None)
def test_no_request_meets_a_mistake_or_an_unlisted_status(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ]
    )


def test_every_promised_route_is_described() -> None:
    described = {
        (method, path) for path, methods in _app().openapi()["paths"].items() for method in methods
    }
    a = "/v1/accounts/{account}"
    assert described == {
        ("get", "/v1/status"),
        ("get", "/v1/accounts"),
        ("post", "/v1/accounts"),
        ("get", a),
        ("delete", a),
        ("post", f"{a}/pause"),
        ("post", f"{a}/resume"),
        ("post", f"{a}/sync"),
        ("post", f"{a}/resync"),
        ("put", f"{a}/password"),
        ("get", f"{a}/labels"),
        ("get", f"{a}/ledger"),
        ("get", f"{a}/conditions"),
        ("patch", f"{a}/conditions"),
        ("get", f"{a}/conditions/journal"),
        ("post", f"{a}/conditions/undo"),
        ("post", f"{a}/verify"),
        ("get", f"{a}/why"),
        ("post", f"{a}/preview"),
        ("get", "/v1/quarantine"),
        ("get", "/v1/quarantine/{item}"),
        ("get", "/v1/quarantine/{item}/raw"),
        ("post", "/v1/quarantine/{item}/retry"),
        ("get", "/v1/owners"),
        ("get", "/v1/owners/{owner}/settings"),
        ("patch", "/v1/owners/{owner}/settings"),
        ("get", "/v1/contacts/sources"),
        ("put", "/v1/contacts/sources/pipedrive"),
        ("post", "/v1/contacts/sources/{source}/pull"),
        ("delete", "/v1/contacts/sources/{source}"),
        ("get", "/v1/contacts"),
        ("post", "/v1/contacts"),
        ("post", "/v1/contacts/import"),
        ("delete", "/v1/contacts/{contact}"),
        ("get", "/v1/messages"),
        ("get", "/v1/messages/{message}"),
        ("delete", "/v1/messages/{message}"),
        ("post", "/v1/messages/{message}/archive"),
        ("get", "/v1/messages/{message}/raw"),
        ("get", "/v1/messages/{message}/attachments/{index}"),
        ("get", "/v1/threads/{thread}"),
        ("get", "/v1/events"),
    }


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/accounts/{account}/conditions"])
def test_refusals_are_described_as_problem_documents(path: str) -> None:
    for operation in _app().openapi()["paths"][path].values():
        for code, response in operation["responses"].items():
            if code >= "400":
                assert list(response["content"]) == ["application/problem+json"]
