"""Edges of a workflow in a file: keys of blocks or the order of blocks express them, or a list names all."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.workflow.files.names import BRANCHING, edge_id
from shared.workflow.files.outline import Outline
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.models import Block, Edge


@dataclass(slots=True)
class Ways:
    """The edges of one block that its own keys can express."""

    next: list[str] = field(default_factory=list)
    on_error: list[str] = field(default_factory=list)
    branches: dict[str, list[str]] = field(default_factory=dict)
    """Targets by handle."""
    start: list[str] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """Every block that follows; the first blocks inside are not among them."""
        return [*self.next, *self.on_error, *(each for found in self.branches.values() for each in found)]


class EdgeWriter:
    """Writes the edges of a state."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._state = outline.state
        self._keys = outline.keys

    def ways(self) -> dict[str, Ways] | None:
        """Return the edges by the block that they leave; None if keys of blocks cannot express all."""
        ways = {key: Ways() for key in self._state.blocks}
        return ways if all(self._is_expressed(ways, edge) for edge in self._state.edges) else None

    def listed(self) -> list[Json]:
        """Return the list of all edges."""
        return [self._listed(edge) for edge in self._state.edges]

    def ids(self) -> JsonObject:
        """Return the ends of each edge whose id does not follow from them, by id, in the order of the blocks."""
        order = {key: number for number, key in enumerate(self._state.blocks)}
        edges = sorted(
            self._state.edges,
            key=lambda edge: (order.get(edge.source, -1), order.get(edge.target, -1), edge.source_handle or ""),
        )
        between = Counter((edge.source, edge.target) for edge in edges)
        seen: set[str] = set()
        found: JsonObject = {}
        for edge in edges:
            derived = edge_id(edge.source, edge.source_handle, edge.target, edge.target_handle or "target")
            if edge.id and (edge.id != derived or derived in seen):
                handle = edge.source_handle if between[edge.source, edge.target] > 1 else None
                ends = (self._keys.get(edge.source, edge.source), handle, self._keys.get(edge.target, edge.target))
                found[edge.id] = [end for end in ends if end is not None]
            seen.add(derived)
        return found

    def implied(self, ways: Mapping[str, Ways]) -> set[str]:
        """Return the blocks whose one successor follows from the order."""
        sources: dict[str, set[str]] = {}
        for key, way in ways.items():
            for target in way.targets:
                sources.setdefault(target, set()).add(key)
        started = {key for way in ways.values() for key in way.start}
        return {
            above
            for above, below in self._outline.pairs()
            if self._outline.may_follow(above, below)
            and ways[above].next == [self._keys[below]]
            and sources.get(self._keys[below]) == {above}
            and self._keys[below] not in (*ways[above].on_error, *started)
        }

    def unnamed(self, ways: Mapping[str, Ways]) -> set[str]:
        """Return the blocks that no other one names as its successor."""
        named = {target for way in ways.values() for target in (*way.targets, *way.start)}
        return {key for key in self._state.blocks if self._keys[key] not in named}

    def starts_are_implied(self, container: str, ways: Mapping[str, Ways]) -> bool:
        """Return whether a container starts with the blocks inside that no other one names."""
        members = [each for each in self._outline.children[container] if self._state.blocks[each].type != "note"]
        entered = {target for each in members for target in ways[each].targets}
        first = sorted(self._keys[each] for each in members if self._keys[each] not in entered)
        return sorted(ways[container].start) == first

    def _is_expressed(self, ways: Mapping[str, Ways], edge: Edge) -> bool:
        """Add an edge to the keys of its source, if they can express it."""
        source, target = self._state.blocks.get(edge.source), self._state.blocks.get(edge.target)
        if source is None or target is None or edge.target_handle not in (None, "target"):
            return False
        way, handle, to = ways[source.id], edge.source_handle, self._keys[target.id]
        if "note" in (source.type, target.type):
            return False
        if self._state.is_container(source.id):
            if handle == f"{source.type}-start-source" and target.id in self._outline.children.get(source.id, ()):
                way.start.append(to)
            elif handle == f"{source.type}-end-source":
                way.next.append(to)
            else:
                return False
        elif handle == "error":
            way.on_error.append(to)
        elif source.type in BRANCHING:
            short = self._outline.short_branches[source.id]
            if handle is None or short is None or handle not in branch_handles(source):
                return False
            way.branches.setdefault(handle, []).append(to)
        elif handle == (f"router-{target.id}" if source.type == "router" else "source"):
            way.next.append(to)
        else:
            return False
        return True

    def _listed(self, edge: Edge) -> Json:
        listed: JsonObject = {"from": self._keys.get(edge.source, edge.source)}
        if edge.source_handle is not None:
            listed["handle"] = edge.source_handle
        listed["to"] = self._keys.get(edge.target, edge.target)
        if edge.target_handle not in (None, "target"):
            listed["into"] = edge.target_handle
        return listed


def branch_handles(block: Block) -> list[str]:
    """Return the handles of a block's branches."""
    prefix = "condition" if block.type == "condition" else "router"
    entries = parse_list(block.value(BRANCHING[block.type]))
    return [f"{prefix}-{to_string(object_of(entry).get('id'))}" for entry in entries]
