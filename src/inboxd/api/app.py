"""The API as one ASGI application."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import compile_path

import inboxd
from inboxd.api import problems
from inboxd.api.boundary import Boundary
from inboxd.api.ports import Desk
from inboxd.api.routes import (
    accounts,
    conditions,
    contacts,
    events,
    messages,
    owners,
    proof,
    quarantine,
    sources,
    status,
)

_PREFIX = "/v1"
_NOUNS = (
    status,
    accounts,
    conditions,
    proof,
    owners,
    sources,
    contacts,
    messages,
    quarantine,
    events,
)
_METHODS = ("get", "post", "patch", "put", "delete")


def create_app(desk: Desk, *, stopping: anyio.Event) -> FastAPI:
    """Build the API in front of `desk`; `stopping` ends its streams."""
    app = _DescribedApp(
        title="inboxd",
        version=inboxd.__version__,
        description="The e-mail sync daemon, steered over its Unix socket.",
        # The two pages of FastAPI load scripts from elsewhere; the description is what counts.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name_of,
    )
    app.state.desk = desk
    app.state.stopping = stopping
    problems.install(app, _methods)
    app.add_middleware(Boundary)
    for noun in _NOUNS:
        app.include_router(noun.router, prefix=_PREFIX)
    return app


def _methods(path: str) -> list[str]:
    """What can be sent to a path. The framework tells only of the first route that fits."""
    return sorted(
        method
        for noun in _NOUNS
        for route in noun.router.routes
        if isinstance(route, APIRoute) and compile_path(_PREFIX + route.path)[0].match(path)
        for method in route.methods or ()
    )


def _name_of(route: APIRoute) -> str:
    return route.name


class _DescribedApp(FastAPI):
    """FastAPI that describes refusals under the media type they are sent in (RFC 9457 3)."""

    def openapi(self) -> dict[str, Any]:
        """Describe the API; built once."""
        if self.openapi_schema is None:
            description = super().openapi()
            for path in description["paths"].values():
                for method in _METHODS:
                    for code, response in path.get(method, {}).get("responses", {}).items():
                        if code >= "400" and "application/json" in response["content"]:
                            shape = response["content"].pop("application/json")
                            response["content"][problems.MEDIA_TYPE] = shape
            self.openapi_schema = description
        return self.openapi_schema
