"""Interrupted runs: each version can resume the runs that earlier versions recorded.

`python -m tests.contract.record` writes the cases that have no file yet, with the version that runs it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.support.engine.building import (
    START,
    Deployed,
    Document,
    Recorder,
    Scripted,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
    names,
)

from executor_service.blocks.human_in_the_loop import HumanInTheLoopHandler
from executor_service.blocks.workflow import WorkflowHandler
from executor_service.engine import Call, Execution, RunResult, RunState

RECORDED: Final = Path(__file__).parent / "recorded"
PAUSED: Final = "paused"


class Left(msgspec.Struct, omit_defaults=True):
    """The position of an interrupted run, and its end after another worker resumed it: state, output, executions per
    block."""

    status: str
    output: Any
    ran: dict[str, int]
    entries: int = 0
    """Number of journal entries."""
    state: msgspec.Raw = msgspec.Raw()
    """Position, in place of the journal; empty if the journal holds it."""
    answers: dict[str, Any] = {}


class InterruptedRun(msgspec.Struct):
    """A workflow, the workflows that it calls, the journal of its run, and the positions where that was interrupted."""

    workflow: Document
    called: dict[str, Document]
    entries: list[msgspec.Raw]
    left: list[Left]


def script(call: Call) -> Any:
    """Return the output of every block."""
    iterations = [around.index for around in call.iterations]
    if call.block.type == "condition":
        return {"selectedOption": f"{call.block.id}-else", "conditionResult": True}
    if call.block.code is not None and call.block.code.source == "fails":
        raise fails(f"{call.block.id} {iterations}")
    return {"result": [call.block.id, iterations]}


async def taken_up(run: InterruptedRun, left: Left) -> RunResult:
    """Resume the run there and return its end."""
    state = msgspec.json.decode(left.state, type=RunState) if bytes(left.state) else None
    entries = run.entries[: left.entries]
    return await _execution(run, Recorder(), entries=entries, state=state, resumptions=left.answers).run()


async def recorded(workflow: Document, called: Mapping[str, Document], answers: Mapping[str, Any]) -> InterruptedRun:
    """Run this version and interrupt it after each step, or where it waits for `answers`."""
    run = InterruptedRun(workflow, dict(called), [], [])
    recorder, states = Recorder(), list[bytes]()
    first = _execution(run, recorder)
    recorder.on_record = lambda: states.append(msgspec.json.encode(first.state))
    result = await first.run()
    run.entries = recorder.entries
    if result.outcome.status == PAUSED:
        assert result.state is not None
        positions = [Left("", None, {}, entries=len(run.entries)), Left("", None, {}, state=_raw(result.state))]
    else:
        positions = [Left("", None, {}, entries=number) for number in range(len(run.entries) + 1)]
        positions += [Left("", None, {}, state=msgspec.Raw(state)) for state in states[:: max(1, len(states) // 4)]]
    for left in positions:
        left.answers = dict(answers)
        run.left.append(ended(left, await taken_up(run, left)))
    return run


def ended(left: Left, result: RunResult) -> Left:
    """Return `left` with its end."""
    output = msgspec.to_builtins(result.output)
    return msgspec.structs.replace(
        left, status=str(result.outcome.status), output=output, ran=dict(sorted(Counter(names(result)).items()))
    )


def missing() -> Sequence[str]:
    """Return the cases without a record."""
    return [name for name in CASES if not (RECORDED / f"{name}.json").exists()]


def record_missing() -> None:
    """Record these cases."""
    for name in missing():
        run = asyncio.run(recorded(*CASES[name]))
        (RECORDED / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def _raw(state: RunState) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(state))


def _execution(run: InterruptedRun, recorder: Recorder, **more: Any) -> Execution:
    handler = Scripted(script)
    handlers = {
        **dict.fromkeys(("function", "condition", "api"), handler),
        "workflow_input": WorkflowHandler(Deployed(**run.called)),
        "human_in_the_loop": HumanInTheLoopHandler(),
    }
    public_url = "https://flowport.example"
    return execution(engine_of(handlers), run.workflow, recorder, journal=True, public_url=public_url, **more)


_FORM: Final = [{"name": "ok", "type": "boolean", "value": None}]
_ASKING: Final = chain(block("a"), block("h", "human_in_the_loop", inputFormat=_FORM), block("b"))
_ROUNDS: Final = {"loopType": "for", "count": 2, "parallelType": "count"}
_NESTED: Final = document(
    [
        block("remark", "note"),
        block("off", enabled=False),
        START,
        block("aside", code="fails"),
        block("mended"),
        block("p", "parallel", data=_ROUNDS),
        block("l", "loop", parent="p", data=_ROUNDS),
        block("x", parent="l"),
        block(
            "choice",
            "condition",
            parent="l",
            conditions='[{"id": "choice-if", "title": "if", "value": "1"}, '
            '{"id": "choice-else", "title": "else", "value": ""}]',
        ),
        block("yes", parent="l"),
        block("no", parent="l"),
        block("z"),
    ],
    [
        ("start", "source", "aside"),
        ("aside", "error", "mended"),
        ("start", "source", "off"),
        ("start", "source", "p"),
        ("p", "parallel-start-source", "l"),
        ("l", "loop-start-source", "x"),
        ("x", "source", "choice"),
        ("choice", "condition-choice-if", "yes"),
        ("choice", "condition-choice-else", "no"),
        ("p", "parallel-end-source", "z"),
    ],
)
_EFFECT: Final = chain(block("f"), block("call", "api", url="https://example.com", method="POST"), block("g"))
_CALL: Final = chain(block("x"), block("call", "workflow_input", workflowId="asking"), block("z"))
CASES: Final[Mapping[str, tuple[Document, Mapping[str, Document], Mapping[str, Any]]]] = {
    "nested": (_NESTED, {}, {}),
    "effect": (_EFFECT, {}, {}),
    "asks": (_ASKING, {}, {"h": {"ok": True}}),
    "asks-in-a-call": (_CALL, {"asking": _ASKING}, {"call.h": {"ok": True}}),
}
