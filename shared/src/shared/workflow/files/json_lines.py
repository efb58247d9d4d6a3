"""Lines of a JSON workflow file, for problems of its workflow."""

from typing import Final

from shared.contracts.problems import Problem
from shared.workflow.files.yaml_reader import Path, YamlError, read_yaml

_ENVELOPES: Final[tuple[Path, ...]] = ((), ("state",), ("data",), ("data", "state"))
"""Where a file may have its blocks."""


class JsonLines:
    """Positions of the blocks and settings of a JSON file: nearly all JSON is YAML."""

    def __init__(self, text: str) -> None:
        try:
            self._marks = read_yaml(text).marks
        except YamlError:
            self._marks = {}

    def line_of(self, problem: Problem) -> int | None:
        """Return the line of the block and setting that a problem names; None if unknown."""
        if problem.block_id is None:
            return None
        around = ((*envelope, "blocks", problem.block_id) for envelope in _ENVELOPES)
        block = next((path for path in around if path in self._marks), None)
        if block is None:
            return None
        for field in problem.fields:
            for inner in (("subBlocks", field), ("data", field), (field,)):
                if mark := self._marks.get((*block, *inner)):
                    return mark.line
        return self._marks[block].line
