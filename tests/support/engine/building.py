"""Small workflow documents, and handlers that run a test's script."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from tests.support.eventually import PATIENCE_MS
from tests.support.run_requests import run_request

from executor_service.blocks.ports import ChildWorkflow
from executor_service.engine import (
    BlockFailure,
    BlockHandler,
    BlockResult,
    Call,
    ChildPin,
    Engine,
    Execution,
    Inputs,
    Limits,
    RunRequest,
    RunResult,
    RunState,
)
from executor_service.engine.resolver import Resolver
from shared.clock import SystemClock
from shared.contracts.events import RunEvent
from shared.contracts.runs import RunMode
from shared.errors import Unavailable
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.compile.compiler import CompiledWorkflow, compile_workflow
from shared.workflow.format.references import parse_text

Document = dict[str, Any]


def block(block_id: str, kind: str = "function", *, parent: str | None = None, **settings: Any) -> Document:
    """Return a block. `settings` are its sub-blocks; `data` goes to the block itself."""
    data = settings.pop("data", {})
    return {
        "id": block_id,
        "type": kind,
        "name": settings.pop("name", block_id),
        "position": {"x": 0, "y": 0},
        "enabled": settings.pop("enabled", True),
        "retry": settings.pop("retry", None),
        "subBlocks": {key: {"id": key, "type": "short-input", "value": value} for key, value in settings.items()},
        "outputs": {},
        "data": {**data, **({"parentId": parent, "extent": "parent"} if parent else {})},
    }


def document(blocks: list[Document], edges: list[tuple[str, str | None, str]], **more: Any) -> Document:
    """Return a workflow of blocks and `(source, handle, target)` edges."""
    return {
        "blocks": {entry["id"]: entry for entry in blocks},
        "edges": [
            {"id": f"e{index}", "source": source, "sourceHandle": handle, "target": target}
            for index, (source, handle, target) in enumerate(edges)
        ],
        "loops": {},
        "parallels": {},
        "variables": {},
        **more,
    }


START = block("start", "start_trigger")


def chain(*blocks: Document) -> Document:
    """Return a start and these blocks, one after the other."""
    everything = [START, *blocks]
    pairs = itertools.pairwise(everything)
    return document(everything, [(a["id"], "source", b["id"]) for a, b in pairs])


class Scripted(BlockHandler):
    """Runs every block as `script` decides: from a Call to an output, a result or an exception."""

    def __init__(self, script: Callable[[Call], Any], *, recovers: bool = False) -> None:
        self._script = script
        self._recovers = recovers
        self.runs: Counter[str] = Counter()
        self.active = 0

    @property
    def recovers(self) -> bool:
        return self._recovers

    def prepare(self, call: Call) -> Inputs:
        params = {key: call.resolver.render(template) for key, template in call.block.params.items()}
        return Inputs({**params, "code": call.block.code.source if call.block.code else ""})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        self.runs[call.block.id] += 1
        self.active += 1
        try:
            given = self._script(call)
            if asyncio.iscoroutine(given):
                given = await given
        finally:
            self.active -= 1
        return given if isinstance(given, BlockResult) else BlockResult(given)


class Start(BlockHandler):
    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        return BlockResult(call.start_output)


class CountedConditions:
    """A loop repeats until it reaches its condition, a number."""

    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        index = resolver.text(parse_text("<loop.index>"))
        return int(index) < int(condition.source)


class Recorder:
    """A sink and a journal that record. After `stop_after` entries the journal breaks: the worker is lost."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.events: list[RunEvent] = []
        self.entries: list[msgspec.Raw] = []
        self.kinds: list[str] = []
        self.flushed = 0
        self._stop_after = stop_after
        self.on_record: Callable[[], None] = lambda: None

    async def emit(self, event: RunEvent) -> None:
        self.events.append(event)

    async def record(self, kind: str, data: msgspec.Raw) -> None:
        if self._stop_after is not None and len(self.entries) >= self._stop_after:
            raise WorkerLost
        self.on_record()
        self.entries.append(data)
        self.kinds.append(kind)

    async def flush(self) -> None:
        self.flushed = len(self.entries)


class WorkerLost(Unavailable):
    """The process has ended."""

    def __init__(self) -> None:
        super().__init__("The process has ended")


class Deployed:
    """Callable workflows by id; `promote` makes another version live."""

    def __init__(self, **live: Document) -> None:
        self._versions: dict[str, CompiledWorkflow] = {}
        self._live: dict[str, str] = {}
        for workflow_id, workflow in live.items():
            self.promote(workflow_id, workflow)

    def promote(self, workflow_id: str, workflow: Document) -> None:
        snapshot_id = f"snap-{len(self._versions)}"
        self._versions[snapshot_id] = compile_workflow(workflow)
        self._live[workflow_id] = snapshot_id

    async def find(self, workspace_id: str, workflow_id: str) -> ChildWorkflow | None:
        live = self._live.get(workflow_id)
        return None if live is None else ChildWorkflow(workflow_id.title(), live, self._versions[live])

    async def find_pinned(self, workspace_id: str, pin: ChildPin) -> ChildWorkflow:
        return ChildWorkflow(pin.name, pin.snapshot_id, self._versions[pin.snapshot_id])


def engine_of(handlers: Mapping[str, BlockHandler], **limits: Any) -> Engine:
    return Engine({"start_trigger": Start(), **handlers}, CountedConditions(), SystemClock(), Limits(**limits))


def request(**more: Any) -> RunRequest:
    given = {"run_id": "run-1", "workspace_id": "ws", "workflow_id": "wf", "time_limit_ms": PATIENCE_MS, **more}
    return run_request(**given)


def execution(
    engine: Engine,
    workflow: Document | CompiledWorkflow,
    recorder: Recorder | None = None,
    *,
    journal: bool = False,
    entries: list[msgspec.Raw] | None = None,
    state: RunState | None = None,
    environment: Mapping[str, str] | None = None,
    **more: Any,
) -> Execution:
    recorder = recorder or Recorder()
    return Execution(
        engine,
        workflow if isinstance(workflow, CompiledWorkflow) else compile_workflow(workflow),
        request(**more),
        environment=environment or {},
        sink=recorder,
        journal=recorder if journal else None,
        entries=entries or (),
        state=state,
    )


async def run(
    script: Callable[[Call], Any], workflow: Document | CompiledWorkflow, recorder: Recorder | None = None, **more: Any
) -> RunResult:
    """Run a workflow whose functions and conditions follow `script`."""
    handler = Scripted(script)
    handlers = dict.fromkeys(("function", "condition", "response", "variables", "agent", "api", "wait"), handler)
    return await execution(engine_of(handlers), workflow, recorder, **more).run()


def ok(call: Call) -> dict[str, Any]:
    """Return the block's id as its output."""
    return {"result": call.block.id}


def names(result: RunResult) -> list[str]:
    """Return the executed blocks, in order."""
    logs = sorted(result.blocks, key=lambda log: log.execution_order)
    return [log.block_name + ("" if log.success else "!") for log in logs]


def stream_request(*selected: str) -> dict[str, Any]:
    return {"mode": RunMode.STREAM, "selected_outputs": selected}


def fails(message: str = "no", **more: Any) -> BlockFailure:
    return BlockFailure(message, **more)
