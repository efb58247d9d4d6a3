"""No workspace keeps a service from compiling the workflows of others."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from tests.support.eventually import eventually

from deploy_service.application import checker
from executor_service.application import workflow_cache
from executor_service.engine import binding
from shared.compile_slots import THREADS, CompileSlots
from shared.contracts.deployments import Problems
from shared.contracts.runs import SnapshotRef
from shared.errors import Unavailable
from shared.workflow.compile.code_references import compile_code
from shared.workflow.format import reader as reading
from shared.workflow.format.models import WorkflowState


class SlowCode:
    """Code of a workspace whose compilation runs until released."""

    def __init__(self, slots: CompileSlots, workspace_id: str) -> None:
        self.compiling = 0
        self._slots, self._workspace_id = slots, workspace_id
        self._release = threading.Event()

    async def compile(self) -> None:
        async with self._slots.hold(self._workspace_id):
            await self._slots.run(self._compile)

    def release(self) -> None:
        self._release.set()

    def _compile(self) -> None:
        self.compiling += 1
        self._release.wait(60)


async def test_a_workspace_compiles_one_workflow_at_a_time_while_others_compile_theirs() -> None:
    slots = CompileSlots()
    slow = SlowCode(slots, "attacker")
    flood = [asyncio.create_task(slow.compile()) for _ in range(10 * THREADS)]
    await eventually(lambda: slow.compiling == 1)
    async with slots.hold("victim"):
        assert await slots.run(lambda: "compiled") == "compiled"
    assert slow.compiling == 1
    slow.release()
    await asyncio.gather(*flood)
    assert slow.compiling == 10 * THREADS


class NoValues:
    """Return the environment of a workspace without values."""

    async def names(self, _place: str) -> tuple[Any, ...]:
        return ()


async def test_checks_of_one_workspace_run_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release, checking_now, most_at_once = threading.Event(), 0, 0

    def check(*_: object) -> Problems:
        nonlocal checking_now, most_at_once
        checking_now += 1
        most_at_once = max(most_at_once, checking_now)
        release.wait(0.05)
        checking_now -= 1
        return Problems((), ())

    monkeypatch.setattr(checker, "check", check)
    nothing = cast("Any", None)
    checks = checker.WorkflowChecker(nothing, nothing, cast("Any", NoValues()), frozenset())
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


async def test_a_workspace_has_a_bounded_number_of_checks_in_progress() -> None:
    slots = CompileSlots(most=2)
    slow = SlowCode(slots, "attacker")
    flood = [asyncio.create_task(slow.compile()) for _ in range(2)]
    await eventually(lambda: slow.compiling == 1)
    with pytest.raises(Unavailable):
        await slow.compile()
    slow.release()
    await asyncio.gather(*flood)
    await slow.compile()


class NoEnvironment:
    """A resolver without environment values."""

    def environment_value(self, _name: str) -> str | None:
        return None


async def test_an_executor_compiles_one_variant_of_a_workspaces_code_at_a_time_and_its_workflows_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiling_now, most_at_once, compiled = 0, 0, 0

    def compile_slowly(*_: object) -> Any:
        nonlocal compiling_now, most_at_once, compiled
        compiling_now += 1
        most_at_once = max(most_at_once, compiling_now)
        threading.Event().wait(0.05)
        compiling_now -= 1
        compiled += 1
        return compile_code("return 1")

    monkeypatch.setattr(workflow_cache, "compile_workflow", compile_slowly)
    cache = workflow_cache.WorkflowCache(cast("Any", AnySnapshot()), entries=10)
    large = compile_code("return {{NONE}}" + 5_000 * " ")
    templates = [msgspec.structs.replace(large, recompile=compile_slowly, variants={}) for _ in range(4)]
    resolver = cast("Any", NoEnvironment())
    await asyncio.gather(
        *(binding.compile_variant(template, resolver, "attacker") for template in templates),
        *(cache.get(SnapshotRef("attacker", "W", f"hash{number}")) for number in range(4)),
    )
    assert (most_at_once, compiled) == (1, 8)


CALLS_ITSELF: dict[str, Any] = {
    "blocks": {
        "a": {
            "id": "a",
            "type": "agent",
            "name": "Agent",
            "enabled": True,
            "subBlocks": {
                "tools": {
                    "value": [
                        {"type": "workflow_input", "title": name, "params": {"workflowId": name}} for name in "UVW"
                    ]
                }
            },
        },
        "w": {
            "id": "w",
            "type": "workflow",
            "name": "Call",
            "enabled": True,
            "subBlocks": {"workflowId": {"value": "X"}},
        },
    },
    "edges": [],
}


class LiveWorkflows:
    """Make every workflow of the workspace live, with the same snapshot for each name."""

    async def find(self, workflow_id: str, _workspace_id: str) -> Any:
        return SimpleNamespace(live=SimpleNamespace(snapshot_hash=workflow_id))

    async def named(self, _workflow: object, _word: str) -> Any:
        return SimpleNamespace(state=CALLS_ITSELF)


async def test_called_workflows_are_compiled_outside_the_event_loop_and_once_per_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[int] = []

    def read_state(state: Any) -> WorkflowState:
        threads.append(threading.get_ident())
        return reading.read_state(state)

    monkeypatch.setattr(checker, "check", lambda *_: Problems((), ()))
    monkeypatch.setattr(checker, "read_state", read_state)
    live = cast("Any", LiveWorkflows())
    checks = checker.WorkflowChecker(live, live, cast("Any", NoValues()), frozenset())
    content = cast("Any", SimpleNamespace(state=CALLS_ITSELF))
    for _ in range(2):
        assert (await checks.problems(content, "author")).errors == ()
    assert threading.get_ident() not in threads
    assert len(threads) == len("UVWX"), "each called workflow once"
