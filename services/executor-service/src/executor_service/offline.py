"""Runs a recorded run again without network, keys or services: effects are answered from the recording."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from executor_service.blocks import BlockPorts, SandboxExpressions, block_handlers
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Engine, Execution, Inputs, Limits
from executor_service.engine.recorded_answers import RecordedAnswers, UnrecordedCall
from executor_service.engine.request import RunRequest
from executor_service.engine.secrets import EnvironmentNames
from executor_service.engine.state import Output, Pause
from executor_service.providers import Models, ProviderSettings
from executor_service.sandbox import JavaScriptSandbox, PythonSandbox
from shared.clock import SystemClock
from shared.contracts.events import RunEvent
from shared.contracts.payloads import Payload
from shared.contracts.recordings import RecordedBlock, Recording
from shared.contracts.runs import RunMode, RunSpec, RunStatus, SnapshotRef, Trigger
from shared.net import OutboundClient
from shared.settings import load_settings
from shared.workflow.catalog.effects import effect_kind
from shared.workflow.compile.compiler import CompiledWorkflow, compile_workflow
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.model_names import PROVIDERS

TIME_LIMIT_MS: Final = 300_000
_USES_JAVASCRIPT: Final = frozenset({"function", "condition", "loop"})


@dataclass(frozen=True, slots=True)
class OfflineRun:
    """Result of a run. `blocks` has each execution by its path; `unrecorded` lists calls without an answer."""

    status: RunStatus
    output: Json
    error: str | None
    blocks: Mapping[str, RecordedBlock] = field(default_factory=dict)
    unrecorded: tuple[UnrecordedCall, ...] = ()


class OfflineRunner:
    """Runs workflows in this process, user code in the sandbox, which starts with the first code.

    Use it as an asynchronous context manager.
    """

    def __init__(self) -> None:
        self._open = AsyncExitStack()
        self._javascript = JavaScriptSandbox()
        self._python = PythonSandbox()
        self._started: set[object] = set()
        ports = BlockPorts(
            javascript=self._javascript,
            models=Models(load_settings(ProviderSettings)),
            outbound=OutboundClient(()),
            python=self._python,
        )
        self._handlers = block_handlers(ports)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def run(self, state: JsonObject, recording: Recording) -> OfflineRun:
        """Run `state` with the input of a recording. Raises InvalidWorkflow, SandboxUnavailable."""
        workflow = compile_workflow(state)
        await self._start_sandboxes(workflow)
        environment = {name: f"{{{{{name}}}}}" for name in workflow.environment_names}
        names = EnvironmentNames(environment)
        answers = RecordedAnswers(recording.blocks, names)
        executed: dict[str, RecordedBlock] = {}
        handlers = {
            name: _Watched(handler, names, executed) for name, handler in answers.handlers(self._handlers).items()
        }
        engine = Engine(handlers, SandboxExpressions(self._javascript), SystemClock(), Limits())
        execution = Execution(engine, workflow, _request(recording), environment=environment, sink=_NullSink())
        result = await execution.run()
        error = result.outcome.error
        return OfflineRun(
            status=result.outcome.status,
            output=names.mask(_plain(result.output)),
            error=None if error is None else str(names.mask(error.message)),
            blocks=executed,
            unrecorded=tuple(answers.unrecorded),
        )

    async def _start_sandboxes(self, workflow: CompiledWorkflow) -> None:
        blocks = workflow.state.blocks.values()
        if any(block.type in _USES_JAVASCRIPT for block in blocks):
            await self._start(self._javascript)
        if any(block.value("language") == "python" for block in blocks):
            await self._start(self._python)

    async def _start(self, sandbox: JavaScriptSandbox | PythonSandbox) -> None:
        if sandbox not in self._started:
            await self._open.enter_async_context(sandbox)
            self._started.add(sandbox)


class _Watched(BlockHandler):
    """Notes what a block received and returned."""

    def __init__(self, handler: BlockHandler, names: EnvironmentNames, executed: dict[str, RecordedBlock]) -> None:
        self._handler = handler
        self._names = names
        self._executed = executed

    def prepare(self, call: Call) -> Inputs:
        return self._handler.prepare(call)

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        block, path = call.block, call.execution_path
        noted = self._executed[path] = RecordedBlock(
            path=path,
            block_id=block.id,
            block_name=block.name,
            block_type=block.type,
            order=len(self._executed) + 1,
            inputs=self._names.mask(_plain(inputs.recorded())),
            effect=effect_kind(block.spec, inputs.params),
        )
        try:
            result = await self._handler.run(call, inputs)
        except BlockFailure as failure:
            message = str(self._names.mask(failure.message))
            shown = self._names.mask(_plain(failure.partial)) or None
            self._executed[path] = msgspec.structs.replace(
                noted, output=shown, error=message, http_status=failure.http_status
            )
            raise
        self._executed[path] = msgspec.structs.replace(noted, output=self._names.mask(_plain(result.output)))
        return result

    def resume(self, pause: Pause, answer: JsonObject, at: Any) -> Output:
        return self._handler.resume(pause, answer, at)


class _NullSink:
    async def emit(self, event: RunEvent) -> None:
        """Drop the event."""


def _request(recording: Recording) -> RunRequest:
    spec = RunSpec(
        run_id=recording.run_id,
        snapshot=SnapshotRef(recording.workspace_id, recording.workflow_id, "offline", version=recording.version),
        mode=RunMode.SYNC,
        trigger=Trigger(recording.trigger),
        input=Payload(),
        time_limit_ms=TIME_LIMIT_MS,
        start_block_id=recording.start_block_id,
        conversation_id=recording.conversation_id,
    )
    return RunRequest(spec=spec, input=recording.input, keyed_providers=frozenset(PROVIDERS))


def _plain(value: Any) -> Json:
    """Return a value as its JSON is read back."""
    plain: Json = msgspec.json.decode(msgspec.json.encode(value))
    return plain
