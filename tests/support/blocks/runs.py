"""Runs one block, or a few, on the real engine; the test fakes everything outside."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.eventually import PATIENCE_MS
from tests.support.run_requests import run_request
from tests.support.workflow_states import block, chain, start

from executor_service.blocks.start import StartHandler
from executor_service.engine import (
    BlockFailure,
    BlockHandler,
    BlockResult,
    Call,
    Engine,
    Execution,
    Inputs,
    Limits,
    RunRequest,
    RunResult,
)
from executor_service.providers import Listener, ModelFailure, ModelRequest, Tokens, Turn
from shared.contracts.events import RunEvent
from shared.workflow.compile.compiler import CompiledWorkflow, compile_workflow
from shared.workflow.format.js_values import JsonObject

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PUBLIC_URL = "https://flowport.example"
INPUT = start({"name": "input", "type": "string"})


class StillClock:
    """Clock that stays at noon until the test moves it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


class Models:
    """Gives the scripted answers, repeats the last one, and records the requests."""

    def __init__(self, *answers: str | ModelFailure) -> None:
        self._answers = list(answers)
        self.requests: list[ModelRequest] = []

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ModelFailure):
            raise answer
        return Turn(content=answer, tokens=Tokens(10, 5))

    def provider_of(self, model: str) -> str:
        return model.partition("/")[0]

    @property
    def prompts(self) -> list[str]:
        """Return the texts of the only request, system first."""
        (request,) = self.requests
        return [message.content or "" for message in request.messages]


class Echo(BlockHandler):
    """Represents every other block: returns its resolved text, or fails with the text after `fail:`."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        text = inputs.params["url"]
        if isinstance(text, str) and text.startswith("fail:"):
            raise BlockFailure(text.removeprefix("fail:"))
        return BlockResult({"data": text})


class NoExpressions:
    """Evaluator for workflows without conditional loops."""

    async def holds(self, *_: object) -> bool:
        return False


class NullSink:
    """A sink that discards events."""

    async def emit(self, event: RunEvent) -> None:
        pass


def echo(block_id: str, text: str, name: str | None = None) -> JsonObject:
    """Return a block that returns `text` as `data`, with references filled in."""
    return block(block_id, "api", name, url=text)


def engine_of(handlers: Mapping[str, BlockHandler], clock: StillClock | None = None, **limits: int) -> Engine:
    known_handlers = {"start_trigger": StartHandler(), "api": Echo(), **handlers}
    return Engine(known_handlers, NoExpressions(), clock or StillClock(), Limits(**limits))


def request(body: Any = None, **more: Any) -> RunRequest:
    given = {"run_id": "run-1", "workspace_id": "w1", "workflow_id": "wf-1", "time_limit_ms": PATIENCE_MS, **more}
    return run_request(input=body, public_url=PUBLIC_URL, **given)


async def run(document: JsonObject | CompiledWorkflow, engine: Engine, body: Any = None, **more: Any) -> RunResult:
    """Run a whole workflow. `state` resumes a paused run, `environment` holds its values; the rest is the request."""
    state, environment = more.pop("state", None), more.pop("environment", {})
    compiled = document if isinstance(document, CompiledWorkflow) else compile_workflow(document)
    return await Execution(
        engine, compiled, request(body, **more), environment=environment, sink=NullSink(), state=state
    ).run()


async def run_block(kind: str, handler: BlockHandler, body: Any = None, /, **settings: Any) -> RunResult:
    """Run start → one block of this kind, named `B`."""
    document = chain(INPUT, block("b", kind, "B", settings=settings))
    return await run(document, engine_of({kind: handler}), body)


def failure(result: RunResult) -> str:
    """Return the error of the run."""
    assert result.outcome.error is not None
    return result.outcome.error.text


def names(result: RunResult) -> list[str]:
    """Return the executed blocks in order, with failed ones marked."""
    logs = sorted(result.blocks, key=lambda log: log.execution_order)
    return [log.block_name + ("" if log.success else "!") for log in logs]
