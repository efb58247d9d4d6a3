"""Batch small requests: those that arrive during one batch form the next."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shared.errors import OutcomeUncertain, Unavailable
from shared.observe.logging import get_logger

T = TypeVar("T")
R = TypeVar("R")
log = get_logger("batching")

STOP_SECONDS: Final = 10.0
CANCEL_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Entry(Generic[T, R]):
    item: T
    weight: int
    answer: asyncio.Future[R]


def batches(items: Iterable[T], *, weigh: Callable[[T], int], max_weight: int) -> Iterator[tuple[T, ...]]:
    """Yield all items in order, in batches of at most `max_weight`; a heavier item is alone."""
    batch: list[T] = []
    weight = 0
    for item in items:
        added = weigh(item)
        if batch and weight + added > max_weight:
            yield tuple(batch)
            batch, weight = [], 0
        batch.append(item)
        weight += added
    if batch:
        yield tuple(batch)


def _weightless(item: object) -> int:
    return 0


class Batcher(Generic[T, R]):
    """Collects items and has `work` answer them together, one batch after the other.

    A lone item never waits for more. A batch has at most `max_items`, and none beyond `max_weight`. With `is_change`, a
    batch may have taken effect when it is interrupted: its items then get OutcomeUncertain instead of Unavailable.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        max_items: int,
        max_waiting: int,
        max_weight: int = 1,
        weigh: Callable[[T], int] = _weightless,
        is_change: bool = False,
    ) -> None:
        self._work = work
        self._max_items = max_items
        self._max_weight = max_weight
        self._weigh = weigh
        self._is_change = is_change
        self._waiting: asyncio.Queue[_Entry[T, R]] = asyncio.Queue(max_waiting)
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Return the answer to `item`. Raises what the work raises, Unavailable when too many items wait.

        An item that cannot be weighed fails only its sender.
        """
        entry = _Entry[T, R](item, self._weigh(item), asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            raise Unavailable("The store is overloaded: too many requests are waiting. Retry later") from None
        try:
            return await entry.answer
        finally:
            del entry  # breaks a cycle: its error refers to this frame

    async def start(self) -> None:
        """Start the worker task."""
        self._worker = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish waiting items within a time limit; refuse the rest."""
        if self._worker is None:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._waiting.join()
        except TimeoutError:
            self._refuse_waiting()
        self._worker.cancel()
        await asyncio.wait({self._worker}, timeout=CANCEL_SECONDS)

    async def _run(self) -> None:
        while True:
            taken = [await self._waiting.get()]
            weight = taken[0].weight
            while not self._waiting.empty() and len(taken) < self._max_items and weight < self._max_weight:
                taken.append(self._waiting.get_nowait())
                weight += taken[-1].weight
            try:
                await self._answer([entry for entry in taken if not entry.answer.done()])
            finally:
                for _ in range(len(taken)):
                    self._waiting.task_done()
                taken.clear()  # breaks a cycle: their errors refer to this frame, and the next batch may be late

    async def _answer(self, entries: Sequence[_Entry[T, R]]) -> None:
        if not entries:
            return
        try:
            answers = await self._work([entry.item for entry in entries])
            answered = list(zip(entries, answers, strict=True))
        except asyncio.CancelledError:
            if self._is_cancelled:
                _fail(entries, self._interruption("The service is shutting down. Retry the request"))
                raise
            log.exception("batch_cancelled_unexpectedly", count=len(entries))
            _fail(entries, self._interruption("The batch was canceled by an internal error. Retry the request"))
            return
        except Exception as error:
            _fail(entries, error)
            del entries  # breaks a cycle: their errors refer to this frame
            return
        for entry, answer in answered:
            if not entry.answer.done():
                entry.answer.set_result(answer)

    def _interruption(self, message: str) -> Unavailable:
        return OutcomeUncertain() if self._is_change else Unavailable(message)

    @property
    def _is_cancelled(self) -> bool:
        """Return whether the worker task itself was cancelled.

        If any other cancellation ended it, no item would be answered.
        """
        return self._worker is None or self._worker.cancelling() > 0

    def _refuse_waiting(self) -> None:
        while not self._waiting.empty():
            _fail([self._waiting.get_nowait()], Unavailable("The service is shutting down. Retry the request"))


def _fail(entries: Sequence[_Entry[T, R]], error: Exception) -> None:
    for entry in entries:
        if not entry.answer.done():
            entry.answer.set_exception(error)
