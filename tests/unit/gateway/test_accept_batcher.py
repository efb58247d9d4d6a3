"""Queued runs go to jobs-service in batches, and each caller gets its own answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import httpx2
import msgspec
import pytest
from pydantic import SecretStr
from tests.support.left_behind import without_collections

from shared import batching
from shared.clients.jobs.runs import MAX_BYTES, MAX_TOGETHER, AcceptBatcher
from shared.contracts.errors import ErrorBody
from shared.contracts.jobs import AcceptAnswer, AcceptAnswers, AcceptRun, AcceptRuns, RunAccepted
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef
from shared.errors import AtCapacity, OutcomeUncertain, RunIdTaken, Unavailable
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

FULL, TAKEN = "full", "taken"
REFUSALS = {FULL: AtCapacity("no room", retry_after=7), TAKEN: RunIdTaken("used before")}
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def asked_for(run_id: str, size: int = 2) -> AcceptRun:
    snapshot = SnapshotRef(workspace_id="w", workflow_id="f", snapshot_hash="0" * 64, version=1)
    document = b'"' + b"x" * (size - 2) + b'"'
    input_ = Payload(inline=msgspec.Raw(document), size=size)
    spec = RunSpec(run_id=run_id, snapshot=snapshot, mode=RunMode.ASYNC, input=input_, time_limit_ms=1_000)
    return AcceptRun(spec, 10)


class JobsServer:
    """A jobs-service that is slow enough for further calls to arrive."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.requests = 0
        self.is_away = False
        self.seconds = 0.02
        self.is_asked = asyncio.Event()

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        self.is_asked.set()
        await asyncio.sleep(self.seconds)
        if request.url.path == "/internal/runs":
            runs: Sequence[AcceptRun] = (msgspec.json.decode(request.content, type=AcceptRun),)
        else:
            runs = msgspec.json.decode(request.content, type=AcceptRuns).runs
        self.calls.append([each.run.run_id for each in runs])
        if self.is_away:
            raise httpx2.ReadError("broken off")
        answers = [_answer(each.run.run_id) for each in runs]
        if request.url.path == "/internal/runs/batch":
            return httpx2.Response(200, content=msgspec.json.encode(AcceptAnswers(tuple(answers))))
        if answers[0].refused is not None:
            return httpx2.Response(503, content=msgspec.json.encode(answers[0].refused))
        return httpx2.Response(201, content=msgspec.json.encode(answers[0].accepted))


def _answer(run_id: str) -> AcceptAnswer:
    refusal = REFUSALS.get(run_id)
    if refusal is not None:
        return AcceptAnswer(refused=ErrorBody.of(refusal))
    return AcceptAnswer(accepted=RunAccepted(run_id, f"run_{run_id}", NOW))


@asynccontextmanager
async def intake_of(server: JobsServer, *, seconds: float = 5) -> AsyncIterator[AcceptBatcher]:
    tokens = ServiceTokens({ServiceName.GATEWAY: SecretStr("a-token")})
    client = InternalClient(
        "http://jobs",
        caller=ServiceName.GATEWAY,
        tokens=tokens,
        timeout=seconds,
        transport=httpx2.MockTransport(server.answer),
    )
    intake = AcceptBatcher(client)
    await intake.start()
    try:
        yield intake
    finally:
        await intake.stop()
        await client.stop()


async def test_a_single_run_is_sent_immediately() -> None:
    server = JobsServer()
    async with intake_of(server) as intake:
        assert (await intake.accept(asked_for("one"))).job_id == "run_one"
        with pytest.raises(AtCapacity):
            await intake.accept(asked_for(FULL))
    assert server.calls == [["one"], [FULL]]


async def test_runs_arriving_during_a_call_are_sent_together_and_answered_individually() -> None:
    server = JobsServer()
    async with intake_of(server) as intake:
        first = asyncio.create_task(intake.accept(asked_for("first")))
        await server.is_asked.wait()
        ids = ["second", FULL, TAKEN, "third"]
        answers = await asyncio.gather(first, *(intake.accept(asked_for(id_)) for id_ in ids), return_exceptions=True)
    assert server.calls == [["first"], ["second", FULL, TAKEN, "third"]]
    assert [type(answer) for answer in answers] == [RunAccepted, RunAccepted, AtCapacity, RunIdTaken, RunAccepted]
    assert [each.run_id for each in answers if isinstance(each, RunAccepted)] == ["first", "second", "third"]
    assert isinstance(answers[2], AtCapacity)
    assert (answers[2].message, answers[2].retry_after) == ("no room", 7)


async def test_a_broken_call_fails_all_its_runs() -> None:
    server = JobsServer()
    server.is_away = True
    async with intake_of(server) as intake:
        answers = await asyncio.gather(*(intake.accept(asked_for(f"{n}")) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OutcomeUncertain] * 3


async def test_the_outcome_of_a_call_that_the_end_of_the_process_interrupts_is_uncertain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "STOP_SECONDS", 0.01)
    server = JobsServer()
    server.seconds = 60
    async with intake_of(server) as intake:
        call = asyncio.create_task(intake.accept(asked_for("one")))
        await server.is_asked.wait()
    with pytest.raises(OutcomeUncertain):
        await call


async def test_no_run_waits_longer_for_earlier_ones_than_for_a_separate_call() -> None:
    server = JobsServer()
    server.seconds = 60
    async with intake_of(server, seconds=0.3) as intake:
        calls = (intake.accept(asked_for(f"{n}")) for n in range(4 * MAX_TOGETHER))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert server.requests < 4, "batches that wait their turn end with the one before them"
    assert {type(answer) for answer in answers} <= {Unavailable, OutcomeUncertain}


async def test_a_call_has_its_bounds() -> None:
    server = JobsServer()
    async with intake_of(server) as intake:
        many = [asked_for(f"{n}") for n in range(MAX_TOGETHER + 2)]
        large = [asked_for(f"large {n}", MAX_BYTES) for n in range(3)]
        await asyncio.gather(*(intake.accept(each) for each in (*many, *large)))
    assert [len(call) for call in server.calls] == [MAX_TOGETHER, 3, 1, 1]


@pytest.mark.parametrize("together", [1, 3])
async def test_a_refused_run_is_freed_without_a_garbage_collection(together: int) -> None:
    async def ask() -> None:
        with suppress(AtCapacity):
            await intake.accept(asked_for(FULL))

    async with intake_of(JobsServer()) as intake:
        with without_collections() as remains:
            await asyncio.gather(*(ask() for _ in range(together)))
            await asyncio.sleep(0)
            assert remains.of(AtCapacity, AcceptRun) == []
