"""HTTP client of the public API, and its retry policy."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2
import msgspec

from flowport.client.errors import (
    AccessDenied,
    NotFound,
    OutcomeUnknown,
    ServerUnavailable,
    WaitTimedOut,
    error_for_response,
)
from flowport.client.profiles import Profile
from flowport.errors import CommandFailed

JsonObject = dict[str, Any]

CALL_TIMEOUT_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 5.0
RUN_TIMEOUT_SECONDS: Final = 3_600.0
PAGE_SIZE: Final = 100
MAX_PAGES: Final = 1_000
MAX_PORT: Final = 65_535
_KEY: Final = re.compile(r"[!-~]+")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_NOTHING_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 2.0
UNAVAILABLE_SECONDS: Final = 60.0


class ApiClient:
    """Client for one server with one API key. Close it, or use it as a context manager."""

    def __init__(self, profile: Profile, *, transport: httpx2.BaseTransport | None = None) -> None:
        if not _KEY.fullmatch(profile.api_key):
            raise AccessDenied("the API key contains invalid characters. Copy it again")
        self.profile = profile
        try:
            url = httpx2.URL(profile.base_url)
            if url.port is not None and url.port > MAX_PORT:
                raise CommandFailed(f"{profile.base_url} is not a valid server URL: port {url.port} is out of range")
            self._http = httpx2.Client(
                base_url=profile.base_url,
                headers={"x-api-key": profile.api_key},
                timeout=httpx2.Timeout(CALL_TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
                transport=transport,
                trust_env=url.host not in LOOPBACK_HOSTS,  # proxies and CA bundles of the environment
            )
        except httpx2.InvalidURL as error:
            raise CommandFailed(f"{profile.base_url} is not a valid server URL: {error}") from error
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
        seconds: float = CALL_TIMEOUT_SECONDS,
    ) -> Any:
        """Return the JSON of the response. Raises a CommandFailed that matches the status."""
        return _json(self._request(method, path, params=query, json=body, headers=headers, seconds=seconds))

    def call_at(self, method: str, path: str, *, body: Any = None, etag: str | None = None) -> tuple[Any, str | None]:
        """Return the JSON of the response and its ETag.

        Raises Conflict if `etag` is given and the resource has another, and what `call` raises.
        """
        response = self._request(method, path, json=body, headers={"if-match": etag} if etag else None)
        return _json(response), response.headers.get("etag")

    def fetch(self, path: str, query: JsonObject | None = None) -> bytes:
        """Return the undecoded body of a response. Raises a CommandFailed that matches the status."""
        return self._request("GET", path, params=query).content

    def _request(
        self, method: str, path: str, *, seconds: float = CALL_TIMEOUT_SECONDS, **content: Any
    ) -> httpx2.Response:
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        changes = method != "GET"
        with self._translate_errors(changes=changes):
            response = self._http.request(method, path, timeout=timeout, **content)
        _check(response, changes=changes)
        return response

    def pages(self, path: str, query: JsonObject | None = None) -> Iterator[JsonObject]:
        """Yield every item of a paginated list."""
        query = {"limit": PAGE_SIZE, **(query or {})}
        for _ in range(MAX_PAGES):
            page = self.call("GET", path, query=query)
            yield from page["data"]
            if not page.get("nextCursor"):
                return
            query["cursor"] = page["nextCursor"]

    @contextmanager
    def stream(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, seconds: float
    ) -> Iterator[httpx2.Response]:
        """Open a streaming response, with `seconds` as read timeout.

        Raises a CommandFailed that matches the status. Reading the response raises httpx2 errors.
        """
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        changes = method != "GET"
        with ExitStack() as stack:
            with self._translate_errors(changes=changes):
                call = self._http.stream(method, path, json=body, headers=headers, timeout=timeout)
                response = stack.enter_context(call)
                if response.is_error:
                    response.read()
            _check(response, changes=changes)
            yield response

    def workflow_id(self, name: str) -> str:
        """Return the id of the workflow with this id or name.

        Raises NotFound, or CommandFailed when several workflows have the name.
        """
        if is_id(name):
            return name
        found = [workflow["id"] for workflow in self.workflows() if workflow["name"] == name]
        if not found:
            raise NotFound(f"workflow {name!r} not found")
        if len(found) > 1:
            raise CommandFailed(f"{len(found)} workflows are named {name!r}. Use one of these ids: {', '.join(found)}")
        return str(found[0])

    def workflows(self) -> list[JsonObject]:
        """Return every workflow of the workspace. Raises CommandFailed like `workspace_id`."""
        found: list[JsonObject] = self.call("GET", "/api/workflows", query={"workspaceId": self.workspace_id})["data"]
        return found

    @property
    def workspace_query(self) -> JsonObject:
        """Return the query parameter that selects the workspace, or nothing when none is configured."""
        return {"workspaceId": self.profile.workspace_id} if self.profile.workspace_id else {}

    @property
    def workspace_id(self) -> str:
        """Return the selected workspace. Raises CommandFailed when the key has several and none is selected."""
        if self.profile.workspace_id:
            return self.profile.workspace_id
        ids = [workspace["id"] for workspace in self.workspaces()]
        if len(ids) != 1:
            raise CommandFailed(f"no workspace selected. Set FLOWPORT_WORKSPACE_ID to one of {', '.join(ids)}")
        return str(ids[0])

    def workspaces(self) -> list[JsonObject]:
        """Return the workspaces that the key can access."""
        found: list[JsonObject] = self.call("GET", "/api/workspaces")["workspaces"]
        return found

    @contextmanager
    def _translate_errors(self, *, changes: bool) -> Iterator[None]:
        """Translate transport errors. `changes`: the call may have changed data."""
        try:
            yield
        except httpx2.UnsupportedProtocol:
            raise CommandFailed(
                f"{self.profile.base_url} is not a valid server URL: it must begin with http:// or https://"
            ) from None
        except httpx2.HTTPError as error:
            found = f"{self.profile.base_url} is unavailable: {str(error) or type(error).__name__}"
            if changes and not isinstance(error, _NOTHING_SENT):
                raise OutcomeUnknown(f"{found}; the request may have been processed") from error
            raise ServerUnavailable(found) from error
        except UnicodeEncodeError as error:
            raise CommandFailed("the input is not valid UTF-8") from error


def api_path(*parts: str | int) -> str:
    """Return an API path with each part percent-encoded."""
    return "/api/" + "/".join(quote(str(part), safe="") for part in parts)


def is_id(name: str) -> bool:
    """Return whether `name` has the form of an id."""
    return _ID.fullmatch(name) is not None


def _check(response: httpx2.Response, *, changes: bool) -> None:
    if response.is_error:
        retry_after = response.headers.get("retry-after")
        raise error_for_response(response.status_code, _json(response), retry_after=retry_after, changes=changes)


def _json(response: httpx2.Response) -> Any:
    try:
        return msgspec.json.decode(response.content) if response.content else None
    except msgspec.DecodeError as error:
        if response.is_error:
            return None
        raise CommandFailed(f"{response.url} did not return JSON. Check the server URL") from error


class RetryPolicy:
    """Retry policy with growing delays, until the server has been unavailable for `UNAVAILABLE_SECONDS`.

    `run_id` names the run, if any, that continues on the server during the retries.
    """

    def __init__(self, run_id: str | None = None) -> None:
        self._run_id = run_id
        self.reset()

    def reset(self) -> None:
        """Record that the server responded."""
        self._since: float | None = None
        self._delays = backoff_delays()

    def wait_or_raise(self, error: ServerUnavailable) -> None:
        """Sleep before the next attempt.

        After `UNAVAILABLE_SECONDS`, raises `error`, or WaitTimedOut when a run continues on the server.
        """
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= UNAVAILABLE_SECONDS:
            raise WaitTimedOut(f"no response about run {self._run_id}: {error}") if self._run_id else error
        time.sleep(next(self._delays))


def backoff_delays() -> Iterator[float]:
    """Yield the delays between attempts, in seconds."""
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(delay * 1.5, LONGEST_DELAY)
