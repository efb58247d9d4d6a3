"""A workflow file, read: its workflow, its problems, and where each of its parts is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.workflow.files.yaml_text import Document, Mark, Path
from shared.workflow.format.js_values import JsonObject

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


def _empty_state() -> JsonObject:
    return {"blocks": {}, "edges": [], "loops": {}, "parallels": {}, "variables": {}}


@dataclass(slots=True)
class WorkflowFile:
    """A workflow file, read."""

    name: str | None = None
    description: str | None = None
    state: JsonObject = field(default_factory=_empty_state)
    problems: list[Problem] = field(default_factory=list)
    """Mistakes of the file itself; `line` is the file's."""
    document: Document = field(default_factory=lambda: Document(None))
    paths: dict[str, Path] = field(default_factory=dict)
    """Where each block is, by id."""
    edge_paths: dict[str, Path] = field(default_factory=dict)
    """Where each edge is, by id, except for edges implied by the order of blocks."""
    code_files: dict[Path, str] = field(default_factory=dict)
    """Files that hold code, by the place of the code."""

    def report(self, message: str, path: Path, *, suggestion: str | None = None) -> None:
        """Add an error at `path`."""
        self.report_at(message, self.document.mark(path), suggestion, path)

    def report_at(self, message: str, mark: Mark | None, suggestion: str | None = None, path: Path = ()) -> None:
        """Add an error at a position."""
        name, rest = None, path
        while len(rest) > 1 and rest[0] == "blocks":
            name, rest = str(rest[1]), rest[2:]
        self.problems.append(
            Problem(
                severity=Severity.ERROR,
                code=ProblemCode.INVALID_FILE,
                message=message if message.endswith((".", "?")) else f"{message}.",
                line=mark.line if mark else 1,
                column=mark.column if mark else None,
                block_name=name,
                fields=tuple(map(str, rest[:1])),
                suggestion=suggestion,
            )
        )

    def path_of(self, problem: Problem) -> Path | None:
        """Return the place of the block and setting that a problem of the workflow names; None if unknown."""
        if problem.fields[:1] == ("edges",):
            return self.edge_paths.get(problem.fields[-1], ("edges",))
        path = () if problem.block_id is None else self.paths.get(problem.block_id)
        if path is None or not (path or problem.fields):
            return None if path is None else ("blocks",)
        first, *rest = problem.fields or ("",)
        for key in (*_FILE_KEYS.get(first, ()), first):
            for at in ((*path, key), (*path, "settings", key), (*path, "blockData", key)):
                if at in self.document.marks:
                    return (*at, *(int(each) if each.isdecimal() else each for each in rest))
        return path

    def line_of(self, problem: Problem) -> int | None:
        """Return the line of the block and setting that a problem of the workflow names."""
        path = self.path_of(problem)
        mark = self.document.mark(path) if path else None
        return mark.line if mark else None
