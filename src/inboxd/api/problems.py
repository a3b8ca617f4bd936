"""Every refusal in one shape: problem documents of RFC 9457.

`code` is the stable word for scripts; `detail` is the sentence for people and says what to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from inboxd.model import errors

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Why a request was not carried out (RFC 9457)."""

    type: str = Field(description="A name of this kind of problem.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status, once more.")
    detail: str = Field(description="What happened and what to do next, for people.")
    code: str = Field(description="A stable word for scripts.")
    problems: list[str] = Field(description="Each single mistake, where there can be several.")
    side: str | None = Field(
        default=None, description="`imap` or `smtp`, where one side of a login failed."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "urn:inboxd:problem:refused",
                    "title": "Refused by a rule",
                    "status": 409,
                    "detail": "There is no start date '2w': send one of now, 1m, 3m, 6m, 1y.",
                    "code": "refused",
                    "problems": [],
                }
            ]
        }
    }


class _Answer(NamedTuple):
    status: HTTPStatus
    title: str


_ANSWERS: tuple[tuple[type[errors.InboxdError], _Answer], ...] = (
    (errors.RuleRefused, _Answer(HTTPStatus.CONFLICT, "Refused by a rule")),
    (errors.NotFound, _Answer(HTTPStatus.NOT_FOUND, "Not found")),
    (errors.BadInput, _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "Unusable input")),
    (
        errors.AccountNotReached,
        _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "The account could not be reached"),
    ),
    (errors.LoginRejected, _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "The login was refused")),
    (errors.TlsUntrusted, _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "Untrusted certificate")),
    (errors.TlsUnavailable, _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "No TLS to be had")),
    (errors.NotAMailServer, _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "Not a mail server")),
    (errors.PlaintextRefused, _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "Unencrypted")),
    (errors.StoreUnavailable, _Answer(HTTPStatus.SERVICE_UNAVAILABLE, "The store cannot write")),
    (errors.Throttled, _Answer(HTTPStatus.SERVICE_UNAVAILABLE, "The mail server is busy")),
    (errors.ServerTrouble, _Answer(HTTPStatus.BAD_GATEWAY, "Trouble with the mail server")),
)

_DESCRIPTIONS = {
    404: "What was named does not exist.",
    409: "A rule forbids it; `detail` says what to send instead.",
    413: "The body is too large.",
    422: "The request, or what it names, cannot be used.",
    500: "A mistake in inboxd; the log says more.",
    502: "The mail server failed.",
    503: "The store or the mail server asks for patience.",
}


def bytes_of(media_type: str) -> dict[int | str, dict[str, Any]]:
    """The description of an answer that is a file."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": "The bytes.", "content": {media_type: {"schema": schema}}}}


def listed(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route for its description: `statuses` and those every route can have."""
    return {
        status: {"model": Problem, "description": _DESCRIPTIONS[status]}
        for status in sorted({*statuses, 422, 500, 503})
    }


def document(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    problems: Sequence[str] = (),
    side: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem document as a response."""
    content: dict[str, Any] = {
        "type": f"urn:inboxd:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "problems": list(problems),
    }
    if side is not None:
        content["side"] = side
    # ASCII escapes: a refusal may quote a lone surrogate of the request, which UTF-8 cannot hold.
    return Response(json.dumps(content), status, headers=headers, media_type=MEDIA_TYPE)


def unexpected() -> Response:
    """The answer to a mistake of our own; what it was is told to the log alone."""
    return document(
        500,
        "internal",
        "A mistake in inboxd",
        "inboxd made a mistake; nothing was changed by halves. Its log says where: please report "
        "it, and try again.",
    )


def install(app: FastAPI, methods: Callable[[str], list[str]]) -> None:
    """Answer every refusal of `app` with a problem document.

    `methods` tells what can be sent to a path.
    """

    async def http(request: Request, error: Exception) -> Response:
        return _http(error, methods(request.url.path))

    app.add_exception_handler(errors.InboxdError, _refusal)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, http)


async def _refusal(_request: Request, error: Exception) -> Response:
    for kind, answer in _ANSWERS:
        if isinstance(error, errors.InboxdError) and isinstance(error, kind):
            return document(
                int(answer.status),
                error.code,
                answer.title,
                str(error),
                problems=error.problems if isinstance(error, errors.BadInput) else (),
                side=error.side if isinstance(error, errors.AccountNotReached) else None,
            )
    raise error


async def _malformed(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    # Never the `input` that pydantic keeps beside each mistake: it may be a password.
    found = [
        f"{'.'.join(str(part) for part in mistake['loc'])}: "
        f"{mistake['msg'].removeprefix('Value error, ')}"
        for mistake in error.errors()
    ]
    return document(
        422,
        "malformed",
        "Malformed request",
        "The request cannot be understood: " + "; ".join(found) + ".",
        problems=found,
    )


def _http(error: Exception, methods: list[str]) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    match error.status_code:
        case 404:
            return document(
                404,
                "no_such_route",
                "Not found",
                "There is nothing at this path: GET /openapi.json lists what there is.",
            )
        case 405:
            allowed = ", ".join(methods)
            return document(
                405,
                "method_not_allowed",
                "Method not allowed",
                f"This path does not take that method: send {allowed}.",
                headers={"Allow": allowed},
            )
        case 413:
            return document(413, "too_large", "Too large", str(error.detail))
        case _:
            # FastAPI's only other own refusal is 400 for a body that is no text.
            return document(
                422,
                "malformed",
                "Malformed request",
                "The request cannot be understood: its body is no JSON in UTF-8.",
            )
