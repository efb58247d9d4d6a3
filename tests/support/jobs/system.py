"""jobs-service with a real store, an in-memory broker, and its callers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import msgspec
from fastapi import FastAPI
from pydantic import SecretStr
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.tickets import TICKET_KEY

from jobs_service.bootstrap import build, open_store
from jobs_service.settings import JobsSettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.queue_topology import ASYNC, RECORDS
from shared.contracts.claims import (
    AppendJournal,
    ClaimAnswer,
    ClaimGranted,
    ClaimRun,
    FinishRun,
    JournalEntry,
    LeaseAnswer,
    ReleaseRun,
    RenewLease,
)
from shared.contracts.jobs import (
    AcceptRun,
    BlockLog,
    CancelAnswer,
    PauseKind,
    PausePoint,
    PauseRun,
    RecordCancel,
    ResumeAnswer,
    ResumeRun,
    RunAccepted,
    RunView,
)
from shared.contracts.messages import CancelRun, ControlMessage, DurableRunDispatched, RecordBatch
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunError, RunMode, RunOutcome, RunSpec, RunStatus, SnapshotRef, Usage
from shared.ids import new_id
from shared.service import ServiceName
from shared.store.client import Collection, Store
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

WORKSPACE, WORKFLOW = "workspace-1", "workflow-1"
QUICK: dict[str, Any] = {
    "dispatch_poll_seconds": 0.05,
    "dispatch_unclaimed_seconds": 0.5,
    "leader_lease_seconds": 1.0,
    "job_sweep_seconds": 0.05,
    "lease_seconds": 30.0,
    "time_limit_grace_seconds": 0.0,
    "drain_seconds": 1.0,
    "token_gateway": SecretStr("gateway-token"),
    "token_executor": SecretStr("executor-token"),
    "token_deploy": SecretStr("deploy-token"),
    "ticket_keys": SecretStr(TICKET_KEY),
    "run_tickets": "accept-missing",  # most tests do not concern tickets; those in tests/security do
}


def json_payload(document: bytes) -> Payload:
    """Return an inline value."""
    return Payload(inline=msgspec.Raw(document), size=len(document))


def a_spec(run_id: str | None = None, *, workspace_id: str = WORKSPACE, **fields: Any) -> RunSpec:
    """Return a run request of a caller."""
    known: dict[str, Any] = {
        "run_id": run_id or new_id(),
        "snapshot": SnapshotRef(workspace_id=workspace_id, workflow_id=WORKFLOW, snapshot_hash="0" * 64, version=3),
        "mode": RunMode.ASYNC,
        "input": json_payload(b'{"question":"why?"}'),
        "time_limit_ms": 5_400_000,
    }
    return RunSpec(**(known | fields))


def an_outcome(
    status: RunStatus = RunStatus.COMPLETED, output: bytes = b'{"answer":42}', error: RunError | None = None
) -> RunOutcome:
    """Return a worker's report."""
    now = datetime.now(UTC)
    return RunOutcome(
        status=status,
        output=json_payload(output),
        error=error,
        started_at=now - timedelta(milliseconds=1),
        ended_at=now,
        duration_ms=1.0,
    )


def asks(context_id: str = "form") -> PausePoint:
    """Return a pause that a person ends."""
    return PausePoint(context_id, "block-1", PauseKind.HUMAN, datetime.now(UTC))


def waits(seconds: float) -> PausePoint:
    """Return a pause that ends at a time."""
    now = datetime.now(UTC)
    return PausePoint("wait", "block-2", PauseKind.TIME, now, now + timedelta(seconds=seconds))


class Gateway:
    """Requests of the gateway."""

    def __init__(self, client: InternalClient) -> None:
        self.client = client

    async def accept(self, spec: RunSpec | None = None, *, concurrency: int = 100) -> RunAccepted:
        """Queue a run."""
        body = AcceptRun(spec or a_spec(), concurrency)
        return await self.client.call("POST", "/internal/runs", body=body, returns=RunAccepted)

    async def run(self, run_id: str, query: str = "") -> RunView:
        """Return a run."""
        return await self.client.call("GET", f"/internal/runs/{run_id}{query}", returns=RunView)

    async def job(self, job_id: str) -> RunView:
        """Return a job."""
        return await self.client.call("GET", f"/internal/jobs/{job_id}", returns=RunView)

    async def cancel(self, run_id: str, workspace_id: str = WORKSPACE, workflow_id: str = WORKFLOW) -> CancelAnswer:
        """Cancel a run."""
        body = RecordCancel(workspace_id, workflow_id)
        return await self.client.call("POST", f"/internal/runs/{run_id}/cancel", body=body, returns=CancelAnswer)

    async def resume(self, run_id: str, context_id: str = "form", answer: bytes = b"{}") -> ResumeAnswer:
        """Answer a pause."""
        body = ResumeRun(WORKSPACE, WORKFLOW, context_id, msgspec.Raw(answer))
        return await self.client.call("POST", f"/internal/runs/{run_id}/resume", body=body, returns=ResumeAnswer)

    async def reserve(self, run_id: str, workspace_id: str = WORKSPACE, workflow_id: str = WORKFLOW) -> None:
        """Claim a caller-chosen id."""
        owner = f"workspace_id={workspace_id}&workflow_id={workflow_id}"
        await self.client.call("POST", f"/internal/run-ids/{run_id}?{owner}")

    async def unreserve(self, run_id: str, workspace_id: str = WORKSPACE) -> None:
        """Release the id."""
        await self.client.call("DELETE", f"/internal/run-ids/{run_id}?workspace_id={workspace_id}")


class Executor:
    """Requests of workers. `next` is the next message of the workers' queue."""

    def __init__(self, client: InternalClient, broker: Broker) -> None:
        self.client = client
        self._broker = broker
        self._messages: asyncio.Queue[DurableRunDispatched] = asyncio.Queue()

    async def listen(self) -> None:
        """Take all present messages."""
        await self._broker.work.consume(ASYNC, self._take, prefetch=1_000)

    async def next(self, seconds: float = PATIENCE_SECONDS) -> DurableRunDispatched:
        """Return the next dispatched run. Raises TimeoutError."""
        return await asyncio.wait_for(self._messages.get(), seconds)

    def unread(self) -> int:
        """Return the number of waiting messages."""
        return self._messages.qsize()

    async def idle(self) -> bool:
        """Return whether nothing is left to claim; the refusal of a repeated dispatch is ignored."""
        while self.unread():
            if await self.claim(await self.next()) is not None:
                return False
        return True

    async def claim(
        self,
        message: DurableRunDispatched,
        *,
        worker: str = "worker-1",
        redelivered: bool = False,
        claim_id: str | None = None,
        pages: bool = True,
    ) -> ClaimGranted | None:
        """Claim the run of a message."""
        claim = ClaimRun(message.dispatch_id, worker, redelivered, claim_id or new_id(), pages)
        path = f"/internal/runs/{message.run_id}/claim"
        return (await self.client.call("POST", path, body=claim, returns=ClaimAnswer)).granted

    async def begin(self) -> ClaimGranted:
        """Take and claim the next run; a repeated dispatch is refused, and skipped."""
        while True:
            granted = await self.claim(await self.next())
            if granted is not None:
                return granted

    async def renew(self, run_id: str, attempt: int) -> bool:
        """Renew a lease; return whether the run is to be cancelled."""
        path = f"/internal/runs/{run_id}/lease"
        return (await self.client.call("POST", path, body=RenewLease(attempt), returns=LeaseAnswer)).cancelled

    async def journal(self, run_id: str, attempt: int, *entries: JournalEntry) -> None:
        """Append to the journal."""
        await self.client.call("POST", f"/internal/runs/{run_id}/journal", body=AppendJournal(attempt, entries))

    async def finish(
        self,
        run_id: str,
        attempt: int,
        outcome: RunOutcome | None = None,
        *,
        blocks: tuple[BlockLog, ...] = (),
        usage: Usage | None = None,
    ) -> None:
        """Report the end."""
        report = FinishRun(attempt, outcome or an_outcome(), blocks, usage or Usage())
        await self.client.call("POST", f"/internal/runs/{run_id}/finish", body=report)

    async def pause(
        self,
        run_id: str,
        attempt: int,
        *points: PausePoint,
        usage: Usage | None = None,
        files: tuple[str, ...] = (),
        output: bytes = b"{}",
    ) -> None:
        """Report the question of the pause, and the output until its answer."""
        outcome = an_outcome(RunStatus.PAUSED, output)
        report = FinishRun(attempt, outcome, usage=usage or Usage(), pauses=points, files=files)
        await self.client.call("POST", f"/internal/runs/{run_id}/finish", body=report)

    async def hand_over(
        self, spec: RunSpec, state: bytes, *points: PausePoint, files: tuple[str, ...] = (), output: bytes = b"{}"
    ) -> None:
        """Store an attached run that has paused."""
        outcome = an_outcome(RunStatus.PAUSED, output)
        report = PauseRun(spec, outcome, points, json_payload(state), files=files)
        await self.client.call("POST", f"/internal/runs/{spec.run_id}/pause", body=report)

    async def release(self, run_id: str, attempt: int) -> None:
        """Release the run."""
        await self.client.call("POST", f"/internal/runs/{run_id}/release", body=ReleaseRun(attempt))

    async def record(self, *batch: Any) -> None:
        """Send records of attached runs."""
        await self._broker.work.publish(RECORDS, RecordBatch(batch))

    async def _take(self, delivery: Delivery) -> Settlement:
        assert isinstance(delivery.message, DurableRunDispatched)
        self._messages.put_nowait(delivery.message)
        return Settlement.ACK


@dataclass
class System:
    """One running jobs-service and its callers."""

    settings: JobsSettings
    app: FastAPI
    gateway: Gateway
    executor: Executor
    broker: Broker
    store: Store
    cancels: list[str]
    transport: httpx2.ASGITransport

    def collection(self, name: str) -> Collection:
        """Return a collection of the store."""
        return self.store.collection(name)

    async def queued(self, workspace_id: str = WORKSPACE) -> int:
        """Return the capacity counters."""
        found = await self.collection("queues").find_one({"_id": workspace_id})
        return int(found["queued"]) if found else 0

    async def stored(self, **query: Any) -> int:
        """Return the number of stored runs."""
        return len(await self.collection("runs").find(query, {"_id": 1}).to_list())


def quick_settings(uri: str, prefix: str, **overrides: Any) -> JobsSettings:
    """Return settings for tests, with short intervals."""
    known = {"mongodb_uri": uri, "mongodb_prefix": prefix, "amqp_url": f"memory://{prefix}"}
    return JobsSettings(**(known | QUICK | overrides))


@asynccontextmanager
async def running(settings: JobsSettings, **parts: Any) -> AsyncIterator[System]:
    """Run jobs-service with these settings, with every caller connected."""
    app = build(settings, **parts)
    broker = open_broker(settings.amqp_url, service="test")
    store = open_store(settings)
    transport = httpx2.ASGITransport(app)
    gateway = _client(settings, ServiceName.GATEWAY, transport)
    executor = _client(settings, ServiceName.EXECUTOR, transport)
    cancels: list[str] = []

    def hear(message: ControlMessage) -> None:
        if isinstance(message, CancelRun):
            cancels.append(message.run_id)

    await broker.start()
    try:
        await broker.control.listen(hear)
        async with app.router.lifespan_context(app):
            workers = Executor(executor, broker)
            yield System(settings, app, Gateway(gateway), workers, broker, store, cancels, transport)
    finally:
        await gateway.stop()
        await executor.stop()
        await broker.stop()
        await store.stop()


def _client(settings: JobsSettings, name: ServiceName, transport: httpx2.ASGITransport) -> InternalClient:
    tokens = ServiceTokens.of(settings)
    return InternalClient("http://jobs", caller=name, tokens=tokens, timeout=PATIENCE_SECONDS, transport=transport)
