"""Lines of a JSON workflow file, for problems of its workflow."""

import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.surrogates import lone_escape
from shared.workflow.files.retries import retry_problems
from shared.workflow.files.yaml_reader import Document, Path, YamlError, read_yaml
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.suggestions import did_you_mean, nearest

_ENVELOPES: Final[tuple[Path, ...]] = ((), ("state",), ("data",), ("data", "state"))
"""Where a file may have its blocks."""


_IN_BLOCK: Final = re.compile(r"Block (?P<id>\S+) ")
_IN_EDGE: Final = re.compile(r"Edge at index (?P<index>\d+) ")
_REPEATED: Final = re.compile(r"Duplicate key: (?P<key>.+)", re.DOTALL)
_SYNONYMS: Final = {
    "parentId": "data.parentId",
    "enable": "enabled",
    "disabled": "enabled",
    "settings": "subBlocks",
    "subBlock": "subBlocks",
}
"""Keys that a block does not have, and the keys that have their effect."""
_BLOCK_KEYS: Final = ("id", "type", "name", "position", "subBlocks", "outputs", "enabled", "data", "retry")


_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Escapes that YAML refuses, even in pairs."""


class JsonLines:
    """Positions of the blocks and settings of a JSON file: nearly all JSON is YAML."""

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            document = read_yaml(_SURROGATE.sub(r"\\ufffd", text))
        except YamlError:
            document = Document(None)
        self._marks, self._duplicates, self._value = document.marks, document.duplicates, document.value

    def line_of(self, problem: Problem) -> int | None:
        """Return the line of the block and setting that a problem names; None if unknown."""
        if problem.code == ProblemCode.INVALID_FILE:
            return problem.line
        if problem.fields[:1] == ("edges",) and (line := self._line_of_edge(problem.fields[-1])):
            return line
        if problem.block_id is None:
            return self._line_of_variable(problem.fields[-1]) if problem.fields[:1] == ("variables",) else None
        around = ((*envelope, "blocks", problem.block_id) for envelope in _ENVELOPES)
        block = next((path for path in around if path in self._marks), None)
        if block is None:
            return None
        for field in problem.fields:
            for inner in (("subBlocks", field), ("data", field), (field,)):
                if mark := self._marks.get((*block, *inner)):
                    return mark.line
        return self._marks[block].line

    def _line_of_edge(self, edge_id: str) -> int | None:
        for envelope in _ENVELOPES:
            edges = object_of(self._at(envelope)).get("edges")
            for number, edge in enumerate(edges if isinstance(edges, list) else ()):
                if object_of(edge).get("id") == edge_id:
                    return self._marks[(*envelope, "edges", number)].line
        return None

    def _line_of_variable(self, name: str) -> int | None:
        for envelope in _ENVELOPES:
            for key, variable in object_of(self._at((*envelope, "variables"))).items():
                if object_of(variable).get("name") == name and (mark := self._marks.get((*envelope, "variables", key))):
                    return mark.line
        return None

    def located(self, problem: str) -> str:
        """Return a structural problem after its line, if that is known."""
        paths: list[Path] = []
        if match := _IN_BLOCK.match(problem):
            paths = [(*envelope, "blocks", match["id"]) for envelope in _ENVELOPES]
            if name := next((name for path in paths if (name := object_of(self._at(path)).get("name"))), None):
                problem = problem.replace(match["id"], f'"{to_string(name)}"', 1)
        elif match := _IN_EDGE.match(problem):
            paths = [(*envelope, "edges", int(match["index"])) for envelope in _ENVELOPES]
        lines = [mark.line for path in paths if (mark := self._marks.get(path))]
        if " has another id inside" in problem:
            problem += ". Give its key in blocks and its id the same text"
        if match := _REPEATED.match(problem):
            lines = [mark.line for path, mark in self._duplicates if path[-1] == match["key"]]
        return f"line {lines[0]}: {problem}" if lines else problem

    def _at(self, path: Path) -> Json:
        value = self._value
        for key in path:
            value = object_of(value).get(to_string(key))
        return value

    def warnings(self) -> Iterator[Problem]:
        """Yield a warning for each key of a block that a reader ignores, or whose value it does not understand.

        And for the first character of which only a half is escaped: it is replaced.
        """
        if (at := lone_escape(self._text.encode(errors="surrogatepass"))) is not None:
            line = self._text.encode(errors="surrogatepass").count(b"\n", 0, at) + 1
            text = "An escape, such as \\ud800, is half of a character. Write the character itself."
            yield Problem(severity=Severity.WARNING, code=ProblemCode.INVALID_FILE, message=text, line=line)
        for envelope in _ENVELOPES:
            for block_id, block in object_of(self._at((*envelope, "blocks"))).items():
                yield from self._block_warnings((*envelope, "blocks", block_id), object_of(block))

    def _block_warnings(self, path: Path, block: JsonObject) -> Iterator[Problem]:
        name = to_string(block.get("name") or block.get("type") or path[-1])
        for key in block:
            meant = None if key in _BLOCK_KEYS else nearest(key, _BLOCK_KEYS)
            if key in _SYNONYMS and block[key] and not (key == "parentId" and object_of(block.get("data")).get(key)):
                meant = _SYNONYMS[key]
                yield self._warning(
                    path, name, key, f'the block has no key "{key}"; it is ignored.{did_you_mean(meant)}'
                )
            elif meant and key.lower() == meant.lower() and meant not in block:
                yield self._warning(path, name, key, f'the block has no key "{key}".{did_you_mean(meant)}')
        retry = block.get("retry")
        if not isinstance(retry, dict | None):
            yield self._warning(path, name, "retry", "retry must be an object with enabled and maxTries.")
        for _, text in retry_problems(object_of(retry)):
            yield self._warning(path, name, "retry", text if text.endswith((".", "?")) else f"{text}.")
        tools = object_of(object_of(block.get("subBlocks")).get("tools")).get("value")
        if tools and not parse_list(tools):
            yield self._warning(path, name, "tools", "tools must be a list of {type, params}; it is ignored.")
        if not to_string(block.get("name") or "").strip() and block.get("type") not in (None, "note"):
            yield self._warning(path, name, "name", f'the block has no name, so references call it "{name}".')
        if block.get("enabled") not in (None, True, False):
            yield self._warning(path, name, "enabled", "enabled must be true or false; the block is enabled.")

    def _warning(self, path: Path, name: str, key: str, text: str) -> Problem:
        mark = self._marks.get((*path, key)) or self._marks.get(path)
        return Problem(
            severity=Severity.WARNING,
            code=ProblemCode.INVALID_SETTING,
            message=f"{name}: {text}",
            block_id=to_string(path[-1]),
            block_name=name,
            fields=(key,),
            line=mark.line if mark else None,
        )
