"""Batches of queued runs: concurrent requests reach jobs-service in one call."""

import asyncio
from collections.abc import Sequence
from typing import Final

from shared.batching import Batcher
from shared.contracts.errors import ErrorBody
from shared.contracts.jobs import AcceptAnswer, AcceptAnswers, AcceptRun, AcceptRuns, RunAccepted
from shared.errors import FlowportError, OutcomeUncertain, Unavailable
from shared.tracebacks import without_traceback
from shared.web.client import InternalClient
from shared.web.paths import path_of

MAX_TOGETHER: Final = 64
MAX_BYTES: Final = 256 * 1024
"""Input bytes per batch; with one more input, a call stays far below the limit of jobs-service."""
MAX_WAITING: Final = 10_000

Answer = RunAccepted | FlowportError


class AcceptBatcher:
    """Batcher: one call for many runs costs both services half as much. A single run does not wait for others."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
        self._calls = Batcher[AcceptRun, Answer](
            self._accept_all,
            max_items=MAX_TOGETHER,
            max_waiting=MAX_WAITING,
            max_weight=MAX_BYTES,
            weigh=lambda request: len(bytes(request.run.input.inline)),
        )

    async def start(self) -> None:
        await self._calls.start()

    async def stop(self) -> None:
        """Stop once all waiting runs are sent."""
        await self._calls.stop()

    async def accept(self, request: AcceptRun) -> RunAccepted:
        """Store a run. Raises AtCapacity, RunIdTaken, Unavailable (OutcomeUncertain: it may have been stored)."""
        try:
            async with asyncio.timeout(self._client.longest_seconds):
                answer = await self._calls.submit(request)
        except TimeoutError as error:  # earlier runs are waited for, too
            raise OutcomeUncertain from error
        if isinstance(answer, FlowportError):
            raise without_traceback(answer)  # the original would keep this frame and the input alive until a collection
        return answer

    async def _accept_all(self, requests: Sequence[AcceptRun]) -> Sequence[Answer]:
        if len(requests) == 1:
            return [await self._client.call("POST", path_of("runs"), body=requests[0], returns=RunAccepted)]
        asked = AcceptRuns(tuple(requests))
        told = await self._client.call("POST", path_of("runs", "batch"), body=asked, returns=AcceptAnswers)
        if len(told.answers) != len(requests):
            raise Unavailable("jobs-service did not say what became of each run")
        return [_heard(answer) for answer in told.answers]


def _heard(answer: AcceptAnswer) -> Answer:
    match answer:
        case AcceptAnswer(accepted=RunAccepted() as accepted):
            return accepted
        case AcceptAnswer(refused=ErrorBody() as refused):
            return refused.error()
        case _:
            return Unavailable("jobs-service did not say what became of the run")
