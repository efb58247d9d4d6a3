"""Edges of a workflow file: written at blocks, listed, or implied by the order of blocks."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.errors import InvalidWorkflow
from shared.workflow.files.names import BRANCHING, CONTAINER_KEYS, TERMINAL, edge_id
from shared.workflow.files.workflow_file import WorkflowFile
from shared.workflow.files.yaml_text import Path
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.reader import read_state
from shared.workflow.format.references import normalize_name
from shared.workflow.format.suggestions import did_you_mean, nearest

if TYPE_CHECKING:
    from shared.workflow.files.reader import FileBlock

_PREFIXES: Final = {"condition": "condition", "router_v2": "router"}
"""Beginnings of the handles of branches."""
_MOST_SEARCHES: Final = 200
_MOST_LISTED: Final = 10


class FileEdge(NamedTuple):
    """Connection between two blocks, by their ids."""

    source: str
    handle: str | None
    target: str
    into: str | None = "target"


class EdgeReader:
    """Reads the edges of a file and reports their problems."""

    def __init__(self, blocks: "Mapping[str, FileBlock]", level: "Sequence[FileBlock]", found: WorkflowFile) -> None:
        self._blocks = blocks
        self._levels = [level, *(block.children for block in blocks.values() if block.children)]
        self._found = found
        self._named: set[str] = set()
        """Blocks that another one names as its successor."""
        self._paths: dict[FileEdge, Path] = {}
        self._searches = 0
        self._by_spelling: dict[str, list[FileBlock]] = {}
        for block in blocks.values():
            self._by_spelling.setdefault(normalize_name(block.key), []).append(block)
        self.edges: list[FileEdge] = []

    def read(self, listed: Json) -> None:
        """Read all edges. `listed` is the file's own list, which implies no edge by order."""
        for block in self._blocks.values():
            for edge, path in self._written(block):
                self._add(edge, path)
        for number, each in enumerate(listed if isinstance(listed, list) else ()):
            given = object_of(each)
            source, target = self._end(given.get("from")), self._end(given.get("to"))
            ends = (given.get("handle"), given.get("into", "target"))
            handle, into = (None if end is None else to_string(end) for end in ends)
            self._add(FileEdge(source, handle, target, into), ("edges", number))
        if listed is None:
            self.edges += [edge for level in self._levels for edge in self._implied(level)]
        self.edges += [edge for block in self._blocks.values() for edge in self._starts(block, by_order=listed is None)]
        if listed is None:
            order = {block.id: number for number, block in enumerate(self._blocks.values())}
            self.edges.sort(key=lambda edge: order[edge.source])

    def stored(self, given_ids: JsonObject, base: JsonObject) -> Iterator[JsonObject]:
        """Yield the edges as a draft stores them, with the ids of the file, else of the same edge in `base`."""
        ids, known = self._ids(given_ids), _ids_in(base)
        used = set(ids.values())
        for number, edge in enumerate(self.edges):
            in_draft = known.get(edge, [])
            key = in_draft.pop(0) if in_draft else edge_id(edge.source, edge.handle, edge.target, edge.into)
            if number in ids:
                key = ids[number]
            while number not in ids and key in used:
                key = edge_id(key, edge.handle, edge.target)
            used.add(key)
            if edge in self._paths:
                self._found.edge_paths[key] = self._paths[edge]
            ends = {"source": edge.source, "target": edge.target}
            yield {"id": key, **ends, "sourceHandle": edge.handle, "targetHandle": edge.into}

    def _add(self, edge: FileEdge, path: Path) -> None:
        self.edges.append(edge)
        self._paths[edge] = path

    def _ids(self, given: JsonObject) -> dict[int, str]:
        """Return the ids that the file gives to edges, by the number of the edge.

        `given` maps ids to `[from, to]`, or `[from, handle, to]` where two blocks have several edges. An id whose edge
        is no longer in the file is ignored, so that authors can change connections of an exported file.
        """
        by_ends: dict[tuple[str, ...], list[int]] = {}
        for number, edge in reversed([*enumerate(self.edges)]):
            by_ends.setdefault((edge.source, edge.target), []).append(number)
            by_ends.setdefault((edge.source, edge.handle or "", edge.target), []).append(number)
        ends_of = {key: ends for key, ends in given.items() if isinstance(ends, list)}
        found: dict[int, str] = {}
        for key, (source, *handle, target) in sorted(ends_of.items(), key=lambda entry: -len(entry[1])):
            numbers = by_ends.get((self._end(source), *map(to_string, handle), self._end(target)), [])
            while numbers and numbers[-1] in found:
                numbers.pop()
            if numbers:
                found[numbers.pop()] = key
        return found

    def _written(self, block: "FileBlock") -> Iterator[tuple[FileEdge, Path]]:
        """Yield the edges that a block names."""
        given, path = block.given, block.path
        if block.type in BRANCHING and given.get("next") not in (None, []):
            self._found.report(f'"{block.key}" is a {block.type}: write next in its branches', (*path, "next"))
            return
        after = f"{block.type}-end-source" if block.type in CONTAINER_KEYS else "source"
        for target in self._targets(given.get("next"), (*path, "next")):
            yield FileEdge(block.id, f"router-{target}" if block.type == "router" else after, target), (*path, "next")
        for number, branch in enumerate(block.branches):
            at = (*path, "branches", number)
            for target in self._targets(branch.targets, at):
                yield FileEdge(block.id, f"{_PREFIXES[block.type]}-{to_string(branch.entry['id'])}", target), at
        for target in self._targets(given.get("on_error"), (*path, "on_error")):
            yield FileEdge(block.id, "error", target), (*path, "on_error")

    def _starts(self, block: "FileBlock", *, by_order: bool) -> Iterator[FileEdge]:
        """Yield the edges from a container to its first blocks."""
        if block.type not in CONTAINER_KEYS:
            return
        entries: list[str] = []
        if "start" in block.given:
            entries = self._targets(block.given["start"], (*block.path, "start"))
            if not {each.id for each in block.children}.issuperset(entries):
                names = ", ".join(each.key for each in block.children) or "none"
                message = f'start names a block outside of "{block.key}". Use one of: {names}'
                self._found.report(message, (*block.path, "start"))
        elif by_order:
            ids = [each.id for each in block.children if each.type != "note"]
            entered = {edge.target for edge in self.edges if edge.source in ids}
            entries = [each for each in ids if each not in entered]
        for target in entries:
            yield FileEdge(block.id, f"{block.type}-start-source", target)

    def _implied(self, level: "Sequence[FileBlock]") -> Iterator[FileEdge]:
        """Yield the edges that follow from the order: a block that none names follows the one above it."""
        for above, block in pairwise(each for each in level if each.type != "note"):
            is_named = block.id in self._named or block.is_trigger
            if not is_named and "next" not in above.given and above.type not in TERMINAL:
                after = f"{above.type}-end-source" if above.type in CONTAINER_KEYS else "source"
                yield FileEdge(above.id, after, block.id)

    def _targets(self, given: Json, path: Path) -> list[str]:
        """Return the ids of the named blocks, and report the names that match none."""
        found: list[str] = []
        for name in map(to_string, given if isinstance(given, list) else [] if given is None else [given]):
            if block := self._find(name):
                found.append(block.id)
                continue
            self._searches += 1  # each takes time
            meant = nearest(name, self._blocks) if self._searches <= _MOST_SEARCHES else None
            hint = did_you_mean(meant) or f" Use one of: {', '.join([*self._blocks][:_MOST_LISTED])}."
            key = path[-1] if isinstance(path[-1], str) else "next"
            self._found.report(f'{key} names "{name}", but no block has this name.{hint}', path, suggestion=meant)
        self._named.update(found)
        return found

    def _find(self, name: str) -> "FileBlock | None":
        """Return the block with this key, in any spelling if only one matches."""
        same = self._by_spelling.get(normalize_name(name), [])
        return self._blocks.get(name) or (same[0] if len(same) == 1 else None)

    def _end(self, name: Json) -> str:
        block = self._find(to_string(name))
        return block.id if block else to_string(name)


def _ids_in(state: JsonObject) -> dict[FileEdge, list[str]]:
    """Return the ids of a state's edges, by their ends; none of a state that cannot be read."""
    try:
        edges = read_state(state).edges if state else ()
    except InvalidWorkflow:
        return {}
    found: dict[FileEdge, list[str]] = {}
    for edge in edges:
        ends = FileEdge(edge.source, edge.source_handle, edge.target, edge.target_handle or "target")
        found.setdefault(ends, []).append(edge.id)
    return found
