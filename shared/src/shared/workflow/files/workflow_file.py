"""A workflow file, read: its workflow, its problems, and where each of its parts is."""

from dataclasses import dataclass, field
from typing import Final

from shared.contracts.problems import Problem
from shared.workflow.files.yaml_reader import Document, Path
from shared.workflow.format.js_values import JsonObject

EMPTY_STATE: Final[JsonObject] = {"blocks": {}, "edges": [], "loops": {}, "parallels": {}, "variables": {}}
_FILE_KEYS: Final = {
    "inputFormat": "inputs",
    "conditions": "branches",
    "routes": "branches",
    "edges": "next",
    "whileCondition": "while",
    "doWhileCondition": "do_while",
    "Model": "model",
    "API Key": "apiKey",
}
"""Keys of files for fields of problems."""


@dataclass(slots=True)
class WorkflowFile:
    """A workflow file, read."""

    name: str | None
    description: str | None
    state: JsonObject
    problems: list[Problem] = field(default_factory=list)
    """What the file itself has wrong; `line` is the file's."""
    warnings: list[Problem] = field(default_factory=list)
    """What it says that has no effect; `line` is the file's."""
    document: Document = field(default_factory=lambda: Document(None))
    paths: dict[str, Path] = field(default_factory=dict)
    """Where each block is, by id."""

    def line_of(self, problem: Problem) -> int | None:
        """Return the line of the block and setting that a problem of the workflow names."""
        path = self.paths.get(problem.block_id or "")
        if path is None:
            return None
        fields = (_FILE_KEYS.get(name, name) for name in problem.fields)
        for key in (*fields, *problem.fields):
            for inner in ((key,), ("settings", key), ("blockData", key)):
                if mark := self.document.marks.get((*path, *inner)):
                    return mark.line
        mark = self.document.mark(path)
        return mark.line if mark else None
