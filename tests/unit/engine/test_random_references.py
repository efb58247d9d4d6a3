"""In any nesting of containers, a reference reads the latest output, and within a branch that of the branch."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.engine.building import START, Document, Scripted, block, document, engine_of, execution

from executor_service.engine import Call
from shared.workflow.format.js_values import Missing
from shared.workflow.format.references import parse_text

Seen = dict[str, dict[str, str | None]]
"""Return the values that each execution of a block read of every block."""


KINDS = ("function", "function", "loop", "parallel")


@dataclass
class Step:
    """A function, or a container with a body; each step follows the one before it."""

    id: str
    kind: str = "function"
    iterations: int = 0
    body: list["Step"] = field(default_factory=list)


@dataclass
class Frame:
    """Outputs of the run, or of one branch of `parallel`."""

    parallel: str | None
    outputs: dict[str, str] = field(default_factory=dict)


@st.composite
def chains(draw: st.DrawFn, prefix: str = "", depth: int = 0) -> list[Step]:
    steps = []
    for index in range(draw(st.integers(1, 3))):
        step = Step(f"{prefix}{index}", draw(st.sampled_from(KINDS if depth < 3 else KINDS[:1])))
        if step.kind != "function":
            step.iterations, step.body = draw(st.integers(0, 2)), draw(chains(f"{step.id}_", depth + 1))
        steps.append(step)
    return steps


def as_document(steps: list[Step]) -> Document:
    blocks, edges = [START], [("start", "source", steps[0].id)]

    def add(steps: list[Step], parent: str | None) -> None:
        edges.extend((before.id, "source", after.id) for before, after in itertools.pairwise(steps))
        for step in steps:
            items = {"loopType": "forEach", "parallelType": "collection", "collection": list(range(step.iterations))}
            blocks.append(block(step.id, step.kind, parent=parent, data={**items, "batchSize": 2}))
            if step.body:
                edges.append((step.id, f"{step.kind}-start-source", step.body[0].id))
                add(step.body, step.id)

    add(steps, None)
    return document(blocks, edges)  # type: ignore[arg-type]  # no handle here is None


def functions(steps: list[Step], around: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each function and the containers around it."""
    for step in steps:
        if step.kind == "function":
            yield step.id, around
        yield from functions(step.body, (*around, step.id))


def expected(steps: list[Step]) -> Seen:
    """Return the values that the rule predicts."""
    known, seen = dict(functions(steps)), Seen()

    def read(target: str, frames: list[Frame]) -> str | None:
        frame = next(frame for frame in reversed(frames) if frame.parallel in (None, *known[target]))
        return frame.outputs.get(target)

    def run(steps: list[Step], frames: list[Frame], iterations: tuple[int, ...]) -> None:
        for step in steps:
            if step.kind == "function":
                seen[named(step.id, iterations)] = {target: read(target, frames) for target in known}
                frames[-1].outputs[step.id] = named(step.id, iterations)
            elif step.kind == "loop":
                for index in range(step.iterations):
                    run(step.body, frames, (*iterations, index))
            else:
                branches = [Frame(step.id) for _ in range(step.iterations)]
                for index, branch in enumerate(branches):
                    run(step.body, [*frames, branch], (*iterations, index))
                for first in branches[:1]:
                    frames[-1].outputs.update(first.outputs)

    run(steps, [Frame(None)], ())
    return seen


def named(block_id: str, iterations: tuple[int, ...]) -> str:
    return f"{block_id} {iterations}"


@settings(max_examples=80)
@given(chains())
def test_a_reference_reads_the_latest_output_of_its_branch(steps: list[Step]) -> None:
    known, seen = dict(functions(steps)), Seen()

    def found(call: Call, target: str) -> Any:
        reference = parse_text(f"<{target}.result>").sole_reference
        assert reference is not None
        value = call.resolver.find(reference)
        return None if isinstance(value, Missing) else value

    def script(call: Call) -> dict[str, Any]:
        name = named(call.block.id, tuple(around.index for around in reversed(call.iterations)))
        seen[name] = {target: found(call, target) for target in known}
        return {"result": name}

    run = execution(engine_of({"function": Scripted(script)}), as_document(steps))
    assert asyncio.run(run.run()).outcome.error is None
    assert seen == expected(steps)
