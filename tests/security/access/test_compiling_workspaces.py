"""No workspace keeps a service from compiling the workflows of others."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.eventually import eventually

from deploy_service.application import checking
from executor_service.application import workflow_cache
from shared.compile_turns import THREADS, CompileTurns
from shared.contracts.deployments import Problems
from shared.contracts.runs import SnapshotRef
from shared.errors import Unavailable


class SlowCode:
    """Code of a workspace that compiles until it is released."""

    def __init__(self, turns: CompileTurns, workspace_id: str) -> None:
        self.compiling = 0
        self._turns, self._workspace_id = turns, workspace_id
        self._release = threading.Event()

    async def compile(self) -> None:
        async with self._turns.held(self._workspace_id):
            await self._turns.run(self._compile)

    def release(self) -> None:
        self._release.set()

    def _compile(self) -> None:
        self.compiling += 1
        self._release.wait(60)


async def test_a_workspace_compiles_one_workflow_at_a_time_and_others_meanwhile_theirs() -> None:
    turns = CompileTurns()
    slow = SlowCode(turns, "attacker")
    flood = [asyncio.create_task(slow.compile()) for _ in range(10 * THREADS)]
    await eventually(lambda: slow.compiling == 1)
    async with turns.held("victim"):
        assert await turns.run(lambda: "compiled") == "compiled"
    assert slow.compiling == 1
    slow.release()
    await asyncio.gather(*flood)
    assert slow.compiling == 10 * THREADS


class NoValues:
    """A workspace without environment values."""

    async def names(self, _place: str) -> tuple[Any, ...]:
        return ()


async def test_checks_of_one_workspace_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    release, checking_now, most_at_once = threading.Event(), 0, 0

    def check(*_: object) -> Problems:
        nonlocal checking_now, most_at_once
        checking_now += 1
        most_at_once = max(most_at_once, checking_now)
        release.wait(0.05)
        checking_now -= 1
        return Problems((), ())

    monkeypatch.setattr(checking, "check", check)
    monkeypatch.setattr(checking, "named_values", lambda _: frozenset())
    nothing = cast("Any", None)
    checks = checking.Checking(nothing, nothing, cast("Any", NoValues()), frozenset())
    content = cast("Any", SimpleNamespace(state={"blocks": {}, "edges": []}))
    await asyncio.gather(*(checks.problems(content, "attacker") for _ in range(8)))
    assert most_at_once == 1


class AnySnapshot:
    """Has an empty workflow for each hash."""

    async def snapshot(self, _snapshot: SnapshotRef) -> bytes:
        return b"{}"


async def test_an_executor_compiles_one_workflow_of_a_workspace_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compiling_now, most_at_once = 0, 0

    def compile_workflow(*_: object) -> str:
        nonlocal compiling_now, most_at_once
        compiling_now += 1
        most_at_once = max(most_at_once, compiling_now)
        threading.Event().wait(0.05)
        compiling_now -= 1
        return "compiled"

    monkeypatch.setattr(workflow_cache, "compile_workflow", compile_workflow)
    cache = workflow_cache.WorkflowCache(cast("Any", AnySnapshot()), entries=10)
    await asyncio.gather(*(cache.get(SnapshotRef("attacker", "W", f"hash{number}")) for number in range(8)))
    assert most_at_once == 1


async def test_a_workspace_has_no_more_checks_in_progress_than_it_may() -> None:
    turns = CompileTurns(most=2)
    slow = SlowCode(turns, "attacker")
    flood = [asyncio.create_task(slow.compile()) for _ in range(2)]
    await eventually(lambda: slow.compiling == 1)
    with pytest.raises(Unavailable):
        await slow.compile()
    slow.release()
    await asyncio.gather(*flood)
    await slow.compile()
