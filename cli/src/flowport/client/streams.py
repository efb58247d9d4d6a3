"""Streams of runs. A run does not depend on its stream: after a disconnect, the stream resumes."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import msgspec

from flowport.client.api_client import ApiClient, JsonObject, RetryPolicy, api_path
from flowport.client.errors import ServerUnavailable
from flowport.client.runs import RunRef

DONE: Final = "[DONE]"
HEARTBEAT: Final = "heartbeat=15"
SILENT_SECONDS: Final = 60.0
"""Read timeout: four heartbeat intervals."""
_ENDS: Final = frozenset({"final", "error"})


@dataclass(frozen=True)
class _Frame:
    id: str | None
    data: Any

    @property
    def is_last(self) -> bool:
        """Return whether only the end marker may follow."""
        return self.data == DONE or (isinstance(self.data, dict) and self.data.get("event") in _ENDS)


class RunStream:
    """Frames of one run, without the end marker."""

    def __init__(self, client: ApiClient, ref: RunRef, first: httpx2.Response) -> None:
        self.run_id = ref.run_id
        self._client = client
        self._ref = ref
        self._first = first
        self._last_event_id: str | None = None
        self._retries = RetryPolicy(ref.run_id)

    def __iter__(self) -> Iterator[Any]:
        """Yield the frames, and resume after a disconnect.

        Raises WaitTimedOut when the server stays unavailable, CommandFailed when it refuses to resume. The run is not
        affected.
        """
        ended, events = (yield from self._read_frames(self._first)), f"{self._ref.path}/events?{HEARTBEAT}"
        while not ended:
            try:
                with self._client.stream(
                    "GET", events, headers=self._resume_headers(), seconds=SILENT_SECONDS
                ) as response:
                    ended = yield from self._read_frames(response)
            except ServerUnavailable as error:
                self._retries.wait_or_raise(error)

    def _resume_headers(self) -> Mapping[str, str]:
        return {} if self._last_event_id is None else {"last-event-id": self._last_event_id}

    def _read_frames(self, response: httpx2.Response) -> Generator[Any, None, bool]:
        """Yield the frames of one response, and return whether the last one was among them."""
        problem = "the response ended before the run did"
        try:
            for frame in _parse_frames(response):
                self._retries.reset()
                self._last_event_id = frame.id or self._last_event_id
                if frame.data != DONE:
                    yield frame.data
                if frame.is_last:
                    return True
        except httpx2.HTTPError as error:
            problem = str(error) or type(error).__name__
        self._retries.wait_or_raise(ServerUnavailable(f"{self._client.profile.base_url} disconnected: {problem}"))
        return False


@contextmanager
def stream_run(
    client: ApiClient, workflow_id: str, body: JsonObject, headers: Mapping[str, str]
) -> Iterator[RunStream]:
    """Start a run and stream its output. Raises CommandFailed."""
    route = f"{api_path('v2', 'workflows', workflow_id, 'execute')}?{HEARTBEAT}"
    body = {**body, "stream": True}
    with client.stream("POST", route, body=body, headers=headers, seconds=SILENT_SECONDS) as response:
        yield RunStream(client, RunRef(workflow_id, response.headers["x-run-id"]), response)


def _parse_frames(response: httpx2.Response) -> Iterator[_Frame]:
    event_id = None
    for line in _split_lines(response):
        name, _, value = line.partition(b": ")
        if name == b"id":
            event_id = value.decode()
        elif name == b"data":
            yield _Frame(event_id, msgspec.json.decode(value))


def _split_lines(response: httpx2.Response) -> Iterator[bytes]:
    """Split at line feeds only: httpx2 also splits at separators that texts may contain."""
    pending: list[bytes] = []
    for chunk in response.iter_bytes():
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join((*pending, line))
            pending.clear()
        pending.append(rest)
