"""Execution graph of one run: bodies of nodes, joined by conditional edges.

A container (loop or parallel) is one node of the body around it and has a body inside. Nodes are numbered within their
body, so that a pass through a body needs only a few lists.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from shared.workflow.format.models import WorkflowState

SUCCESS_HANDLES: Final = frozenset({"source", "source-top", "source-right", "source-bottom", "source-left"})
OPTION_PREFIX: Final = "condition-"
ROUTE_PREFIX: Final = "router-"


class EdgeCondition(Enum):
    """Condition for following an edge, once its source block has completed."""

    ALWAYS = "always"
    ON_SUCCESS = "success"
    ON_ERROR = "error"
    ON_OPTION = "option"
    ON_ROUTE = "route"


_CHOICES: Final = {"condition": EdgeCondition.ON_OPTION, "router_v2": EdgeCondition.ON_ROUTE}


@dataclass(frozen=True, slots=True)
class Edge:
    """An outgoing edge. `choice` is the required option or route."""

    target: int
    fires: EdgeCondition
    choice: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A block in its body. `first_source` is the source of its first incoming edge."""

    index: int
    block_id: str
    edges: tuple[Edge, ...]
    first_source: str | None

    @property
    def is_terminal(self) -> bool:
        """Return whether it has no successors."""
        return not self.edges


@dataclass(frozen=True, slots=True)
class Body:
    """Nodes that run together: the workflow (`container_id` is None) or the inside of a container."""

    container_id: str | None
    nodes: tuple[Node, ...]
    in_degrees: tuple[int, ...]
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Everything that can run from one start: the root body and those of its containers."""

    root: Body
    bodies: Mapping[str, Body]

    def body(self, container_id: str | None) -> Body:
        """Return the body of a container, or the root for None."""
        return self.root if container_id is None else self.bodies[container_id]


def build_graph(state: WorkflowState, options: Mapping[str, Sequence[str]], *, start: str | None) -> Graph:
    """Return the graph of all blocks reachable from `start`; of every enabled block if None.

    `options` gives the ids of a condition's entries or a router's routes, in order: edges without a handle refer to
    them by position.
    """
    usable = [block_id for block_id in state.blocks if _is_usable(state, block_id)]
    links = _links(state, set(usable))
    reached = usable if start is None else _reachable(start, links, usable)
    members: dict[str | None, list[str]] = {None: []}
    for block_id in reached:
        members.setdefault(state.container_of(block_id), []).append(block_id)
        if state.is_container(block_id):
            members.setdefault(block_id, [])
    wires = _wires(state, links, options)
    if start is not None:  # a block reached only across a container's border never begins, so no block waits for it
        begun = set(_reachable(start, wires.get(None, ()), reached))
        wires[None] = [wire for wire in wires.get(None, ()) if wire.source in begun]
    bodies = {owner: _body(owner, ids, wires.get(owner, ())) for owner, ids in members.items()}
    root = bodies.pop(None)
    if start is not None:
        root = replace(root, entries=tuple(node.index for node in root.nodes if node.block_id == start))
    return Graph(root, {owner: body for owner, body in bodies.items() if owner is not None})


@dataclass(frozen=True, slots=True)
class _Link:
    source: str
    target: str
    handle: str | None
    position: int


@dataclass(frozen=True, slots=True)
class _Wire:
    source: str
    target: str
    fires: EdgeCondition
    choice: str


def _is_usable(state: WorkflowState, block_id: str) -> bool:
    around = (state.blocks[owner] for owner in state.containers_of(block_id))
    block = state.blocks[block_id]
    return block.enabled and block.type != "note" and all(owner.enabled for owner in around)


def _links(state: WorkflowState, usable: set[str]) -> list[_Link]:
    found: dict[tuple[str, str, str | None], _Link] = {}
    positions: dict[str, int] = {}
    for edge in state.edges:
        key = (edge.source, edge.target, edge.source_handle)
        if key in found:
            continue
        position = positions.get(edge.source, 0)
        positions[edge.source] = position + 1
        if edge.source in usable and edge.target in usable and edge.source != edge.target:
            found[key] = _Link(*key, position)
    return list(found.values())


def _reachable(start: str, links: Iterable[_Link | _Wire], usable: Iterable[str]) -> list[str]:
    targets: dict[str, list[str]] = {}
    for link in links:
        targets.setdefault(link.source, []).append(link.target)
    seen, queue = {start}, deque([start])
    while queue:
        for target in targets.get(queue.popleft(), ()):
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return [block_id for block_id in usable if block_id in seen]


def _wires(
    state: WorkflowState, links: Iterable[_Link], options: Mapping[str, Sequence[str]]
) -> dict[str | None, list[_Wire]]:
    """Return the edges of each body. One that crosses a container's border belongs to none."""
    wires: dict[str | None, list[_Wire]] = {}
    for link in links:
        owner = state.container_of(link.source)
        if state.container_of(link.target) == owner:
            fires, choice = _condition_of(state, link, options.get(link.source, ()))
            wires.setdefault(owner, []).append(_Wire(link.source, link.target, fires, choice))
    return wires


def _condition_of(state: WorkflowState, link: _Link, options: Sequence[str]) -> tuple[EdgeCondition, str]:
    source_type = state.blocks[link.source].type
    if state.is_container(link.source):
        return EdgeCondition.ALWAYS, ""
    if link.handle == "error":
        return EdgeCondition.ON_ERROR, ""
    if source_type == "router":
        return EdgeCondition.ON_ROUTE, link.target
    if link.handle is None and link.position < len(options):
        return _CHOICES[source_type], options[link.position]
    return _condition_of_handle(link.handle or "")


def _condition_of_handle(handle: str) -> tuple[EdgeCondition, str]:
    for prefix, fires in ((OPTION_PREFIX, EdgeCondition.ON_OPTION), (ROUTE_PREFIX, EdgeCondition.ON_ROUTE)):
        if handle.startswith(prefix):
            return fires, handle.removeprefix(prefix)
    return (EdgeCondition.ON_SUCCESS if handle in SUCCESS_HANDLES else EdgeCondition.ALWAYS), ""


def _body(owner: str | None, members: Sequence[str], wires: Iterable[_Wire]) -> Body:
    indices = {block_id: index for index, block_id in enumerate(members)}
    out: list[list[Edge]] = [[] for _ in members]
    in_degrees = [0] * len(members)
    first_sources: dict[str, str] = {}
    for wire in wires:
        if wire.source in indices and wire.target in indices:
            target = indices[wire.target]
            out[indices[wire.source]].append(Edge(target, wire.fires, wire.choice))
            in_degrees[target] += 1
            first_sources.setdefault(wire.target, wire.source)
    nodes = tuple(
        Node(index, block_id, tuple(out[index]), first_sources.get(block_id)) for block_id, index in indices.items()
    )
    entries = tuple(index for index, degree in enumerate(in_degrees) if degree == 0)
    return Body(owner, nodes, tuple(in_degrees), entries)
