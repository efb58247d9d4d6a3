"""Bundle messages of one event-loop turn to one queue, and those that follow before the broker has answered.

A bundle holds whole messages, each in its envelope, so the receiver reads and settles each one separately.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from uuid import uuid4

from shared.broker.ports import BrokerDisconnected
from shared.contracts.messages import Bundle, encode, raw
from shared.tasks import start_task
from shared.tracebacks import without_traceback

MAX_PARTS: Final = 64
MAX_BYTES: Final = 256 * 1024
MIN_PARTS: Final = 2
MAX_PENDING: Final = 10_000
"""Messages for one queue that wait to be written. Beyond this the broker counts as unavailable."""
MAX_WORKERS: Final = 1_000
MAX_NAME: Final = 32
REPORT_SECONDS: Final = 5.0
"""How long a worker's reported slots remain valid."""

K = TypeVar("K")


@dataclass(slots=True)
class Part:
    """One message for a bundle."""

    body: bytes
    run_id: str = ""
    """The run of a reply. A bundle has at most one reply per run, so a reply queue's bound holds for each run."""
    must_route: bool = True
    ends_run: bool = False
    answer: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, error: Exception | None) -> None:
        """Complete `answer` with the broker's answer, unless its owner was cancelled."""
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(None)
        else:
            self.answer.set_exception(without_traceback(error))  # all parts of a bundle get this error


class Coalescer(Generic[K]):
    """Collects messages by destination and publishes them in bundles, in order, one flush at a time.

    A flush begins in the event loop's next turn and ends when the broker has answered; messages that arrive before that
    wait for the next one. `split` divides its messages into bundles. `publish` publishes one, within a time limit.
    """

    def __init__(
        self,
        split: Callable[[Sequence[Part]], Iterable[Sequence[Part]]],
        publish: Callable[[K, Sequence[Part]], Awaitable[None]],
    ) -> None:
        self._split = split
        self._publish = publish
        self._pending: dict[K, deque[Part]] = {}
        self._busy: set[K] = set()
        """Destinations with an unanswered call, or a call in the next turn."""
        self._calls: set[asyncio.Task[None]] = set()

    def add(self, key: K, part: Part) -> None:
        """Send `part` soon. Raises BrokerDisconnected while too many wait."""
        pending = self._pending.setdefault(key, deque())
        if len(pending) >= MAX_PENDING:
            raise BrokerDisconnected(f"{MAX_PENDING} messages are waiting to be sent")
        pending.append(part)
        if key not in self._busy:
            self._busy.add(key)
            asyncio.get_running_loop().call_soon(self._flush, key)

    async def send(self, key: K, part: Part) -> None:
        """Send `part` and wait for the answer. Raises what `publish` raised."""
        self.add(key, part)
        try:
            await part.answer
        finally:
            del part  # breaks a cycle: its error refers to this frame, and so to the message

    def _flush(self, key: K) -> None:
        call = start_task(self._run(key, self._pending.pop(key)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def publish(self, key: K, parts: Sequence[Part]) -> None:
        """Publish one bundle now, and settle its messages."""
        error: Exception | None = None
        try:
            await self._publish(key, parts)
        except Exception as failure:
            error = failure
        for part in parts:
            part.settle(error)

    async def _run(self, key: K, parts: Sequence[Part]) -> None:
        try:
            waiting = [part for part in parts if not part.answer.done()]  # callers of the others were cancelled
            publishes = [start_task(self.publish(key, bundle)) for bundle in self._split(waiting)]
            if publishes:
                await asyncio.wait(publishes)
        finally:
            if key in self._pending:
                asyncio.get_running_loop().call_soon(self._flush, key)
            else:
                self._busy.discard(key)


def chunks(parts: Sequence[Part], limit: int) -> Iterator[list[Part]]:
    """Split `parts` into bundles of at most `limit` messages and MAX_BYTES; a larger message is alone."""
    chunk: list[Part] = []
    size, run_ids = 0, set[str]()
    for part in parts:
        if chunk and (len(chunk) >= limit or size + len(part.body) > MAX_BYTES or part.run_id in run_ids):
            yield chunk
            chunk, size, run_ids = [], 0, set()
        chunk.append(part)
        size += len(part.body)
        if part.run_id:
            run_ids.add(part.run_id)
    if chunk:
        yield chunk


def encode_bundle(parts: Sequence[Part], *, redelivered: bool = False, worker: str = "", free: int = 0) -> bytes:
    """Return the body of a bundle."""
    content = tuple(raw(part.body) for part in parts)
    return encode(Bundle(content, redelivered=redelivered, worker=worker, free=free))


class OwnSlots:
    """Free slots of this process, which its replies report."""

    def __init__(self) -> None:
        self._worker = uuid4().hex[:12]
        self._free: Callable[[], int] | None = None

    def report(self, free: Callable[[], int]) -> None:
        """Report `free()` from now on."""
        self._free = free

    @property
    def now(self) -> tuple[str, int]:
        """Return this worker's name and free slots; the name is empty if this process is no worker."""
        return (self._worker, max(0, self._free())) if self._free is not None else ("", 0)


@dataclass(slots=True)
class _Report:
    free: int
    until: float


class WorkerSlots:
    """Free slots of workers that replied recently: how many messages one bundle may hold."""

    def __init__(self) -> None:
        self._workers: dict[str, _Report] = {}

    def report(self, worker: str, free: int) -> None:
        """Store the slots that a worker's reply reported. Ignore invalid names, and too many of them."""
        if len(worker) > MAX_NAME or (worker not in self._workers and len(self._workers) >= MAX_WORKERS):
            return
        self._workers[worker] = _Report(free, asyncio.get_running_loop().time() + REPORT_SECONDS)

    def forget(self) -> None:
        """Bundle nothing until a worker replies again."""
        self._workers.clear()

    def allot(self, count: int) -> "Allotment":
        """Return how `count` messages may be bundled: an even share for each worker, at most its free slots.

        The broker delivers bundles round-robin, so each worker gets the same share. A sent message takes a slot until
        the worker reports again.
        """
        if count < MIN_PARTS:
            return NO_BUNDLES
        now = asyncio.get_running_loop().time()
        for worker in [worker for worker, reported in self._workers.items() if reported.until <= now]:
            del self._workers[worker]
        if not self._workers:
            return NO_BUNDLES
        share = -(-count // len(self._workers))
        share = min(share, *(reported.free for reported in self._workers.values()))
        if share < MIN_PARTS:
            return NO_BUNDLES
        for reported in self._workers.values():
            reported.free -= share
        return Allotment(total=share * len(self._workers), size=min(share, MAX_PARTS))


@dataclass(frozen=True, slots=True)
class Allotment:
    """The number of messages that may leave in bundles, and the size of one."""

    total: int
    size: int


NO_BUNDLES: Final = Allotment(total=0, size=1)
