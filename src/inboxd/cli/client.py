"""Speak with the daemon over its Unix socket; what `inboxctl` and the demo use.

It knows HTTP and the shape of refusals, nothing of what is asked or how it is shown.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx2

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 180.0
"""Adding an account discovers its servers and tries two logins before the answer comes."""

LONG_SECONDS = 1_800.0
"""What looks through a whole mailbox: 100,000 messages over a slow line."""

SILENCE_SECONDS = 45.0
"""Of an event stream: three of the daemon's keep-alive comments missed."""

Params = Mapping[str, str | int | bool | None]

Json = Any
"""What JSON can be; the API's description says which keys an answer has."""


class Problem(Exception):
    """The daemon refused or failed; `detail` is its sentence for people."""

    def __init__(
        self, status: int, code: str, detail: str, problems: tuple[str, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        """The HTTP status."""
        self.code = code
        """A stable word."""
        self.detail = detail
        self.problems = problems
        """Each single mistake, where there can be several."""


class Unreachable(Exception):
    """No daemon answers at the socket; the text says what to do."""


def at(*parts: str | int) -> str:
    """The path of a resource: `at("accounts", "a/b@c", "sync")`, each part quoted."""
    return "/v1/" + "/".join(quote(str(part), safe="@") for part in parts)


class Client:
    """One user's line to the daemon; use it as a context manager."""

    def __init__(self, socket_path: Path | str) -> None:
        self._path = str(socket_path)
        # No TLS and no environment: a proxy setting must not lead a local socket elsewhere.
        transport = httpx2.HTTPTransport(uds=self._path, verify=False, trust_env=False)
        self._http = httpx2.Client(
            transport=transport,
            base_url="http://inboxd",
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        patience_seconds: float | None = None,
    ) -> Json:
        """Read a resource. Raises Problem and Unreachable, as every method here."""
        return self._parsed("GET", path, params=params, patience_seconds=patience_seconds)

    def post(
        self,
        path: str,
        body: Mapping[str, Json] | None = None,
        *,
        patience_seconds: float | None = None,
    ) -> Json:
        """Create something, or ask for something to be done."""
        return self._parsed("POST", path, body=body, patience_seconds=patience_seconds)

    def patch(self, path: str, body: Mapping[str, Json]) -> Json:
        """Change parts of a resource."""
        return self._parsed("PATCH", path, body=body)

    def put(self, path: str, body: Mapping[str, Json]) -> Json:
        """Replace a resource."""
        return self._parsed("PUT", path, body=body)

    def delete(self, path: str, params: Params | None = None) -> None:
        """Remove a resource."""
        self._parsed("DELETE", path, params=params)

    def upload(self, path: str, data: bytes, params: Params | None = None) -> Json:
        """Send a file."""
        return self._read(self._answer("POST", path, params=params, content=data))

    def download(self, path: str) -> bytes:
        """Read bytes as they are."""
        return self._answer("GET", path).content

    def items(self, path: str, params: Params | None = None) -> Iterator[Json]:
        """Read a list to its end, page by page."""
        asked: dict[str, str | int | bool | None] = dict(params or {})
        while True:
            page = self.get(path, asked)
            yield from page["items"]
            if page["next"] is None:
                return
            asked["cursor"] = page["next"]

    def events(
        self, after: int, *, historical: bool = False
    ) -> Generator[dict[str, Json], None, None]:
        """Follow the events after number `after`, until the daemon ends the stream.

        Close the generator to stop sooner.
        """
        timeout = httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        params = _spelled({"after": after, "historical": historical})
        with (
            self._reached(),
            self._http.stream("GET", at("events"), params=params, timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _problem(answer)
            # Each event is one line of data; ids and types stand in it once more.
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def _parsed(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Mapping[str, Json] | None = None,
        patience_seconds: float | None = None,
    ) -> Json:
        return self._read(
            self._answer(method, path, params=params, json=body, patience_seconds=patience_seconds)
        )

    def _read(self, answer: httpx2.Response) -> Json:
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise _stranger(answer) from None

    def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Mapping[str, Json] | None = None,
        content: bytes | None = None,
        patience_seconds: float | None = None,
    ) -> httpx2.Response:
        patience = httpx2.Timeout(patience_seconds or ANSWER_SECONDS, connect=CONNECT_SECONDS)
        with self._reached():
            answer = self._http.request(
                method, path, params=_spelled(params), json=json, content=content, timeout=patience
            )
        if answer.is_error:
            raise _problem(answer)
        return answer

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx2.ConnectError as error:
            raise Unreachable(self._why(error)) from error
        except httpx2.TimeoutException as error:
            raise Unreachable(
                f"inboxd at {self._path} did not answer in time: see its log, and try again."
            ) from error
        except httpx2.TransportError as error:
            raise Unreachable(
                f"inboxd at {self._path} hung up in the middle of an answer: it may be "
                "stopping; see its log, and try again."
            ) from error

    def _why(self, error: Exception) -> str:
        match _errno(error):
            case errno.EACCES | errno.EPERM:
                return (
                    f"You may not use {self._path}: ask to become a member of the group that "
                    "the socket belongs to."
                )
            case errno.ENOENT:
                return (
                    f"inboxd does not run here (no socket at {self._path}): start it with "
                    "inboxd run, or name its socket with --socket or $INBOXD_SOCKET."
                )
            case _:
                return (
                    f"Nobody answers at {self._path}: start inboxd with inboxd run, or name its "
                    "socket with --socket or $INBOXD_SOCKET."
                )


def _spelled(params: Params | None) -> dict[str, str] | None:
    """Query parameters as text; None leaves one out."""
    if params is None:
        return None
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in params.items()
        if value is not None
    }


def _problem(answer: httpx2.Response) -> Problem:
    try:
        document = answer.json()
        return Problem(
            answer.status_code,
            str(document["code"]),
            str(document["detail"]),
            tuple(str(one) for one in document["problems"]),
        )
    except (ValueError, KeyError, TypeError):
        return _stranger(answer)


def _stranger(answer: httpx2.Response) -> Problem:
    return Problem(
        answer.status_code,
        "not_inboxd",
        f"What answers at the socket does not speak as inboxd does (HTTP {answer.status_code}): "
        "check --socket and $INBOXD_SOCKET.",
    )


def _errno(error: BaseException | None) -> int | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        error = error.__cause__ or error.__context__
    return None
