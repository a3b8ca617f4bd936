"""A stand-in for Pipedrive's REST API v2: persons in pages, or whatever answers a test gives it.

It checks the token as the real one does, remembers what it was asked, and speaks HTTP/1.1 on a
free port of 127.0.0.1 in a thread of its own.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

TOKEN = "c0ffee-0123456789-token"


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    target: str
    """Path and query, as they stood in the request line."""
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        return {name: all_[-1] for name, all_ in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Answer:
    """An answer instead of a page."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    missing_bytes: int = 0
    """How many more bytes the header promises than come before the connection ends."""
    silent: bool = False
    """Say nothing until the server is stopped."""


def entry(number: Any, name: Any, *values: Any) -> dict[str, Any]:
    """A person as the API tells it; the first of its addresses is the primary one."""
    emails = [
        {"value": value, "primary": at == 0, "label": "work"} for at, value in enumerate(values)
    ]
    return {"id": number, "name": name, "emails": emails, "is_deleted": False, "org_id": None}


def answered(data: Any, next_cursor: Any = None) -> Answer:
    """A page in the API's own form."""
    page = {"success": True, "data": data, "additional_data": {"next_cursor": next_cursor}}
    return Answer(body=json.dumps(page).encode())


class Pipedrive:
    """One running server; use as a context manager."""

    def __init__(
        self, *pages: Sequence[Mapping[str, Any]], tls: ssl.SSLContext | None = None
    ) -> None:
        self.asked: list[Asked] = []
        self.coming: list[Answer] = []
        """What is answered next, one each, before pages are served again."""
        self.always: Answer | None = None
        """What is answered to everything, once `coming` is used up."""
        self._pages = pages
        self._stopping = Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._scheme = "http"
        if tls is not None:
            self._scheme = "https"
            # The handshake belongs to the connection's own thread: not all here come through.
            self._http.socket = tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self._scheme}://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.coming:
            return self.coming.pop(0)
        if self.always is not None:
            return self.always
        if asked.headers.get("x-api-token") != TOKEN:
            return Answer(401, b'{"success": false, "error": "unauthorized access"}')
        if urlsplit(asked.target).path != "/api/v2/persons":
            return Answer(404, b'{"success": false}')
        return self._page(asked.query)

    def _page(self, query: dict[str, str]) -> Answer:
        """The page at a cursor; cursors are `page=N`, for a sign that must be escaped."""
        number = int(query.get("cursor", "page=0").removeprefix("page="))
        if not self._pages:
            return answered([])
        last = number + 1 == len(self._pages)
        return answered(list(self._pages[number]), None if last else f"page={number + 1}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._send(server._answer(Asked(self.path, headers)))

            def _send(self, answer: Answer) -> None:
                if answer.silent:
                    server._stopping.wait(10)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body) + answer.missing_bytes))
                self.end_headers()
                self.close_connection = self.close_connection or answer.missing_bytes > 0
                try:
                    self.wfile.write(answer.body)
                except OSError:
                    # Who finds an answer too long hangs up.
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - not ours
                """Say nothing."""

        return Handler
