"""Random workflows, and an independent reading of the rules that predicts their execution."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from tests.support.engine.building import START, Document, block, document

KINDS = ("ok", "ok", "ok", "fails", "reports", "condition", "for", "while", "parallel")


@dataclass
class Step:
    """A block of a random workflow. `ways` maps a handle to its next steps."""

    id: str
    kind: str
    iterations: int = 0
    body: list["Step"] = field(default_factory=list)
    ways: list[tuple[str | None, int]] = field(default_factory=list)


@st.composite
def bodies(draw: st.DrawFn, prefix: str = "", depth: int = 0) -> list[Step]:
    """Return steps whose edges only lead forward; step 0 comes first."""
    count = draw(st.integers(1, 6 if depth == 0 else 4))
    kinds = KINDS if depth < 2 else KINDS[:6]
    steps = [Step(f"{prefix}{index}", draw(st.sampled_from(kinds))) for index in range(count)]
    for index, step in enumerate(steps):
        later = st.integers(index + 1, count - 1)
        for _ in range(draw(st.integers(0, 3)) if index + 1 < count else 0):
            step.ways.append((draw(st.sampled_from(_handles(step))), draw(later)))
        step.ways = list(dict.fromkeys(step.ways))
        if step.kind == "fails" and not any(handle == "error" for handle, _ in step.ways):
            step.kind = "ok"
        if step.kind in ("for", "while", "parallel"):
            step.iterations = draw(st.integers(0, 3))
            step.body = draw(bodies(f"{step.id}_", depth + 1))
    return steps


def _handles(step: Step) -> list[str | None]:
    if step.kind == "condition":
        return [f"condition-{step.id}-a", f"condition-{step.id}-b", "error", None]
    return ["source", "source", "error", None]


def as_document(steps: list[Step]) -> Document:
    """Return the workflow, with a start before step 0."""
    blocks: list[Document] = [START]
    edges: list[tuple[str, str | None, str]] = [("start", "source", steps[0].id)]
    _add(steps, None, blocks, edges)
    return document(blocks, edges)


def _add(steps: list[Step], parent: str | None, blocks: list[Document], edges: list[Any]) -> None:
    for step in steps:
        blocks.append(_block(step, parent))
        edges.extend((step.id, handle, steps[target].id) for handle, target in step.ways)
        if step.body:
            edges.extend((step.id, f"{_container(step)}-start-source", inner.id) for inner in step.body)
            _add(step.body, step.id, blocks, edges)


def _container(step: Step) -> str:
    return "parallel" if step.kind == "parallel" else "loop"


def _block(step: Step, parent: str | None) -> Document:
    if step.kind == "condition":
        options = [{"id": f"{step.id}-{way}", "title": way, "value": "x"} for way in "ab"]
        return block(step.id, "condition", parent=parent, conditions=options)
    if step.kind == "for":
        return block(step.id, "loop", parent=parent, data=_items("forEach", step))
    if step.kind == "while":
        return block(step.id, "loop", parent=parent, data={"loopType": "while", "whileCondition": str(step.iterations)})
    if step.kind == "parallel":
        return block(step.id, "parallel", parent=parent, data={**_items("collection", step), "batchSize": 2})
    return block(step.id, parent=parent, code=step.kind)


def _items(kind: str, step: Step) -> dict[str, Any]:
    return {"loopType": kind, "parallelType": kind, "collection": list(range(step.iterations))}


def chosen_option(step_id: str, iterations: tuple[int, ...]) -> str:
    """Return the branch of a condition in these rounds: the same for the engine and the prediction."""
    return f"{step_id}-{'ab'[(len(step_id) + sum(iterations)) % 2]}"


def expected_runs(steps: list[Step]) -> Counter[str]:
    """Return how often each block runs."""
    runs: Counter[str] = Counter()
    _read(steps, {0}, (), runs)
    return runs


def _read(steps: list[Step], entries: set[int], iterations: tuple[int, ...], runs: Counter[str]) -> None:
    """Visit the steps in order: by then, each one's incoming edges are decided."""
    incoming: dict[int, list[bool]] = {index: [] for index in range(len(steps))}
    for index, step in enumerate(steps):
        lives = index in entries or any(incoming[index])
        if lives:
            _run(step, iterations, runs)
        for position, (handle, target) in enumerate(step.ways):
            incoming[target].append(lives and _fires(step, handle, position, iterations))


def _run(step: Step, iterations: tuple[int, ...], runs: Counter[str]) -> None:
    if not step.body:
        runs[step.id] += 1
    for number in range(step.iterations):
        targets = {target for inner in step.body for _, target in inner.ways}
        _read(step.body, set(range(len(step.body))) - targets, (number, *iterations), runs)


def _fires(step: Step, handle: str | None, position: int, iterations: tuple[int, ...]) -> bool:
    if step.body:
        return True
    if handle is None:
        return step.kind != "condition" or position > 1 or chosen_option(step.id, iterations)[-1] == "ab"[position]
    if handle.startswith("condition-"):
        return handle == f"condition-{chosen_option(step.id, iterations)}"
    return (handle == "error") is (step.kind in ("fails", "reports"))
