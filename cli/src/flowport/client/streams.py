"""A run that is read while it goes on. It does not depend on its reader: where the line breaks, it is read on."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import msgspec

from flowport.client.door import Door, JsonObject, path
from flowport.client.errors import TryLater
from flowport.client.patience import Patience
from flowport.client.runs import RunPlace

DONE: Final = "[DONE]"
HEARTBEAT: Final = "heartbeat=15"
SILENT_SECONDS: Final = 60.0
"""Heartbeats come four times as often: the line is dead."""
_ENDS: Final = frozenset({"final", "error"})


@dataclass(frozen=True)
class _Frame:
    id: str | None
    data: Any

    @property
    def is_last(self) -> bool:
        """Whether nothing comes behind it but the word that this was all."""
        return self.data == DONE or (isinstance(self.data, dict) and self.data.get("event") in _ENDS)


class RunStream:
    """The frames of one run, as they come, without the word that ends them."""

    def __init__(self, door: Door, place: RunPlace, first: httpx2.Response) -> None:
        self.run_id = place.run_id
        self._door = door
        self._place = place
        self._first = first
        self._seen: str | None = None
        self._patience = Patience(place.run_id)

    def __iter__(self) -> Iterator[Any]:
        """Raises TookTooLong when the run cannot be read on for long, CommandFailed when it may not be; it goes on."""
        ended, events = (yield from self._read(self._first)), f"{self._place.path}/events?{HEARTBEAT}"
        while not ended:
            try:
                with self._door.opened("GET", events, headers=self._where_we_were(), seconds=SILENT_SECONDS) as answer:
                    ended = yield from self._read(answer)
            except TryLater as error:
                self._patience.endure(error)

    def _where_we_were(self) -> Mapping[str, str]:
        return {} if self._seen is None else {"last-event-id": self._seen}

    def _read(self, answer: httpx2.Response) -> Generator[Any, None, bool]:
        """The frames of one answer; returns whether the last one was among them."""
        broken = "the answer ended before the run did"
        try:
            for frame in _frames(answer):
                self._patience.regain()
                self._seen = frame.id or self._seen
                if frame.data != DONE:
                    yield frame.data
                if frame.is_last:
                    return True
        except httpx2.HTTPError as error:
            broken = str(error) or type(error).__name__
        self._patience.endure(TryLater(f"{self._door.profile.base_url} went away: {broken}"))
        return False


@contextmanager
def streamed(door: Door, workflow_id: str, body: JsonObject, headers: Mapping[str, str]) -> Iterator[RunStream]:
    """Begin a run, and read along. Raises CommandFailed."""
    route = f"{path('v2', 'workflows', workflow_id, 'execute')}?{HEARTBEAT}"
    with door.opened("POST", route, body={**body, "stream": True}, headers=headers, seconds=SILENT_SECONDS) as answer:
        yield RunStream(door, RunPlace(workflow_id, answer.headers["x-run-id"]), answer)


def _frames(answer: httpx2.Response) -> Iterator[_Frame]:
    event_id = None
    for line in _lines(answer):
        name, _, value = line.partition(b": ")
        if name == b"id":
            event_id = value.decode()
        elif name == b"data":
            yield _Frame(event_id, msgspec.json.decode(value))


def _lines(answer: httpx2.Response) -> Iterator[bytes]:
    """A line ends with a line feed alone: httpx2 takes more for an end, which texts may have in them."""
    begun: list[bytes] = []
    for piece in answer.iter_bytes():
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield b"".join((*begun, line))
            begun.clear()
        begun.append(rest)
