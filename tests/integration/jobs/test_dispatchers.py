"""Several processes, one dispatcher, and counters that match the runs."""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import msgspec
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.system import System, a_spec
from tests.support.tickets import TICKET_KEY

from jobs_service.leadership import Leadership, MongoLeases
from jobs_service.queue.counters import CapacityCounters
from jobs_service.queue.repository import MongoQueue
from shared.clock import SystemClock
from shared.contracts.jobs import AcceptRun
from shared.contracts.runs import RunStatus
from shared.ids import new_id
from shared.store.server_time import NOW_MS


async def test_two_processes_dispatch_every_run_once(start: Start) -> None:
    async with start(dispatch_unclaimed_seconds=60) as one, start(dispatch_unclaimed_seconds=60) as other:
        await one.executor.listen()
        accepts = [replica.gateway.accept() for replica in (one, other) for _ in range(20)]
        accepted = {each.run_id for each in await asyncio.gather(*accepts)}

        seen = []
        for _ in range(40):
            message = await one.executor.next()
            seen.append(message.run_id)
            assert await one.executor.claim(message) is not None
        assert sorted(seen) == sorted(accepted)
        assert one.executor.unread() == 0


async def test_a_concurrently_cancelled_run_is_not_dispatched(start: Start) -> None:
    async with start() as system:
        accepted = await system.gateway.accept()
        await system.gateway.cancel(accepted.run_id)
        queue = MongoQueue(system.store, CapacityCounters(system.store))
        assert await queue.mark("late", [accepted.run_id], datetime.now(UTC)) == frozenset()
        assert (await system.gateway.run(accepted.run_id)).status is RunStatus.CANCELLED


async def test_a_standby_takes_over_from_a_dispatcher_that_went_silent(start: Start) -> None:
    async with start() as system:
        await system.executor.listen()
        began = time.monotonic()
        await _leads(system, "frozen", milliseconds=800)
        await asyncio.sleep(0.5)  # let the process in hand notice that it lost the lead
        await system.gateway.accept()

        await system.executor.next()
        assert time.monotonic() - began > 0.6, "not before the lease is over"


async def test_a_stopping_leader_is_replaced_immediately(start: Start) -> None:
    async with AsyncExitStack() as stack:
        async with start(leader_lease_seconds=60) as first:
            await until(lambda: _has_leader(first))
            second = await stack.enter_async_context(start(leader_lease_seconds=60))
        await second.executor.listen()
        await second.gateway.accept()
        await second.executor.next()


async def test_the_books_are_closed_to_a_dispatcher_that_was_replaced(start: Start) -> None:
    async with start(dispatch_window=1) as system:
        for _ in range(3):
            await system.gateway.accept()
        queue = MongoQueue(system.store, CapacityCounters(system.store))
        await queue.recount(term=1_000)

        await queue.settle({"workspace-1": 2}, [], term=999)
        assert (await system.queued(), await system.queued("*")) == (3, 3)
        await queue.settle({"workspace-1": 2}, [], term=1_000)
        assert (await system.queued(), await system.queued("*")) == (1, 1)


async def test_one_of_many_processes_holds_a_lease_until_it_expires(start: Start) -> None:
    async with start() as system:
        leases = MongoLeases(system.store, SystemClock())
        candidates = [Leadership("test", f"process-{n}") for n in range(8)]
        ttl = timedelta(minutes=1)
        first = [term for term in await _terms(leases, candidates, ttl) if term is not None]
        assert len(first) == 1

        await _let_pass(system, "test", ttl)
        second = [term for term in await _terms(leases, candidates, ttl) if term is not None]
        assert len(second) == 1
        assert second >= first


async def test_wrong_books_are_put_right_by_a_new_dispatcher(start: Start) -> None:
    async with start(dispatch_window=1) as system:
        for _ in range(3):
            await system.gateway.accept()
        for _ in range(2):
            await system.gateway.accept(a_spec(workspace_id="lost"))
        await system.collection("queues").update_one({"_id": "workspace-1"}, {"$inc": {"queued": 40}})
        await system.collection("queues").update_one({"_id": "*"}, {"$inc": {"queued": 7}})
        await system.collection("queues").delete_one({"_id": "lost"})
        await system.collection("queues").insert_one({"_id": "owing", "queued": -3})

    async with start(dispatch_window=1) as system:

        async def are_right() -> bool:
            queued = [await system.queued(name) for name in ("workspace-1", "lost", "owing", "*")]
            return queued == [3, 2, 0, 5]

        await until(are_right)


async def test_a_busy_workspace_does_not_hold_up_another(start: Start) -> None:
    async with start(dispatch_window=1) as system:
        await system.executor.listen()
        await asyncio.gather(*(system.gateway.accept(a_spec(workspace_id="busy")) for _ in range(200)))
        await system.executor.begin()
        await system.gateway.accept(a_spec(workspace_id="quiet"))

        order = [(await system.executor.begin()).run.snapshot.workspace_id for _ in range(3)]
        assert "quiet" in order[:2], "at most the one that was already published comes first"


async def test_a_killed_process_forgets_nothing_that_it_accepted(
    start: Start, mongodb_uri: str, mongodb_prefix: str, tmp_path: Path, free_port: int
) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "FLOWPORT_MONGODB_URI": mongodb_uri,
        "FLOWPORT_MONGODB_PREFIX": mongodb_prefix,
        "FLOWPORT_AMQP_URL": "memory://killed",
        "FLOWPORT_JOBS_PORT": str(free_port),
        "FLOWPORT_TOKEN_GATEWAY": "gateway-token",
        "FLOWPORT_TICKET_KEYS": TICKET_KEY,
        "FLOWPORT_LEADER_LEASE_SECONDS": "1",
    }
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "jobs_service.main", env=environment, stdout=log, stderr=log
        )
        try:
            accepted = await _accept_until_killed(f"http://127.0.0.1:{free_port}", process)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async with start() as system:

        async def books_agree_with_runs() -> bool:
            queued = await system.stored(status="queued")
            return queued == await system.queued() == await system.queued("*")

        await until(books_agree_with_runs)
        stored = await system.collection("runs").find({}, {"_id": 1}).to_list()
        assert len(accepted) >= 100
        assert {run["_id"] for run in stored} >= accepted


async def _accept_until_killed(url: str, process: asyncio.subprocess.Process) -> set[str]:
    accepted: set[str] = set()
    headers = {"authorization": "Bearer gateway-token"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as http:

        async def is_ready() -> bool:
            with suppress(httpx2.HTTPError):
                return (await http.get("/readyz")).status_code == 200
            return False

        await until(is_ready)

        async def keep_accepting() -> None:
            with suppress(httpx2.HTTPError):
                while True:
                    spec = a_spec(new_id())
                    answer = await http.post("/internal/runs", content=msgspec.json.encode(AcceptRun(spec, 5)))
                    if answer.status_code == 201:
                        accepted.add(spec.run_id)
                        if len(accepted) == 100:
                            process.send_signal(signal.SIGKILL)

        async with asyncio.timeout(60):
            await asyncio.gather(*(keep_accepting() for _ in range(16)))
    return accepted


async def _terms(leases: MongoLeases, candidates: Sequence[Leadership], ttl: timedelta) -> list[int | None]:
    return await asyncio.gather(*(leases.hold(each, ttl) for each in candidates))


async def _leads(system: System, holder: str, *, milliseconds: int) -> None:
    until_ms = {"$add": [NOW_MS, milliseconds]}
    update = [{"$set": {"holder": holder, "until_ms": until_ms}}]
    await system.collection("leases").update_one({"_id": "dispatcher"}, update, upsert=True)


async def _let_pass(system: System, name: str, passed: timedelta) -> None:
    """Let a lease age by so much."""
    earlier = {"until_ms": -round(passed.total_seconds() * 1000)}
    await system.collection("leases").update_one({"_id": name}, {"$inc": earlier})


async def _has_leader(system: System) -> bool:
    return await system.collection("leases").find_one({"_id": "dispatcher"}) is not None
