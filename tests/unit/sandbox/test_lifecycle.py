"""Processes come, are used once, and go: on success, on cancellation, and when anything dies."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.support.eventually import eventually

from executor_service.sandbox import (
    Conditions,
    ErrorKind,
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
    except FileNotFoundError:  # it ended while we looked
        return []
    return [int(child) for task in tasks for child in _read(task).split()]


strangers: set[int] = set()
"""Servers that other tests of this session left running."""


@pytest.fixture(autouse=True)
def know_the_strangers() -> None:
    strangers.clear()
    strangers.update(children(os.getpid()))


def descendants() -> list[int]:
    """The processes that this test started, and those below them, whatever namespace they live in."""
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
    """The deepest process that has children: those are the scripts."""
    return [pid for pid in descendants() if children(pid)][-1]


def ticks(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[11]) if len(fields) > 11 else 0


async def spinning_script() -> int:
    """Wait until one script burns processor time, and return its process."""

    def spinning() -> list[int]:
        return [pid for pid in children(zygote()) if ticks(pid) > 5]

    await eventually(spinning)
    return spinning()[0]


async def test_nothing_is_left_running_after_stop() -> None:
    async with JavaScriptSandbox() as sandbox:
        await sandbox.run(Script(code="return 1"))
        assert descendants()
    await eventually(lambda: not descendants())


async def test_cancelling_a_run_kills_its_process_at_once() -> None:
    async with JavaScriptSandbox(size=PoolSize(running=1, spare=1)) as sandbox:
        task = asyncio.create_task(sandbox.run(ENDLESS))
        doomed = await spinning_script()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: not Path(f"/proc/{doomed}").exists())
        assert (await sandbox.run(Script(code="return 'next'"))).value() == "next"


PROBE = (
    "const found = [typeof left, globalThis.left, [].left]; globalThis.left = Array.prototype.left = 1; return found"
)


async def test_scripts_of_one_run_share_a_process_and_never_a_context() -> None:
    async with JavaScriptSandbox(size=PoolSize(running=1, spare=1)) as sandbox:
        processes = set()
        for _ in range(10):
            result = await sandbox.run(Script(code=PROBE, scope="run"))
            assert result.value() == ["undefined", None, None]
            processes.add(min(children(zygote())))
        assert len(processes) == 1
        sandbox.forget("run")
        await eventually(lambda: not processes & set(children(zygote())))


async def test_scripts_of_different_runs_never_share_a_process() -> None:
    async with JavaScriptSandbox(size=PoolSize(running=1, spare=0, warming=1)) as sandbox:
        processes: list[int] = []
        for run in range(5):
            await sandbox.run(Script(code="return 1", scope=f"run-{run}"))
            processes += children(zygote())
        assert len(set(processes)) == 5


async def test_the_same_run_id_in_another_workspace_is_another_run() -> None:
    async with JavaScriptSandbox(size=PoolSize(running=4, spare=0, warming=1)) as sandbox:
        processes = []
        for workspace in ("a", "b"):
            await sandbox.run(Script(code="return 1", scope="run", workspace_id=workspace))
            conditions = Conditions(scope="run", expressions=["environmentVariables.K"], workspace_id=workspace)
            assert (await sandbox.evaluate(conditions)).matched is None
            processes.append(set(children(zygote())))
        assert len(processes[1]) == 4
        sandbox.forget("run")
        await eventually(lambda: not processes[1] & set(children(zygote())))


async def test_evaluations_without_a_scope_share_nothing() -> None:
    async with JavaScriptSandbox(size=PoolSize(spare=1)) as sandbox:
        await sandbox.evaluate(Conditions(scope="", expressions=["1"], environment={"K": "mine"}))
        assert (await sandbox.evaluate(Conditions(scope="", expressions=["environmentVariables.K"]))).matched is None


@pytest.mark.parametrize("harm", ["for (;;);", "const a = []; for (;;) a.push({})", "await new Promise(() => {})"])
async def test_a_process_that_a_script_has_harmed_is_not_used_again(harm: str) -> None:
    async with JavaScriptSandbox(size=PoolSize(running=2, spare=1)) as sandbox:
        await sandbox.run(Script(code=harm, scope="run", timeout_ms=5000 if "push" in harm else 100))
        assert (await sandbox.run(Script(code="return 1", scope="run"))).value() == 1


async def test_a_process_is_not_shared_by_scripts_at_the_same_time() -> None:
    async with JavaScriptSandbox() as sandbox:
        scripts = (sandbox.run(Script(code=f"return {n}", scope="run")) for n in range(12))
        assert [result.value() for result in await asyncio.gather(*scripts)] == list(range(12))


async def test_a_process_is_replaced_after_so_many_scripts() -> None:
    async with JavaScriptSandbox(size=PoolSize(running=1, spare=1)) as sandbox:
        for n in range(120):
            assert (await sandbox.run(Script(code=f"return {n}", scope="run"))).value() == n


async def test_a_fetch_left_running_does_not_confuse_the_next_script() -> None:
    async def late(request: FetchRequest) -> FetchResponse:
        await asyncio.sleep(0.02)
        return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body="")

    code = "for (let i = 0; i < 3; i++) fetch('http://a'); await fetch('http://b'); return 1"
    async with JavaScriptSandbox(fetcher=late, size=PoolSize(running=1, spare=1)) as sandbox:
        for _ in range(5):
            assert (await sandbox.run(Script(code=code, scope="run"))).value() == 1


async def test_a_killed_process_is_told_as_out_of_memory_of_the_machine() -> None:
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
        os.kill(zygote(), signal.SIGKILL)
        result = await task
        assert result.error is not None
        assert result.error.kind is ErrorKind.CRASHED
        assert (await sandbox.run(Script(code="return 'next'"))).value() == "next"


async def test_parked_conditions_survive_the_death_of_their_process() -> None:
    conditions = Conditions(scope="run", expressions=["true"])
    async with JavaScriptSandbox(size=PoolSize(spare=1)) as sandbox:
        await sandbox.evaluate(conditions)
        doomed = zygote()
        os.kill(doomed, signal.SIGKILL)
        await eventually(lambda: doomed not in descendants())
        await asyncio.sleep(0.05)
        assert (await sandbox.evaluate(conditions)).matched == 0


async def test_a_full_pool_makes_scripts_wait_and_then_refuses_them() -> None:
    size = PoolSize(running=1, spare=1, waiting=1, wait_seconds=0.1)
    async with JavaScriptSandbox(size=size) as sandbox:
        holder = asyncio.create_task(sandbox.run(ENDLESS))
        await asyncio.sleep(0.05)
        waiter = asyncio.create_task(sandbox.run(Script(code="return 1")))
        await asyncio.sleep(0)
        with pytest.raises(SandboxBusy, match="Too many"):
            await sandbox.run(Script(code="return 2"))
        with pytest.raises(SandboxBusy, match="no free process"):
            await waiter
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
        assert (await sandbox.run(Script(code="return 3"))).value() == 3


async def test_a_burst_larger_than_the_pool_is_served_in_turn() -> None:
    async with JavaScriptSandbox(size=PoolSize(running=2, spare=1)) as sandbox:
        results = await asyncio.gather(*(sandbox.run(Script(code=f"return {n}")) for n in range(20)))
        assert [result.value() for result in results] == list(range(20))


async def test_processor_time_is_bounded_beside_wall_time() -> None:
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
