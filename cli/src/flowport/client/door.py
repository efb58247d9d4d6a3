"""Calls the public door of one server."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
import msgspec

from flowport.client.errors import Missing, TryLater, failure_of
from flowport.client.profiles import Profile
from flowport.failures import CommandFailed

JsonObject = dict[str, Any]

CALL_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 5.0
RUN_SECONDS: Final = 3_600.0
PAGE: Final = 100
MAX_PAGES: Final = 1_000
DONE: Final = "[DONE]"


@dataclass(frozen=True)
class Stream:
    """A run that is read while it goes on."""

    run_id: str | None
    frames: Iterator[Any]
    """As they come, without the one that ends the stream."""


class Door:
    """One server and one key. Close it, or use it as a context."""

    def __init__(self, profile: Profile, *, transport: httpx.BaseTransport | None = None) -> None:
        self.profile = profile
        self._http = httpx.Client(
            base_url=profile.base_url,
            headers={"x-api-key": profile.api_key},
            timeout=httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
    ) -> Any:
        """The answer's JSON. Raises CommandFailed, by status."""
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            answer = self._http.request(method, path, params=query, json=body, headers=headers, timeout=timeout)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        _check(answer)
        return _json(answer)

    def pages(self, path: str, query: JsonObject | None = None) -> Iterator[JsonObject]:
        """Every item of a list that is answered in pages."""
        query = {"limit": PAGE, **(query or {})}
        for _ in range(MAX_PAGES):
            page = self.call("GET", path, query=query)
            yield from page["data"]
            if not page.get("nextCursor"):
                return
            query["cursor"] = page["nextCursor"]

    @contextmanager
    def stream(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Iterator[Stream]:
        """A streamed run. Raises CommandFailed."""
        timeout = httpx.Timeout(RUN_SECONDS, connect=CONNECT_SECONDS)
        try:
            with self._http.stream("POST", path, json=body, headers=headers, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                _check(answer)
                yield Stream(answer.headers.get("x-run-id"), _frames(answer))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def workflow_id(self, name: str) -> str:
        """The id of the workflow with this id or name. Raises Missing, or CommandFailed when the name is not unique."""
        if is_id(name):
            return name
        found = [workflow["id"] for workflow in self.workflows() if workflow["name"] == name]
        if not found:
            raise Missing(f"there is no workflow named {name!r}")
        if len(found) > 1:
            raise CommandFailed(f"{len(found)} workflows are named {name!r}, use an id: {', '.join(found)}")
        return str(found[0])

    def workflows(self) -> list[JsonObject]:
        """Every workflow of the workspace."""
        found: list[JsonObject] = self.call("GET", "/api/workflows")["data"]
        return found

    @property
    def workspace_id(self) -> str:
        """Where new workflows go. Raises CommandFailed when the key opens several and nobody said which."""
        if self.profile.workspace_id:
            return self.profile.workspace_id
        known = [workspace["id"] for workspace in self.workspaces()]
        if len(known) != 1:
            raise CommandFailed(f"which workspace? Set FLOWPORT_WORKSPACE_ID to one of {', '.join(known)}")
        return str(known[0])

    def workspaces(self) -> list[JsonObject]:
        """The workspaces that the key opens."""
        found: list[JsonObject] = self.call("GET", "/api/workspaces")["workspaces"]
        return found

    def _unreachable(self, error: httpx.HTTPError) -> CommandFailed:
        if isinstance(error, httpx.UnsupportedProtocol):
            return CommandFailed(
                f"{self.profile.base_url} is no server's address: it has to begin with http:// or https://"
            )
        return TryLater(f"{self.profile.base_url} does not answer: {str(error) or type(error).__name__}")


def path(*parts: str | int) -> str:
    """A path whose variable parts cannot leave their place."""
    return "/api/" + "/".join(quote(str(part), safe="") for part in parts)


def is_id(name: str) -> bool:
    """Whether this is the id of something, not its name."""
    return len(name) == 36 and name.count("-") == 4


def _frames(answer: httpx.Response) -> Iterator[Any]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            frame = msgspec.json.decode(line[6:])
            if frame == DONE:
                return
            yield frame


def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        raise failure_of(answer.status_code, _json(answer), retry_after=answer.headers.get("retry-after"))


def _json(answer: httpx.Response) -> Any:
    try:
        return msgspec.json.decode(answer.content) if answer.content else None
    except msgspec.DecodeError as error:
        if answer.is_error:
            return None
        raise CommandFailed(f"{answer.url} answered something that is not JSON: is this a Flowport server?") from error
