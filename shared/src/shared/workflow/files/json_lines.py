"""Lines of a JSON workflow file, for problems of its workflow: nearly all JSON is YAML."""

import re
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.files.yaml_text import Document, Mark, Path, YamlError, read_yaml
from shared.workflow.format.js_values import Json, JsonObject, object_of

_ENVELOPES: Final[tuple[Path, ...]] = ((), ("state",), ("data",), ("data", "state"))
"""Where a file may have its blocks."""
_PLACE: Final = re.compile(r"Block (?P<id>\S+) |Edge at index (?P<index>\d+) |Duplicate key: ")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Escapes that YAML refuses, even in pairs."""


class JsonLines:
    """Positions of the blocks and settings of a JSON file."""

    def __init__(self, text: str) -> None:
        self._repeated: Mark | None = None
        try:
            document = read_yaml(_SURROGATE.sub(r"\\ufffd", text.removeprefix("\ufeff")))
        except YamlError as error:
            document, self._repeated = Document(None), error.mark
        self._marks = document.marks
        self._around: Path = next((each for each in _ENVELOPES if (*each, "blocks") in self._marks), ())
        value = document.value
        for key in self._around:
            value = object_of(value).get(str(key))
        self._state: JsonObject = object_of(value)

    def line_of(self, problem: Problem) -> int | None:
        """Return the line of the block and setting that a problem names; None if unknown."""
        if problem.code == ProblemCode.INVALID_FILE:
            return problem.line
        kind, name = (problem.fields[0], problem.fields[-1]) if problem.fields else (None, None)
        if kind == "edges":
            edges = self._state.get("edges")
            named: list[Json] = edges if isinstance(edges, list) else []
            numbers = (number for number, each in enumerate(named) if object_of(each).get("id") == name)
            return self._line(*(("edges", number) for number in numbers))
        if problem.block_id is None:
            variables = object_of(self._state.get("variables")).items() if kind == "variables" else ()
            return self._line(*(("variables", key) for key, each in variables if object_of(each).get("name") == name))
        block = ("blocks", problem.block_id)
        inner = (path for field in problem.fields for path in (("subBlocks", field), ("data", field), (field,)))
        return self._line(*((*block, *path) for path in inner), block)

    def located(self, problem: str) -> str:
        """Return a structural problem after its line, if that is known."""
        match = _PLACE.match(problem)
        if match is None:
            return problem
        line = self._repeated.line if self._repeated else None
        if match["id"] is not None:
            line = self._line(("blocks", match["id"]))
        elif match["index"] is not None:
            line = self._line(("edges", int(match["index"])))
        return f"line {line}: {problem}" if line else problem

    def _line(self, *paths: Path) -> int | None:
        """Return the line of the first of these parts of the state that the file has."""
        return next((mark.line for path in paths if (mark := self._marks.get((*self._around, *path)))), None)
