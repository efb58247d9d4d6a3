"""A worker's calls for a run carry the ticket of that run only."""

import asyncio
from collections.abc import Mapping

import httpx2
import msgspec
from pydantic import SecretStr
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.executor.fakes import JobsService, Services, Work, launcher, spec
from tests.support.executor.records import Blobs, a_record
from tests.support.executor.records import Work as RecordsQueue
from tests.support.executor.work import attached_request, world

from executor_service.adapters.record_outbox import RecordOutbox
from executor_service.application.active_runs import ActiveRuns
from executor_service.application.durable_runs import DurableRunWorker
from executor_service.ports import Payloads
from shared.broker.queue_topology import INTERACTIVE
from shared.contracts.claims import ClaimAnswer, ClaimRun, FinishRun
from shared.contracts.deployments import Environment
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.payloads import Payload
from shared.contracts.tickets import TICKET_HEADER
from shared.security.current_ticket import current_ticket, using_ticket
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens


async def test_calls_between_services_carry_the_ticket_of_the_task_that_makes_them() -> None:
    received_headers: list[Mapping[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        received_headers.append(request.headers)
        return httpx2.Response(200, content=msgspec.json.encode(Environment({})))

    tokens = ServiceTokens({ServiceName.EXECUTOR: SecretStr("s3cret")})
    client = InternalClient(
        "http://deploy",
        caller=ServiceName.EXECUTOR,
        tokens=tokens,
        timeout=PATIENCE_SECONDS,
        transport=httpx2.MockTransport(answer),
    )

    async def call(ticket: str) -> None:
        with using_ticket(ticket):
            await client.fetch("GET", f"/internal/{ticket}")

    await asyncio.gather(call("one"), call("two"))
    await client.fetch("GET", "/internal/none")
    assert sorted(headers.get(TICKET_HEADER, "") for headers in received_headers) == ["", "one", "two"]


async def test_an_attached_run_works_with_the_ticket_of_its_message() -> None:
    async with world() as here:
        seen: list[str] = []
        run = here.consumers._attached.run

        async def attending(*arguments: object, **options: object) -> bool:
            seen.append(current_ticket())
            return await run(*arguments, **options)  # type: ignore[arg-type]

        here.consumers._attached.run = attending  # type: ignore[method-assign]
        message = attached_request(spec("r1", time_limit_ms=60_000))
        await here.broker.work.publish(INTERACTIVE, msgspec.structs.replace(message, ticket="of r1"))
        await here.broker.work.publish(INTERACTIVE, attached_request(spec("r2", time_limit_ms=60_000)))
        await eventually(lambda: len(seen) == 2)
        assert sorted(seen) == ["", "of r1"], "a message of the version before has no ticket"


async def test_each_attempt_at_a_durable_run_works_with_the_ticket_of_its_claim() -> None:
    class Claims(JobsService):
        finished_with: str = ""

        async def claim(self, run_id: str, claim: ClaimRun) -> ClaimAnswer:
            granted = (await super().claim(run_id, claim)).granted
            assert granted is not None
            return ClaimAnswer(msgspec.structs.replace(granted, ticket=f"attempt {granted.attempt}"))

        async def finish(self, run_id: str, result: FinishRun) -> None:
            self.finished_with = current_ticket()
            await super().finish(run_id, result)

    jobs = Claims(spec(time_limit_ms=60_000))
    worker = DurableRunWorker(launcher(Services(), [("function", Work())]), jobs, ActiveRuns(), worker_id="w")
    for attempt in (1, 2):
        await worker.work(DurableRunDispatched("r1", f"d{attempt}", "w1"), redelivered=False)
        assert jobs.finished_with == f"attempt {attempt}"
    assert current_ticket() == ""


async def test_a_log_too_large_for_a_record_is_stored_with_the_ticket_of_its_run() -> None:
    class Attended(Blobs, Payloads):
        def __init__(self) -> None:
            super().__init__()
            self.presented: list[str] = []

        async def put(self, workspace_id: str, document: bytes) -> Payload:
            self.presented.append(current_ticket())
            return await super().put(workspace_id, document)

    blobs = Attended()
    outbox = RecordOutbox(RecordsQueue(), blobs)  # type: ignore[arg-type]
    for ticket in ("one", "two"):
        with using_ticket(ticket):
            outbox.put(a_record(ticket, 9 * 1024 * 1024))
    await outbox.start()
    await outbox.stop()
    assert blobs.presented == ["one", "two"]
