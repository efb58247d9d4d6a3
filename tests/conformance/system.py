"""Systems that run a case: here the engine itself; `stack_system` has the whole system with the same interface."""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.conformance.cases import Case
from tests.support.run_requests import run_request

from executor_service.blocks import BlockPorts, SandboxExpressions, block_handlers
from executor_service.blocks.ports import ChildWorkflow
from executor_service.engine import ChildPin, Engine, Execution, Limits, RunRequest
from executor_service.providers import Models, ProviderSettings
from executor_service.sandbox import JavaScriptSandbox
from shared.clock import SystemClock
from shared.contracts.events import RunEvent
from shared.contracts.jobs import BlockLog
from shared.contracts.runs import RunStatus
from shared.errors import NotFound
from shared.net import OutboundClient
from shared.net.hosts import Address
from shared.workflow.compile.compiler import compile_workflow

TIME_LIMIT_MS = 120_000
CANCEL_SECONDS = 1.5


@dataclass(frozen=True)
class Observed:
    """Result of a case."""

    success: bool
    status: str
    output: Any
    error: str | None
    block_order: tuple[str, ...]


class System(Protocol):
    """Runs cases."""

    async def run(self, case: Case, model_url: str) -> Observed:
        """Run a case whose models are served at `model_url`. Cancel cases are cancelled after a moment."""
        ...


class EngineSystem:
    """The engine with the real blocks, sandbox and outbound client."""

    def __init__(self, sandbox: JavaScriptSandbox) -> None:
        self._sandbox = sandbox

    async def run(self, case: Case, model_url: str) -> Observed:
        """Run the case to its end."""
        models = Models(ProviderSettings(vllm_base_url=model_url))
        outbound = OutboundClient(["localhost"], resolver=_FixedResolver())
        ports = BlockPorts(javascript=self._sandbox, models=models, outbound=outbound, children=_Children(case.stubs))
        engine = Engine(block_handlers(ports), SandboxExpressions(self._sandbox), SystemClock(), Limits())
        execution = Execution(
            engine, compile_workflow(case.workflow), _request(case), environment=case.environment, sink=_NullSink()
        )
        if case.area == "cancel":
            asyncio.get_running_loop().call_later(CANCEL_SECONDS, execution.cancel)
        try:
            result = await execution.run()
        finally:
            await models.stop()
            await outbound.stop()
        error = result.outcome.error
        return Observed(
            success=result.outcome.status in (RunStatus.COMPLETED, RunStatus.PAUSED),
            status=str(result.outcome.status),
            output=result.output,
            error=None if error is None else error.text,
            block_order=order_of(result.blocks),
        )


def _request(case: Case) -> RunRequest:
    return run_request(
        run_id="exec-1",
        workspace_id="workspace-1",
        workflow_id="wf-1",
        input=case.request,
        time_limit_ms=TIME_LIMIT_MS,
        public_url="http://localhost:3999",
    )


def order_of(blocks: Sequence[BlockLog]) -> tuple[str, ...]:
    """Return the blocks of a run in execution order, with their outcomes."""
    return tuple(_shown(block) for block in sorted(blocks, key=lambda block: block.execution_order))


def _shown(block: BlockLog) -> str:
    failure = "" if block.success else "!handled" if block.error_handled else "!failed"
    return block.block_name + failure + (f" x{block.tries}" if block.tries else "")


class _NullSink:
    async def emit(self, event: RunEvent) -> None:
        pass


class _FixedResolver:
    """Resolver in which every name has a public address: the cases call no server but the stub."""

    async def resolve(self, name: str, asker: str = "") -> Sequence[Address]:
        return [ipaddress.ip_address("93.184.216.34")]

    def close(self) -> None:
        pass


class _Children:
    def __init__(self, stubs: dict[str, Any]) -> None:
        self._stubs = stubs.get("childWorkflows", {})

    async def find(self, workspace_id: str, workflow_id: str) -> ChildWorkflow | None:
        stub = self._stubs.get(workflow_id)
        return None if stub is None else ChildWorkflow(stub["name"], "snap-1", compile_workflow(stub["state"]))

    async def find_pinned(self, workspace_id: str, pin: ChildPin) -> ChildWorkflow:
        raise NotFound("no case is resumed")
