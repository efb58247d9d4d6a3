"""Problems of a workflow file, collected while it is read."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.workflow.files.yaml_reader import Document, Mark, Path
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.suggestions import LEAST_RATIO, did_you_mean, nearest

MOST_SEARCHES: Final = 200
_TOP_SYNONYMS: Final = {
    **dict.fromkeys(("steps", "nodes", "tasks", "jobs", "components", "stages"), "blocks"),
    **dict.fromkeys(("connections", "links", "flow"), "edges"),
    **dict.fromkeys(("vars", "state"), "variables"),
    **dict.fromkeys(("title", "workflow", "id"), "name"),
}
"""Top-level keys of other systems."""
_TOP_HINTS: Final = {
    **dict.fromkeys(("inputs", "trigger", "on"), "Inputs belong to the start block."),
    **dict.fromkeys(
        ("schedule", "cron", "webhook", "triggers"), "Only calls start a workflow: let a scheduler call it."
    ),
    **dict.fromkeys(
        ("isPublicApi", "public", "inputValidation", "deploy", "chat", "chats", "gate", "access"),
        "It is a setting of the deployed workflow, in the console or the API.",
    ),
    **dict.fromkeys(("env", "secrets", "environment", "credentials"), "Store secrets with flowport secrets set."),
    **dict.fromkeys(("timeout", "retries", "retry"), "It is a setting of blocks."),
    **dict.fromkeys(("version", "apiVersion", "kind"), "Remove it."),
}
"""Where else the settings of these top-level keys are."""
_BRANCH_SYNONYMS: Final = {
    **dict.fromkeys(("name", "title"), ("route",)),
    **dict.fromkeys(("description", "if", "prompt"), ("when",)),
    **dict.fromkeys(("condition", "expression", "when"), ("if", "when")),
    **dict.fromkeys(("then", "goto", "to", "target", "block"), ("next", "to")),
    **dict.fromkeys(("source", "start"), ("from",)),
    **dict.fromkeys(("default", "otherwise"), ("else",)),
}
"""Keys of branches in other systems."""


class FileProblems:
    """Errors and warnings of one file."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._searches = 0
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.paths: set[Path] = set()
        """Places of the errors."""
        self.meant: dict[Path, str] = {}
        """Valid values for those of misspelled ones."""
        self.has_lost_block = any("blocks" in path[-2:] for path, _ in document.duplicates)
        """Whether the file does not read a block, because another one has its name."""
        for path, mark in document.duplicates:
            self.errors.append(file_problem(f'"{path[-1]}" is written twice. Remove or rename one', mark, path=path))
            self.paths.add(path)

    def report(self, message: str, path: Path, *, suggestion: str | None = None) -> None:
        """Add an error at `path`."""
        self.errors.append(file_problem(message, self._document.mark(path), suggestion, path))
        self.paths.add(path)
        if suggestion:
            self.meant[path] = suggestion

    def move(self, path: Path, to: Path) -> None:
        """Report problems at `to` with the position of `path`."""
        self._document.marks[to] = self._document.marks[path]

    def warn(self, block_id: str, block_name: str, path: Path, field: str, message: str) -> None:
        """Add a warning of a block, about its key `field` at `path`."""
        mark = self._document.mark(path)
        self.warnings.append(
            Problem(
                severity=Severity.WARNING,
                code=ProblemCode.INVALID_SETTING,
                message=f"{block_name}: {message}{_end(message)}",
                block_id=block_id,
                block_name=block_name,
                fields=(field,),
                line=mark.line if mark else None,
            )
        )

    def is_below(self, path: Path) -> bool:
        """Return whether a key is on a later line than its parent key."""
        mark, above = self._document.marks.get(path), self._document.marks.get(path[:-1])
        return mark is not None and above is not None and mark.line > above.line

    def nearest(self, word: str, candidates: Iterable[str], *, least: float = LEAST_RATIO) -> str | None:
        """Return the nearest candidate, for the first mistakes of a file: each search takes time."""
        self._searches += 1
        return nearest(word, candidates, least=least) if self._searches <= MOST_SEARCHES else None

    def mapping(self, given: Json, path: Path, what: str, *, required: bool = False) -> JsonObject:
        """Return the mapping; report any other value, and return an empty mapping."""
        if isinstance(given, dict):
            return given
        if required and given is None:
            self.report("The file has no blocks", ())
        elif given is not None:
            hint = " of names to values. Write NAME: instead of - name: NAME" if isinstance(given, list) else ""
            self.report(f"{what} must be a mapping{hint}", path)
        return {}

    def check_keys(self, given: JsonObject, known: Collection[str], path: Path, what: str) -> None:
        """Report each key that is not known."""
        for key in given:
            if key not in known:
                words = _BRANCH_SYNONYMS.get(key, ()) if path else (_TOP_SYNONYMS.get(key, ""),)
                meant = next((each for each in words if each in known), None) or self.nearest(key, known)
                if meant == "if" and path[-1] != 0:
                    meant = "else if"
                hint = did_you_mean(meant) or f" Use one of: {', '.join(known)}."
                value = given[key]
                if not path and key in _TOP_HINTS:
                    meant, hint = None, f" {_TOP_HINTS[key]}"
                elif key == "else" and "route" in known:
                    meant, hint = (
                        None,
                        " The model always chooses a route: write route: Other, and describe it in when.",
                    )
                elif key in ("if", "else if", "condition", "expression") and "route" in known:
                    meant, hint = (
                        None,
                        " The model chooses a branch by its description: write route: NAME and when: DESCRIPTION. "
                        "To evaluate an expression, use a condition block.",
                    )
                elif value is None and not re.fullmatch(r"[\w -]+", key):
                    meant, hint = None, " A comma ends a text within braces: quote the text."
                elif not path and isinstance(value, dict) and "type" in value:
                    hint = ' Is it a block? Indent it like the others under "blocks".'
                self.report(f'"{key}" is not a key of {what}.{hint}', (*path, key), suggestion=meant)


def _place(path: Path) -> tuple[str | None, tuple[str, ...]]:
    """Return the name of the innermost block with something at a path, and its key."""
    name = None
    while len(path) > 1 and path[0] == "blocks":
        name, path = str(path[1]), path[2:]
    return name, tuple(map(str, path[:1]))


def file_problem(message: str, mark: Mark | None, suggestion: str | None = None, path: Path = ()) -> Problem:
    """Return an error of the file itself."""
    block_name, fields = _place(path)
    return Problem(
        severity=Severity.ERROR,
        code=ProblemCode.INVALID_FILE,
        message=f"{message}{_end(message)}",
        line=mark.line if mark else 1,
        column=mark.column if mark else None,
        block_name=block_name,
        fields=fields,
        suggestion=suggestion,
    )


def _end(message: str) -> str:
    return "" if message.endswith((".", "?")) else "."
