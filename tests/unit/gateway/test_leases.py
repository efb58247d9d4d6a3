"""The gateway's caches: their lifetimes and their invalidation."""

import asyncio
from contextlib import suppress

import pytest
from tests.support.eventually import PATIENCE_SECONDS, eventually, until
from tests.support.gateway.clock import HandClock
from tests.support.gateway.system import System
from tests.support.left_behind import without_collections

from gateway.lookup_cache import TIMEOUT_SECONDS as LONGEST_SILENCE
from gateway.lookup_cache import LookupCache
from shared.contracts.messages import KeyRevoked, LiveVersionChanged
from shared.errors import NotFound, Unavailable
from shared.security.api_keys import hash_key


class Source:
    """Answers look-ups with `value` once `gate` is open."""

    def __init__(self) -> None:
        self.value = 1
        self.calls = 0
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self, key: str) -> int:
        self.calls += 1
        value = self.value
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return value


async def found(leases: LookupCache[int], value: int) -> bool:
    return await leases.get("k") == value


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def source() -> Source:
    return Source()


async def test_a_value_is_used_for_its_lease_and_no_longer(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    assert [await leases.get("k"), await leases.get("k")] == [1, 1]
    source.value = 2
    clock.advance(0.99)
    assert await leases.get("k") == 1
    clock.advance(0.01)
    assert await leases.get("k") == 2
    assert source.calls == 2


async def test_a_value_in_use_is_refreshed_before_it_expires(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    assert await leases.get("k") == 1
    source.value = 2
    clock.advance(0.5)
    assert await leases.get("k") == 1
    await eventually(lambda: source.calls == 2)
    source.gate.clear()
    clock.advance(0.49)
    assert await asyncio.wait_for(leases.get("k"), 30) == 2


async def test_the_lease_counts_from_the_start_of_the_look_up(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    source.gate.clear()
    looking = asyncio.create_task(leases.get("k"))
    await eventually(lambda: source.calls == 1)
    clock.advance(0.6)
    source.gate.set()
    await looking
    clock.advance(0.5)
    await leases.get("k")
    assert source.calls == 2


async def test_callers_at_the_same_time_share_one_look_up(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    assert await asyncio.gather(*(leases.get("k") for _ in range(20))) == [1] * 20
    assert source.calls == 1


async def test_an_expected_value_is_looked_up_in_advance(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    leases.expect("k")
    leases.expect("k")
    assert await leases.get("k") == 1
    leases.expect("k")
    assert source.calls == 1
    clock.advance(1)
    leases.expect("k")
    await eventually(lambda: source.calls == 2)


async def test_a_failed_prefetch_is_reported_to_its_caller(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    source.failure = Unavailable("away")
    leases.expect("k")
    with pytest.raises(Unavailable):
        await leases.get("k")


async def test_an_invalidated_value_is_reloaded(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    await leases.get("k")
    source.value = 2
    leases.drop("k")
    assert await leases.get("k") == 2


async def test_a_look_up_started_before_the_invalidation_is_not_cached(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    source.gate.clear()
    early = asyncio.create_task(leases.get("k"))
    await eventually(lambda: source.calls == 1)
    source.value = 2
    leases.drop("k")
    late = asyncio.create_task(leases.get("k"))
    await eventually(lambda: source.calls == 2)
    source.gate.set()
    assert [await early, await late, await leases.get("k")] == [1, 2, 2]


async def test_an_older_revision_never_replaces_a_newer_one(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1, revision=lambda value: value)
    source.value = 5
    await leases.get("k")
    clock.advance(2)
    source.value = 4
    assert await leases.get("k") == 5


async def test_stale_values_are_served_for_a_bounded_time_only(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1, stale_seconds=10)
    await leases.get("k")
    source.failure = Unavailable("away")
    clock.advance(10.9)
    assert await leases.get("k") == 1
    clock.advance(0.2)
    with pytest.raises(Unavailable):
        await leases.get("k")


async def test_a_late_failure_extends_no_cached_value(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    await leases.get("k")
    source.gate.clear()
    source.failure = Unavailable("away")
    clock.advance(0.5)
    await leases.get("k")
    await eventually(lambda: source.calls == 2)
    clock.advance(5)
    asking = asyncio.create_task(leases.get("k"))
    await asyncio.sleep(0)
    source.gate.set()
    with pytest.raises(Unavailable):
        await asking


async def test_a_hanging_look_up_delays_no_caller_while_a_stale_value_is_allowed(
    source: Source, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.lookup_cache.STALE_TIMEOUT_SECONDS", 0.01)
    leases = LookupCache(source.load, clock, seconds=1, stale_seconds=10)
    await leases.get("k")
    source.value = 2
    source.gate.clear()
    clock.advance(2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert [await leases.get("k"), await leases.get("k")] == [1, 1]
    assert source.calls == 2

    source.gate.set()
    await until(lambda: found(leases, 2))


async def test_a_caller_of_a_hanging_look_up_soon_gets_an_error(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1)
    source.gate.clear()
    first = asyncio.create_task(leases.get("k"))
    await eventually(lambda: source.calls == 1)
    clock.advance(LONGEST_SILENCE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(Unavailable):
            await leases.get("k")

    source.gate.set()
    assert await first == 1


async def test_an_answer_is_believed_even_where_a_stale_value_is_known(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=1, stale_seconds=10)
    await leases.get("k")
    clock.advance(2)
    source.failure = NotFound("gone")
    with pytest.raises(NotFound):
        await leases.get("k")


async def test_memory_is_bounded(source: Source, clock: HandClock) -> None:
    leases = LookupCache(source.load, clock, seconds=100, max_entries=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        await leases.get(key)
    assert source.calls == 4


class TestKeys:
    async def test_a_revoked_key_stops_working_on_notification(self, system: System) -> None:
        assert (await system.execute({})).status == 200
        system.tenants.revoke(system.key)
        await system.worker.broker.control.broadcast(KeyRevoked(hash_key(system.key)))

        async def is_refused() -> bool:
            return (await system.execute({})).status == 401

        await until(is_refused)

    async def test_a_change_takes_effect_within_a_second_without_notification(self, system: System) -> None:
        assert (await system.execute({})).status == 200
        system.tenants.revoke(system.key)
        system.clock.advance(1)
        assert (await system.execute({})).status == 401

    async def test_a_cached_key_is_looked_up_once_a_second(self, system: System) -> None:
        for _ in range(5):
            await system.execute({})
        assert system.tenants.finds == 1

    async def test_a_cached_key_is_not_trusted_during_a_store_outage(self, system: System) -> None:
        assert (await system.execute({})).status == 200
        system.tenants.is_down = True
        system.clock.advance(1)
        assert (await system.execute({})).status == 503

    async def test_a_hanging_store_delays_callers_for_a_bounded_time(
        self, system: System, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gateway.lookup_cache.TIMEOUT_SECONDS", 0.01)
        system.tenants.may_find.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await system.execute({})
        system.tenants.may_find.set()
        assert (answer.status, "retry-after" in answer.headers) == (503, True)

    async def test_a_mistyped_key_never_reaches_the_store(self, system: System) -> None:
        await system.execute({}, key=system.key[:-1] + ("A" if system.key[-1] != "A" else "Q"))
        assert system.tenants.finds == 0


class TestLiveVersions:
    @pytest.mark.parametrize("path", ["/api/workflows/W/execute", "/api/v2/workflows/W/execute"])
    async def test_a_workflow_is_looked_up_concurrently_with_its_caller(self, system: System, path: str) -> None:
        system.tenants.may_find.clear()
        call = asyncio.create_task(system.send("POST", path, {}))
        await eventually(lambda: (system.tenants.finds, system.deployments.looks) == (1, 1))
        system.tenants.may_find.set()
        assert (await call).status == 200
        assert system.deployments.looks == 1

    async def test_a_promote_takes_effect_on_notification(self, system: System) -> None:
        await system.execute({})
        system.deployments.put("W", version=2)
        await system.worker.broker.control.broadcast(LiveVersionChanged("W", 2))

        async def runs_the_new_one() -> bool:
            await system.execute({})
            return system.worker.runs[-1].snapshot.version == 2

        await until(runs_the_new_one)

    async def test_a_change_takes_effect_within_a_second_without_notification(self, system: System) -> None:
        await system.execute({})
        system.deployments.put("W", version=2)
        system.clock.advance(1)
        await system.execute({})
        assert system.worker.runs[-1].snapshot.version == 2

    async def test_cached_workflows_keep_running_while_deploy_service_is_unavailable(self, system: System) -> None:
        await system.execute({})
        system.deployments.is_down = True
        system.clock.advance(200)
        assert (await system.execute({})).status == 200
        assert (await system.execute({}, workflow="unknown")).status == 503

    async def test_cached_workflows_expire_eventually(self, system: System) -> None:
        await system.execute({})
        system.deployments.is_down = True
        system.clock.advance(302)
        answer = await system.execute({})
        assert (answer.status, answer.json) == (503, {"error": "Service temporarily unavailable"})


async def test_a_look_up_that_fails_leaves_no_request_in_memory(clock: HandClock) -> None:
    class Request:
        pass

    async def load(key: str) -> int:
        raise Unavailable("away")

    async def ask(request: Request) -> None:
        with suppress(Unavailable):
            await leases.get("k")

    leases = LookupCache(load, clock, seconds=1)
    with without_collections() as remains:
        await ask(Request())
        await asyncio.sleep(0)
        assert remains.of(Request) == []
