"""A workflow file, read: its workflow, its problems, and where each of its parts is."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.compile.wiring import CONNECT
from shared.workflow.files.yaml_reader import Document, Path
from shared.workflow.format.js_values import JsonObject

EMPTY_STATE: Final[JsonObject] = {"blocks": {}, "edges": [], "loops": {}, "parallels": {}, "variables": {}}
_FILE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "inputFormat": ("inputs",),
    "conditions": ("branches",),
    "routes": ("branches",),
    "condition": ("while", "do_while"),
    "whileCondition": ("while",),
    "doWhileCondition": ("do_while",),
    "loopType": ("while", "do_while", "collection"),
    "Model": ("model",),
    "API Key": ("apiKey",),
}
"""Keys of files for fields of problems."""


_REFERENCE: Final = re.compile(r"<[^<>\s]+>|\$?\{\{[^{}]+\}\}|\{\w+\}")
"""The first one in a message is what the author wrote."""
_EDGE_KEYS: Final = frozenset({"next", "branches", "conditions", "routes", "on_error", "start", "onError"})


@dataclass(slots=True)
class WorkflowFile:
    """A workflow file, read."""

    name: str | None
    description: str | None
    state: JsonObject
    problems: list[Problem] = field(default_factory=list)
    """Mistakes of the file itself; `line` is the file's."""
    warnings: list[Problem] = field(default_factory=list)
    """Keys and values without effect; `line` is the file's."""
    document: Document = field(default_factory=lambda: Document(None))
    unread: Set[str] = frozenset()
    """Ids of blocks that could not be read; their state says nothing about them."""
    error_paths: Set[Path] = frozenset()
    paths: dict[str, Path] = field(default_factory=dict)
    """Where each block is, by id."""
    edge_paths: dict[str, Path] = field(default_factory=dict)
    """Where each edge is, by id, except for edges implied by the order of blocks."""
    causes: Mapping[str, str] = field(default_factory=dict)
    """Why a block does not follow the one above it, with the fix, by id."""

    meant_targets: Set[str] = frozenset()
    """Ids of blocks that misplaced keys name, which have a warning."""

    def explained(self, problem: Problem) -> Problem:
        """Return a problem of the workflow with its cause in the file, if it has one."""
        cause = self.causes.get(problem.block_id or "") if problem.code == ProblemCode.UNREACHABLE_BLOCK else None
        if cause is None or not problem.message.endswith(CONNECT):
            return problem
        return msgspec.structs.replace(
            problem, message=f"{problem.message.removesuffix(f'. {CONNECT}')}, because {cause}"
        )

    def line_of(self, problem: Problem) -> int | None:
        """Return the line of the block and setting that a problem of the workflow names."""
        edge = self.edge_paths.get(problem.fields[-1]) if problem.fields[:1] == ("edges",) else None
        if edge or problem.fields == ("edges",):
            return self._line(edge or ("edges",))
        path = () if problem.block_id is None else self.paths.get(problem.block_id)
        if path is None:
            return None
        if not (path or problem.fields):
            return self._line(("blocks",))
        first, *rest = problem.fields or ("",)
        for key in (*_FILE_KEYS.get(first, ()), first):
            for inner in ((key,), ("settings", key), ("blockData", key)):
                at = (*path, *inner)
                if at not in self.document.marks:
                    continue
                if match := None if rest else _REFERENCE.search(problem.message):
                    return self._line(self.document.path_of(at, match[0]))
                return self._line((*at, *(int(each) if each.isdecimal() else each for each in rest)))
        return self._line(path)

    def follows_from_warning(self, problem: Problem) -> bool:
        """Return whether a problem of the workflow follows from a misplaced key that names its block."""
        is_of_target = problem.code in (ProblemCode.UNREACHABLE_BLOCK, ProblemCode.UNKNOWN_FIELD)
        return is_of_target and problem.block_id in self.meant_targets

    def follows_from_error(self, problem: Problem) -> bool:
        """Return whether a problem of the workflow follows from a mistake of the file, in the branches of its block."""
        if problem.block_id in self.unread:
            return True
        path = self.paths.get(problem.block_id or "", ())
        setting, *entry = problem.fields or ("",)
        if setting in ("conditions", "routes") and entry and entry[0].isdecimal():
            branch = (*path, "branches", int(entry[0]))
            return any(each[: len(branch)] == branch for each in self.error_paths)
        is_of_branches = problem.fields in (("conditions",), ("routes",)) and problem.line is None
        at = {(*path, key) for key in ("branches", "next", *problem.fields)}
        return is_of_branches and any(each[: len(path) + 1] in at for each in self.error_paths)

    @property
    def lists_edges(self) -> bool:
        """Whether the file has its own list of edges, which replaces the order of the blocks."""
        return ("edges",) in self.document.marks

    @property
    def has_broken_edges(self) -> bool:
        """Whether edges or blocks are missing because of mistakes in the file."""
        return bool(self.unread) or any(
            path[:1] == ("edges",)
            or path[-1:] == ("blocks",)
            or path[-2:-1] == ("blocks",)
            or _EDGE_KEYS.intersection(path[2:])
            for path in self.error_paths
        )

    def _line(self, path: Path) -> int | None:
        mark = self.document.mark(path)
        return mark.line if mark else None
