"""Processes start, are used once, and end: after success, cancellation, and any death."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.support.eventually import eventually

from executor_service.sandbox import (
    ErrorKind,
    Fetcher,
    FetchRequest,
    FetchResponse,
    JavaScriptSandbox,
    PoolSize,
    SandboxBusy,
    SandboxLimits,
    SandboxUnavailable,
    Script,
)

ENDLESS = Script(code="for (;;);", timeout_ms=60_000)


def children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
    except FileNotFoundError:  # it ended during the scan
        return []
    return [int(child) for task in tasks for child in _read(task).split()]


strangers: set[int] = set()
"""Servers that other tests of this session left running."""


@pytest.fixture(autouse=True)
def know_the_strangers() -> None:
    strangers.clear()
    strangers.update(children(os.getpid()))


def descendants() -> list[int]:
    """Return this test's processes and their descendants, in every namespace."""
    found = [pid for pid in children(os.getpid()) if pid not in strangers]
    for pid in found:
        found += children(pid)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def zygote() -> int:
    """Return the deepest process with children: those are the scripts."""
    return [pid for pid in descendants() if children(pid)][-1]


def ticks(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[11]) if len(fields) > 11 else 0


async def spinning_script() -> int:
    """Wait until one script burns processor time, and return its process."""

    def spinning() -> list[int]:
        return [pid for pid in children(zygote()) if ticks(pid) > 30]  # becoming ready takes some, too

    await eventually(spinning)
    return spinning()[0]


async def test_nothing_is_left_running_after_stop() -> None:
    async with JavaScriptSandbox() as sandbox:
        await sandbox.run(Script(code="return 1"))
        assert descendants()
    await eventually(lambda: not descendants())


async def test_scripts_do_not_interrupt_the_process_that_starts_them() -> None:
    async with JavaScriptSandbox(size=ONE) as sandbox:
        await sandbox.run(Script(code="return 1", owner="a"))
        assert {os.sched_getscheduler(pid) for pid in children(zygote())} == {os.SCHED_BATCH}
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize("owner", ["", "a"])
async def test_canceling_a_run_kills_the_process_of_its_endless_script(owner: str) -> None:
    async with JavaScriptSandbox(size=PoolSize(running=1, spare=1)) as sandbox:
        task = asyncio.create_task(sandbox.run(replace(ENDLESS, owner=owner)))
        doomed = await spinning_script()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: not Path(f"/proc/{doomed}").exists())
        assert (await sandbox.run(Script(code="return 'next'"))).value() == "next"


PROBE = (
    "const found = [typeof left, globalThis.left, [].left]; globalThis.left = Array.prototype.left = 1; return found"
)


def recording_fetcher(found: list[set[int]]) -> Fetcher:
    """Return a fetcher that answers with nothing, and adds the existing processes to `found`."""

    async def look(request: FetchRequest) -> FetchResponse:
        found.append(set(children(zygote())))
        return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body=b"")

    return look


LOOK = f"await fetch('http://a'); {PROBE}"
ONE = PoolSize(running=1, spare=0, warming=1)


@pytest.mark.parametrize(
    ("owners", "processes"),
    [("aaaa", 1), ("abab", 4), (["", "", "", ""], 4)],
    ids=["one owner", "two in turn", "nobody's"],
)
async def test_scripts_of_one_owner_share_a_process_and_never_a_context(owners: Sequence[str], processes: int) -> None:
    found: list[set[int]] = []
    async with JavaScriptSandbox(fetcher=recording_fetcher(found), size=ONE) as sandbox:
        for owner in owners:
            result = await sandbox.run(Script(code=LOOK, owner=owner))
            assert result.value() == ["undefined", None, None]
        assert len(set.union(*found)) == processes


async def test_a_parked_process_is_never_reused_for_another_owner() -> None:
    found: list[set[int]] = []
    size = PoolSize(running=2, spare=0, warming=1)
    async with JavaScriptSandbox(fetcher=recording_fetcher(found), size=size) as sandbox:
        for owner in "abab":
            await sandbox.run(Script(code=LOOK, owner=owner))
        assert found[1] == found[2] == found[3]
        assert len(found[1]) == 2


async def test_a_process_is_parked_for_a_limited_time() -> None:
    found: list[set[int]] = []
    size = PoolSize(running=2, spare=0, warming=1, kept_seconds=0.2)
    async with JavaScriptSandbox(fetcher=recording_fetcher(found), size=size) as sandbox:
        await sandbox.run(Script(code=LOOK, owner="a"))
        await eventually(lambda: not found[0] & set(descendants()))


FILL = {
    "heap": "const kept = []; for (let i = 0; i < 150; i++) kept.push(new Array(131072).fill(i)); return kept.length",
    "small buffers": "const b = []; for (let i = 0; i < 2800; i++) b.push(new Uint8Array(65536)); return b.length",
}


@pytest.mark.parametrize("filled", FILL.values(), ids=FILL)
async def test_a_script_has_its_full_memory_after_any_other(filled: str) -> None:
    async with JavaScriptSandbox(size=ONE) as sandbox:
        for _ in range(3):
            assert (await sandbox.run(Script(code=filled, owner="a"))).error is None
            assert (await sandbox.run(Script(code=FILL["heap"], owner="a"))).value() == 150


@pytest.mark.parametrize("harm", ["for (;;);", "const a = []; for (;;) a.push({})", "await new Promise(() => {})"])
async def test_a_process_that_a_script_damaged_is_not_reused(harm: str) -> None:
    found: list[set[int]] = []
    async with JavaScriptSandbox(fetcher=recording_fetcher(found), size=ONE) as sandbox:
        # A process that has run a script before has no startup that counts against the harmful script's time.
        await sandbox.run(Script(code=LOOK, owner="a"))
        await sandbox.run(Script(code=harm, owner="a", timeout_ms=5000 if "push" in harm else 1000))
        assert (await sandbox.run(Script(code=LOOK, owner="a"))).error is None
        assert found[1] - found[0]


async def test_a_process_is_not_shared_by_scripts_at_the_same_time() -> None:
    async with JavaScriptSandbox() as sandbox:
        scripts = (sandbox.run(Script(code=f"return {n}", owner="a")) for n in range(12))
        assert [result.value() for result in await asyncio.gather(*scripts)] == list(range(12))


async def test_a_process_that_stores_compiled_code_stores_no_values_of_its_runs() -> None:
    """Otherwise it would reach its limit of memory, and be replaced."""
    found: list[set[int]] = []
    values = {"ref_1": "x" * (4 << 20)}
    async with JavaScriptSandbox(fetcher=recording_fetcher(found), size=ONE) as sandbox:
        for number in range(40):
            code = f"/* {number} */ {LOOK}"
            assert (await sandbox.run(Script(code=code, bindings=values, owner="a"))).error is None
        assert set.union(*found) == found[0]


async def test_a_process_is_replaced_after_a_number_of_scripts() -> None:
    found: list[set[int]] = []
    size = PoolSize(running=1, spare=0, warming=1, scripts_per_process=5)
    async with JavaScriptSandbox(fetcher=recording_fetcher(found), size=size) as sandbox:
        for _ in range(6):
            assert (await sandbox.run(Script(code=LOOK, owner="a"))).error is None
        assert set.union(*found[:5]) == found[0]
        assert found[5] != found[0]


async def test_a_fetch_left_running_is_not_the_next_scripts() -> None:
    async def slow_for_some(request: FetchRequest) -> FetchResponse:
        if "slow" in request.url:
            await asyncio.sleep(0.05)
        return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body=request.url.encode())

    leaving = "for (let i = 0; i < 3; i++) fetch('http://slow'); await fetch('http://b'); return 1"
    asking = "return await (await fetch('http://mine')).text()"
    async with JavaScriptSandbox(fetcher=slow_for_some, size=PoolSize(running=1, spare=1)) as sandbox:
        for _ in range(5):
            assert (await sandbox.run(Script(code=leaving, owner="a"))).value() == 1
            assert (await sandbox.run(Script(code=asking, owner="a"))).value() == "http://mine"


async def test_an_unstoppable_fetch_answers_no_other_script() -> None:
    answered = asyncio.Event()

    async def stubborn(request: FetchRequest) -> FetchResponse:
        if "slow" in request.url:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(1.2)
                answered.set()
        elif "mine" in request.url:
            await answered.wait()
        return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body=request.url.encode())

    asking = "return await (await fetch('http://mine')).text()"
    async with JavaScriptSandbox(fetcher=stubborn, size=ONE) as sandbox:
        await sandbox.run(Script(code="fetch('http://slow'); await fetch('http://quick'); return 1", owner="a"))
        assert (await sandbox.run(Script(code=asking, owner="a"))).value() == "http://mine"


async def test_a_stopped_sandbox_can_be_restarted() -> None:
    sandbox = JavaScriptSandbox(size=ONE)
    for _ in range(2):
        async with sandbox:
            assert (await sandbox.run(Script(code="return 1", owner="a"))).value() == 1


async def test_a_killed_process_is_reported_as_out_of_memory_of_the_machine() -> None:
    async with JavaScriptSandbox(size=PoolSize(spare=1)) as sandbox:
        task = asyncio.create_task(sandbox.run(ENDLESS))
        os.kill(await spinning_script(), signal.SIGKILL)
        result = await task
        assert result.error is not None
        assert result.error.kind is ErrorKind.MEMORY
        assert (await sandbox.run(Script(code="return 'next'"))).value() == "next"


async def test_the_zygote_is_replaced_when_it_dies() -> None:
    async with JavaScriptSandbox(size=PoolSize(spare=2)) as sandbox:
        task = asyncio.create_task(sandbox.run(ENDLESS))
        await spinning_script()
        with capture_logs() as logs:
            os.kill(zygote(), signal.SIGKILL)
            result = await task
        assert result.error is not None
        assert result.error.kind is ErrorKind.CRASHED
        assert "script_process_crashed" in [line["event"] for line in logs]
        assert (await sandbox.run(Script(code="return 'next'"))).value() == "next"


async def test_a_script_that_waits_for_a_process_when_the_zygote_dies_is_run_by_the_next_one() -> None:
    async with JavaScriptSandbox(size=PoolSize(spare=1)) as sandbox:
        doomed = zygote()
        os.kill(doomed, signal.SIGSTOP)
        crashed = asyncio.create_task(sandbox.run(ENDLESS))
        await spinning_script()
        waiting = asyncio.create_task(sandbox.run(Script(code="return 'next'")))
        await asyncio.sleep(0.05)  # it has asked the zygote for a process
        os.kill(doomed, signal.SIGKILL)
        assert (await waiting).value() == "next"
        await crashed


def counted(metric: str) -> float:
    return REGISTRY.get_sample_value(f"flowport_executor_sandbox_{metric}", {"language": "JavaScript"}) or 0.0


async def test_a_full_pool_makes_scripts_wait_and_then_refuses_them() -> None:
    size = PoolSize(running=1, spare=1, waiting=1, wait_seconds=0.1)
    before = counted("refused_total")
    async with JavaScriptSandbox(size=size) as sandbox:
        holder = asyncio.create_task(sandbox.run(ENDLESS))
        await asyncio.sleep(0.05)
        waiter = asyncio.create_task(sandbox.run(Script(code="return 1")))
        await asyncio.sleep(0)
        with pytest.raises(SandboxBusy, match="Too many"):
            await sandbox.run(Script(code="return 2"))
        with pytest.raises(SandboxBusy, match="became free in time"):
            await waiter
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
        assert (await sandbox.run(Script(code="return 3"))).value() == 3
    assert counted("refused_total") - before == 2
    assert counted("waiting") == 0


async def test_a_burst_larger_than_the_pool_is_served_in_turn() -> None:
    async with JavaScriptSandbox(size=PoolSize(running=2, spare=1)) as sandbox:
        results = await asyncio.gather(*(sandbox.run(Script(code=f"return {n}")) for n in range(20)))
        assert [result.value() for result in results] == list(range(20))


async def test_processor_time_is_bounded_in_addition_to_wall_time() -> None:
    async with JavaScriptSandbox(limits=SandboxLimits(cpu_seconds=1), size=PoolSize(spare=1)) as sandbox:
        result = await sandbox.run(ENDLESS)
        assert result.error is not None
        assert result.error.message == "Function used more processor time than the limit of 1 seconds"


async def test_a_sandbox_that_is_not_running_refuses() -> None:
    sandbox = JavaScriptSandbox()
    with pytest.raises(SandboxUnavailable):
        await sandbox.run(Script(code="return 1"))
    async with sandbox:
        pass
    with pytest.raises(SandboxUnavailable):
        await sandbox.run(Script(code="return 1"))


async def test_the_layers_in_force_are_described() -> None:
    async with JavaScriptSandbox(size=PoolSize(spare=1)) as sandbox:
        assert {"no new privileges", "resource limits", "system call filter"} <= set(sandbox.describe())
    assert sandbox.describe() == ()
