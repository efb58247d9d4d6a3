"""Positions of one version's blocks in another version, for runs that continue on it."""

from collections.abc import Mapping, Sequence
from typing import Final

from shared.contracts.repairs import ResumeMap, ResumeStep
from shared.contracts.runs import Trigger
from shared.workflow.compile.compiler import CompiledWorkflow, compile_workflow
from shared.workflow.compile.graph import Body, Graph
from shared.workflow.diff.comparison import ComparableState, comparable, same
from shared.workflow.format.js_values import Json, JsonObject

ROOT: Final = ""
_UNUSED_FIELDS: Final = frozenset({"name", "horizontalHandles"})
"""Fields that do not affect how the block runs."""
_Wiring = Mapping[str, Sequence[tuple[str, str, str]]]
"""Incoming edges of each block of a body: source, condition, choice."""


def resume_map(before: JsonObject, after: JsonObject, trigger: Trigger) -> ResumeMap:
    """Return the positions in `after` of the blocks of `before` that run from its start block.

    A block has a place if both versions would reach it in the same way and run it with the same settings. Raises
    InvalidWorkflow.
    """
    old, new = compile_workflow(before), compile_workflow(after)
    graph = old.graph(old.starts.get(trigger))
    start = new.starts.get(trigger)
    comparison = _Comparison(comparable(before), comparable(after), new, None if start is None else new.graph(start))
    bodies = {ROOT: graph.root, **graph.bodies}
    return ResumeMap({key: comparison.steps(body, graph) for key, body in bodies.items()})


class _Comparison:
    """Compares the blocks of one graph with another version."""

    def __init__(
        self, before: ComparableState, after: ComparableState, new: CompiledWorkflow, graph: Graph | None
    ) -> None:
        self._before = before
        self._after = after
        self._new = new
        self._graph = graph

    def steps(self, body: Body, graph: Graph) -> tuple[ResumeStep, ...]:
        target = self._body(body.container_id)
        numbers = {} if target is None else {node.block_id: node.index for node in target.nodes}
        before, after = _wiring(body), {} if target is None else _wiring(target)
        found = []
        for node in body.nodes:
            block_id = node.block_id
            name = self._before.blocks[block_id].name
            problem = self._problem(block_id, graph)
            if problem is None and block_id not in numbers:
                problem = "does not run there, or runs in another loop or parallel"
            if problem is None and not _is_reached_alike(block_id, before, after):
                problem = "has other upstream blocks there"
            target_number = numbers[block_id] if problem is None else None
            found.append(ResumeStep(block_id, name, target_number, problem))
        return tuple(found)

    def _body(self, container_id: str | None) -> Body | None:
        if self._graph is None:
            return None
        return self._graph.root if container_id is None else self._graph.bodies.get(container_id)

    def _problem(self, block_id: str, graph: Graph) -> str | None:
        """Return how the block itself differs."""
        old, new = self._before.blocks[block_id], self._after.blocks.get(block_id)
        if new is None:
            return "does not exist there"
        if old.fields["type"] != new.fields["type"]:
            return "has another type there"
        containers = (self._before.containers.get(block_id, {}), self._after.containers.get(block_id, {}))
        settings = (
            (_own(old.fields), _own(new.fields)),
            (old.settings, new.settings),
            (old.data, new.data),
            containers,
        )
        if not all(same(dict(left), dict(right)) for left, right in settings):
            return "has other settings there"
        inside, inside_there = graph.bodies.get(block_id), self._body(block_id)
        if inside is not None and (inside_there is None or _wiring(inside) != _wiring(inside_there)):
            return "contains other blocks or connections there"
        return None


def _own(fields: Mapping[str, Json]) -> JsonObject:
    return {name: value for name, value in fields.items() if name not in _UNUSED_FIELDS}


def _wiring(body: Body) -> _Wiring:
    incoming: dict[str, list[tuple[str, str, str]]] = {node.block_id: [] for node in body.nodes}
    for node in body.nodes:
        for edge in node.edges:
            incoming[body.nodes[edge.target].block_id].append((node.block_id, edge.fires.value, edge.choice))
    return {block_id: sorted(edges) for block_id, edges in incoming.items()}


def _is_reached_alike(block_id: str, before: _Wiring, after: _Wiring) -> bool:
    """Return whether all paths to a block are the same, so that it cannot become ready a second time."""
    seen, waiting = {block_id}, [block_id]
    while waiting:
        current = waiting.pop()
        if before[current] != after.get(current):
            return False
        sources = {source for source, _, _ in before[current]} - seen
        seen |= sources
        waiting += sources
    return True
