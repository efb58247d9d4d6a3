"""A run's block logs as a tree of spans: nesting, times and results."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.clock import epoch_ms, iso, ms_between
from shared.contracts.jobs import BlockLog, RunView
from shared.contracts.runs import RunStatus
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.trace.segments import model_details, segment_spans

WORKFLOW: Final = "workflow"
"""Span type of a run, and of a block that called another workflow."""
_CONTAINERS: Final = frozenset({"loop", "parallel"})

Path = tuple[tuple[str, int], ...]
"""A block's containers and iterations, outermost first."""


def run_span(
    blocks: Sequence[BlockLog], started_at: datetime, ended_at: datetime, *, has_failed: bool = False
) -> JsonObject:
    """Return the span of a whole run, with all nested spans. Times are ISO text, durations milliseconds.

    A run can fail although none of its blocks did: its worker may be lost, or its time limit exceeded.
    """
    failed = has_failed or any(not log.success and not log.error_handled for log in blocks)
    return {
        "id": "workflow-execution",
        "name": "Workflow Execution",
        "type": WORKFLOW,
        "duration": _ms(started_at, ended_at),
        "startTime": iso(started_at),
        "endTime": iso(ended_at),
        "status": "error" if failed else "success",
        "children": list(block_spans(blocks, started_at)),
    }


def trace_of(run: RunView) -> JsonObject:
    """Return the span of a run in its current state; without a duration until it ends."""
    began = run.started_at or run.created_at
    return run_span(run.blocks, began, run.ended_at or began, has_failed=run.status is RunStatus.FAILED)


def block_spans(blocks: Iterable[BlockLog], started_at: datetime) -> list[JsonObject]:
    """Return the spans of a run's blocks, iterations grouped under their loops and parallels."""
    tree = _Tree(started_at)
    for log in sorted(blocks, key=lambda log: log.execution_order):
        tree.add(log)
    return tree.spans(())


class _Tree:
    def __init__(self, started_at: datetime) -> None:
        self._started_at = started_at
        self._logs: dict[Path, list[BlockLog]] = {}
        self._containers: dict[tuple[Path, str], BlockLog] = {}
        self._iterations: dict[Path, dict[str, set[int]]] = {}
        self._first_order: dict[tuple[Path, str], int] = {}
        """Number of the first block that a container ran; of an empty one, its own."""
        self._kinds: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._unnamed: dict[str, list[str]] = {kind: [] for kind in _CONTAINERS}
        """Containers of each kind that no entry names, by start."""

    def add(self, log: BlockLog) -> None:
        path = _path(log)
        for depth, (container, index) in enumerate(path):
            self._iterations.setdefault(path[:depth], {}).setdefault(container, set()).add(index)
            self._first_order.setdefault((path[:depth], container), log.execution_order)
        if log.parallel_id or log.loop_id:
            self._kinds[log.parallel_id or log.loop_id or ""] = "parallel" if log.parallel_id else "loop"
        if log.block_type in _CONTAINERS:
            self._containers[path, own_id(log.block_id)] = log
            self._first_order.setdefault((path, own_id(log.block_id)), log.execution_order)
            self._kinds[own_id(log.block_id)] = log.block_type
            self._names.setdefault(own_id(log.block_id), log.block_name)
        else:
            self._logs.setdefault(path, []).append(log)

    def spans(self, path: Path) -> list[JsonObject]:
        """Return the spans at one path, by start; within one millisecond, by number."""
        entered = self._iterations.get(path, {})
        left = [container for place, container in self._containers if place == path]
        numbered = [
            (self._first_order[path, each], self._container(path, each)) for each in dict.fromkeys([*entered, *left])
        ]
        numbered += [(log.execution_order, self._block(log)) for log in self._logs.get(path, ())]
        return [span for _, span in sorted(numbered, key=lambda pair: (str(pair[1]["startTime"]), pair[0]))]

    def _container(self, path: Path, container: str) -> JsonObject:
        kind = self._kinds.get(container, "loop")
        iterations = sorted(self._iterations.get(path, {}).get(container, ()))
        children = [self._iteration(path, container, index, kind) for index in iterations]
        log = self._containers.get((path, container))
        span: JsonObject = {
            "id": f"{kind}-execution-{container}",
            "name": log.block_name if log else self._name_of(container, kind),
            "type": kind,
            **(_times(log.started_at, log.ended_at) if log else _enclosing_times(children)),
            "status": _status(children) if log is None else "success" if log.success else "error",
            **_failure_details(log),
            "children": list(children),
        }
        return span

    def _name_of(self, container: str, kind: str) -> str:
        """Return the name of a container that never finished: as elsewhere in the run, else a number."""
        if (name := self._names.get(container)) is not None:
            return name
        known = self._unnamed[kind]
        if container not in known:
            known.append(container)
        return f"{kind.capitalize()} {known.index(container) + 1}"

    def _iteration(self, path: Path, container: str, index: int, kind: str) -> JsonObject:
        children = self.spans((*path, (container, index)))
        return {
            "id": f"{container}-iteration-{index}",
            "name": f"Iteration {index}",
            "type": f"{kind}-iteration",
            **_enclosing_times(children),
            "status": _status(children),
            "children": list(children),
        }

    def _block(self, log: BlockLog) -> JsonObject:
        span_id = f"{log.block_id}-{epoch_ms(log.started_at)}"
        span: JsonObject = {
            "id": span_id,
            "name": own_name(log),
            "type": WORKFLOW if log.block_type in CALLS_A_WORKFLOW else log.block_type,
            "duration": log.duration_ms,
            "startTime": iso(log.started_at),
            "endTime": iso(log.ended_at),
            "status": "success" if log.success else "error",
            "blockId": log.block_id,
            "executionOrder": log.execution_order,
            "relativeStartMs": max(0, _ms(self._started_at, log.started_at)),
            "input": log.input,
            "output": {"error": log.error} if log.error is not None else log.output,
            **_position_details(log),
            **model_details(log.output),
            **_called_version(log),
        }
        children = [*segment_spans(span_id, log.output), *self._child_spans(log)]
        return {**span, "children": list(children)} if children else span

    def _child_spans(self, log: BlockLog) -> list[JsonObject]:
        """Return the spans of the workflow that a block called."""
        called = [msgspec.convert(entry, BlockLog) for entry in log.child_spans]
        return block_spans(called, self._started_at)


def _failure_details(log: BlockLog | None) -> JsonObject:
    """Return why a container failed, or a loop ended before its condition was false."""
    details: dict[str, Json] = {}
    if log is not None and log.input is not None:
        details["input"] = log.input
    if log is not None and log.error is not None:
        details["output"] = {"error": log.error}
    return details


def _path(log: BlockLog) -> Path:
    innermost = log.parallel_id or log.loop_id
    outer = [(str(around["iterationContainerId"]), int(around["iterationCurrent"])) for around in log.parent_iterations]
    return (*outer, (innermost, log.iteration_index or 0)) if innermost else ()


def own_id(block_id: str) -> str:
    """Return a block's id without its branch."""
    return block_id.partition("₍")[0].partition("__obranch-")[0]


def own_name(log: BlockLog) -> str:
    """Return a block's name without its iteration."""
    suffix = f" (iteration {log.iteration_index})"
    return log.block_name.removesuffix(suffix) if log.iteration_index is not None else log.block_name


def _position_details(log: BlockLog) -> JsonObject:
    details: dict[str, Json] = {
        "errorHandled": log.error_handled or None,
        "tries": log.tries,
        "loopId": log.loop_id,
        "parallelId": log.parallel_id,
        "iterationIndex": log.iteration_index,
    }
    return {key: value for key, value in details.items() if value is not None}


def _called_version(log: BlockLog) -> JsonObject:
    """Return the snapshot that a block called, if the call finished."""
    called = log.output.get("childWorkflowSnapshotId") if isinstance(log.output, dict) else None
    return {"childWorkflowSnapshotId": called} if called and log.block_type in CALLS_A_WORKFLOW else {}


def _times(started_at: datetime, ended_at: datetime) -> JsonObject:
    return {"duration": _ms(started_at, ended_at), "startTime": iso(started_at), "endTime": iso(ended_at)}


def _enclosing_times(children: Sequence[JsonObject]) -> JsonObject:
    """Return the time from the first to the last of some spans."""
    started = min((str(child["startTime"]) for child in children), default=iso(datetime.fromtimestamp(0).astimezone()))
    ended = max((str(child["endTime"]) for child in children), default=started)
    return _times(datetime.fromisoformat(started), datetime.fromisoformat(ended))


def _status(children: Iterable[JsonObject]) -> str:
    failed = any(child["status"] == "error" and not child.get("errorHandled") for child in children)
    return "error" if failed else "success"


def _ms(started_at: datetime, ended_at: datetime) -> float:
    return round(ms_between(started_at, ended_at), 3)
