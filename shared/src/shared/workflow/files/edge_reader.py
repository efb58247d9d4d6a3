"""Edges of a workflow file: written at blocks, listed, or implied by the order of blocks."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from shared.errors import InvalidWorkflow
from shared.workflow.files.file_blocks import FileBlock, FileBlocks
from shared.workflow.files.file_problems import FileProblems
from shared.workflow.files.names import BRANCHING, CONTAINER_KEYS, TERMINAL, edge_id
from shared.workflow.files.yaml_reader import Path
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.reader import read_state

_EDGE_KEYS: Final = ("from", "handle", "to", "into")
_PREFIXES: Final = {"condition": "condition", "router_v2": "router"}
"""Beginnings of the handles of branches."""


class FileEdge(NamedTuple):
    """Connection between two blocks, by their ids."""

    source: str
    handle: str | None
    target: str
    into: str | None = "target"


class EdgeReader:
    """Reads the edges of a file and reports their problems."""

    def __init__(self, blocks: FileBlocks, problems: FileProblems) -> None:
        self._blocks = blocks
        self._problems = problems
        self._edges: list[FileEdge] = []
        self.paths: dict[FileEdge, Path] = {}
        """Where the edges are, except for those that the order of blocks implies."""
        self._named: set[str] = set()
        """Blocks that another one names as its successor."""
        self.causes: dict[str, str] = {}
        """Why a block does not follow the one above it, with the fix, by its id."""

    def read(self, listed: Json) -> list[FileEdge]:
        """Return all edges. `listed` is the file's own list, which implies no edge by order."""
        is_listed = listed is not None
        for block in self._blocks:
            self._add_written(block)
        if isinstance(listed, list):
            self._add_listed(listed)
        elif is_listed:
            self._problems.report("edges must be a list", ("edges",))
        if not is_listed:
            implied = [edge for keys in self._blocks.levels() for edge in self._implied(keys)]
            self._edges.extend(implied)
        for block in self._blocks:
            self._add_starts(block, implied_too=not is_listed)
        order = {block.id: number for number, block in enumerate(self._blocks)}
        if not is_listed:
            self._edges.sort(key=lambda edge: order.get(edge.source, 0))
        return self._edges

    def ids(self, given: Json) -> dict[int, str]:
        """Return the ids that the file gives to edges, by the number of the edge.

        `given` maps ids to `[from, to]`, or `[from, handle, to]` where two blocks have several edges. An id whose edge
        is no longer in the file is ignored, so that authors can change connections of an exported file.
        """
        by_ends: dict[tuple[str | None, ...], list[int]] = {}
        for number, edge in reversed([*enumerate(self._edges)]):
            by_ends.setdefault((edge.source, edge.target), []).append(number)
            by_ends.setdefault((edge.source, edge.handle, edge.target), []).append(number)
        named: list[tuple[str, list[Json]]] = []
        for key, ends in self._problems.mapping(given, ("edgeIds",), "edgeIds").items():
            if isinstance(ends, list) and len(ends) in (2, 3):
                named.append((key, ends))
            else:
                self._problems.report("an edge id needs [from, to] or [from, handle, to]", ("edgeIds", key))
        found: dict[int, str] = {}
        for key, (source, *handle, target) in sorted(named, key=lambda entry: -len(entry[1])):
            numbers = by_ends.get((self._end(source), *map(to_string, handle), self._end(target)), [])
            while numbers and numbers[-1] in found:
                numbers.pop()
            if numbers:
                found[numbers.pop()] = key
        return found

    def _add_written(self, block: FileBlock) -> None:
        given, path = block.given, block.path
        if block.type in BRANCHING and given.get("next") not in (None, []):
            self._problems.report(f'"{block.key}" is a {block.type}: write next in its branches', (*path, "next"))
            return
        for target in self._targets(given.get("next"), (*path, "next")):
            handle = f"router-{target}" if block.type == "router" else block.next_handle
            self._add(FileEdge(block.id, handle, target), (*path, "next"))
        for number, branch in enumerate(block.branches):
            prefix = _PREFIXES[block.type]
            at = (*path, "branches", number)
            for target in self._targets(branch.targets, at):
                self._add(FileEdge(block.id, f"{prefix}-{to_string(branch.entry['id'])}", target), at)
        for target in self._targets(given.get("on_error"), (*path, "on_error")):
            self._add(FileEdge(block.id, "error", target), (*path, "on_error"))

    def _add(self, edge: FileEdge, path: Path) -> None:
        self._edges.append(edge)
        self.paths[edge] = path

    def _add_listed(self, listed: list[Json]) -> None:
        for number, each in enumerate(listed):
            path = ("edges", number)
            given = object_of(each)
            self._problems.check_keys(given, _EDGE_KEYS, path, "an edge")
            source, target = self._end(given.get("from")), self._end(given.get("to"))
            if source is None or target is None:
                if given.keys() <= set(_EDGE_KEYS):  # others are reported
                    self._problems.report("an edge needs from and to: {from: NAME, to: NAME}", path)
                continue
            handle, into = given.get("handle"), given.get("into", "target")
            edge = FileEdge(
                source,
                to_string(handle) if handle is not None else None,
                target,
                to_string(into) if into is not None else None,
            )
            self._add(edge, path)

    def _add_starts(self, block: FileBlock, *, implied_too: bool) -> None:
        """Add the edges from a container to its first blocks."""
        if block.type not in CONTAINER_KEYS:
            return
        if "start" in block.given:
            entries = self._targets(block.given["start"], (*block.path, "start"))
            children = {self._blocks.by_key[key].id for key in block.children}
            if not children.issuperset(entries):
                names = ", ".join(block.children) or "none"
                message = f'start names a block outside of "{block.key}". Use one of: {names}'
                self._problems.report(message, (*block.path, "start"))
        elif implied_too:
            inside = [self._blocks.by_key[key] for key in block.children]
            ids = [each.id for each in inside if each.type != "note"]
            entered = {edge.target for edge in self._edges if edge.source in ids}
            entries = [each for each in ids if each not in entered]
        else:
            return
        self._edges.extend(FileEdge(block.id, f"{block.type}-start-source", target) for target in entries)

    def _implied(self, keys: list[str]) -> Iterator[FileEdge]:
        """Yield the edges that follow from the order: a block that none names follows the one above it."""
        blocks = [self._blocks.by_key[key] for key in keys if self._blocks.by_key[key].type != "note"]
        handlers = {(edge.source, edge.target) for edge in self._edges if edge.handle == "error"}
        interrupted: FileBlock | None = None
        for above, block in pairwise(blocks):
            is_followed = "next" not in above.given and above.type not in TERMINAL
            if block.id in self._named or block.is_trigger:
                interrupted = above if is_followed and (above.id, block.id) in handlers else interrupted
            elif is_followed:
                yield FileEdge(above.id, above.next_handle, block.id)
            else:
                before = blocks[: blocks.index(block)]
                self.causes[block.id] = _why_not_followed(above, block, interrupted, _without_else(before))

    def _targets(self, given: Json, path: Path) -> list[str]:
        found = [block.id for block in self._blocks.targets(given, path)]
        self._named.update(found)
        return found

    def _end(self, name: Json) -> str | None:
        if name in (None, ""):
            return None
        block = self._blocks.find(name)
        return block.id if block else to_string(name)


def _without_else(blocks: list[FileBlock]) -> FileBlock | None:
    """Return the last condition without an `else`."""
    conditions = (each for each in reversed(blocks) if each.type == "condition" and each.branches)
    return next((each for each in conditions if all(one.entry["title"] != "else" for one in each.branches)), None)


def _why_not_followed(
    above: FileBlock, block: FileBlock, interrupted: FileBlock | None, condition: FileBlock | None
) -> str:
    """Return why a block does not follow the one above it, and what to write.

    `interrupted` is the nearest block above whose error path stands between it and its successor, `condition` the
    nearest condition above that has no `else`.
    """
    given = above.given.get("next")
    step = f"next: {block.key}"
    fix = f"Write {step}, or on_error: {block.key}, at the block before it"
    if above.type == "response":
        cause = f'nothing runs after the response "{above.key}" above it'
        other = f'- else: {block.key} in the branches of "{condition.key}", or ' if condition else ""
        fix = f"Write {other}{step} at the block before a response"
    elif "next" not in above.given:
        cause = f'no branch of "{above.key}" above it leads to it'
        fix = f"Write {step} in a branch, or at another block"
    else:
        names = ", ".join(map(to_string, given if isinstance(given, list) else [given]))
        cause = f'"{above.key}" above it has next: {names if given and not isinstance(given, list) else f"[{names}]"}'
    if interrupted is not None:
        fix = f'Write {step} at "{interrupted.key}"'
    return f"{cause}. {fix}."


def stored_edges(edges: list[FileEdge], ids: Mapping[int, str], base: JsonObject) -> list[JsonObject]:
    """Return the edges as a draft stores them, with the ids of the file, else of the same edge in `base`."""
    known = _ids_in(base)
    stored: list[JsonObject] = []
    used = set(ids.values())
    for number, edge in enumerate(edges):
        in_draft = known.get(edge, [])
        key = in_draft.pop(0) if in_draft else edge_id(edge.source, edge.handle, edge.target, edge.into)
        if number in ids:
            key = ids[number]
        else:
            while key in used:
                key = edge_id(key, edge.handle, edge.target)
        used.add(key)
        stored.append(
            {
                "id": key,
                "source": edge.source,
                "target": edge.target,
                "sourceHandle": edge.handle,
                "targetHandle": edge.into,
            }
        )
    return stored


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
