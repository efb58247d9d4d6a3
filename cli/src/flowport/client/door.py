"""Calls the public door of one server."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2
import msgspec

from flowport.client.errors import Missing, NoAccess, TryLater, Unanswered, failure_of
from flowport.client.profiles import Profile
from flowport.failures import CommandFailed

JsonObject = dict[str, Any]

CALL_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 5.0
RUN_SECONDS: Final = 3_600.0
PAGE: Final = 100
MAX_PAGES: Final = 1_000
MOST_PORTS: Final = 65_535
_KEY: Final = re.compile(r"[!-~]+")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_NOTHING_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class Door:
    """One server and one key. Close it, or use it as a context."""

    def __init__(self, profile: Profile, *, transport: httpx2.BaseTransport | None = None) -> None:
        if not _KEY.fullmatch(profile.api_key):
            raise NoAccess("the API key has characters in it that no key has: copy it once more")
        self.profile = profile
        try:
            url = httpx2.URL(profile.base_url)
            if url.port is not None and url.port > MOST_PORTS:
                raise CommandFailed(f"{profile.base_url} is no server's address: there is no port {url.port}")
            self._http = httpx2.Client(
                base_url=profile.base_url,
                headers={"x-api-key": profile.api_key},
                timeout=httpx2.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS),
                transport=transport,
                trust_env=url.host not in HERE,  # proxies, and whom to believe
            )
        except httpx2.InvalidURL as error:
            raise CommandFailed(f"{profile.base_url} is no server's address: {error}") from error
        except (ValueError, ImportError, OSError) as error:
            raise CommandFailed(
                f"HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or SSL_CERT_FILE cannot be used: {error}"
            ) from error

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
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        changes = method != "GET"
        with self._told(changes=changes):
            answer = self._http.request(method, path, params=query, json=body, headers=headers, timeout=timeout)
        _check(answer, changes=changes)
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
    def opened(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, seconds: float
    ) -> Iterator[httpx2.Response]:
        """An answer that is read while it comes, with `seconds` for each piece of it.

        Raises CommandFailed, by status. Reading it raises what httpx2 raises.
        """
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        changes = method != "GET"
        with ExitStack() as stack:
            with self._told(changes=changes):
                call = self._http.stream(method, path, json=body, headers=headers, timeout=timeout)
                answer = stack.enter_context(call)
                if answer.is_error:
                    answer.read()
            _check(answer, changes=changes)
            yield answer

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
        """Every workflow of the workspace. Raises CommandFailed when the key opens several and nobody said which."""
        found: list[JsonObject] = self.call("GET", "/api/workflows", query={"workspaceId": self.workspace_id})["data"]
        return found

    @property
    def named_workspace(self) -> JsonObject:
        """Says in a query which workspace is meant, where that was said here: a key of one alone needs no look."""
        return {"workspaceId": self.profile.workspace_id} if self.profile.workspace_id else {}

    @property
    def workspace_id(self) -> str:
        """Which workspace is meant. Raises CommandFailed when the key opens several and nobody said which."""
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

    @contextmanager
    def _told(self, *, changes: bool) -> Iterator[None]:
        """What goes wrong with a call that `changes` something or only asks, in our words."""
        try:
            yield
        except httpx2.UnsupportedProtocol:
            raise CommandFailed(
                f"{self.profile.base_url} is no server's address: it has to begin with http:// or https://"
            ) from None
        except httpx2.HTTPError as error:
            found = f"{self.profile.base_url} does not answer: {str(error) or type(error).__name__}"
            if changes and not isinstance(error, _NOTHING_SENT):
                raise Unanswered(f"{found}; what it was asked for may have been done") from error
            raise TryLater(found) from error
        except UnicodeEncodeError as error:
            raise CommandFailed("what was given is no text in UTF-8") from error


def path(*parts: str | int) -> str:
    """A path whose variable parts cannot leave their place."""
    return "/api/" + "/".join(quote(str(part), safe="") for part in parts)


def is_id(name: str) -> bool:
    """Whether this is the id of something, not its name."""
    return _ID.fullmatch(name) is not None


def _check(answer: httpx2.Response, *, changes: bool) -> None:
    if answer.is_error:
        later = answer.headers.get("retry-after")
        raise failure_of(answer.status_code, _json(answer), retry_after=later, changes=changes)


def _json(answer: httpx2.Response) -> Any:
    try:
        return msgspec.json.decode(answer.content) if answer.content else None
    except msgspec.DecodeError as error:
        if answer.is_error:
            return None
        raise CommandFailed(f"{answer.url} answered something that is not JSON: is this a Flowport server?") from error
