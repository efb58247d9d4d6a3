"""Workflow files on disk: YAML or JSON, with their problems and the lines that have them."""

import dataclasses
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from flowport.errors import CommandFailed
from flowport.input_files import decode_json, decode_text, read_input
from flowport.output import Output
from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.errors import InvalidWorkflow
from shared.workflow.catalog import installed_catalog
from shared.workflow.catalog.triggers import UNSERVED_TRIGGERS
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.json_lines import JsonLines
from shared.workflow.files.names import BLOCK_KEYS
from shared.workflow.files.reader import read_file
from shared.workflow.files.workflow_file import WorkflowFile
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import object_of
from shared.workflow.format.model_names import PROVIDERS, key_name
from shared.workflow.transfer.conversions import Replaced, with_api_start, with_replacements
from shared.workflow.transfer.importer import is_yaml, read_import
from shared.workflow.validate.acceptance import acceptance_name, unaccepted
from shared.workflow.validate.validator import problems

_CONSEQUENCES = frozenset(
    {
        ProblemCode.EARLY_REFERENCE,
        ProblemCode.EMPTY_CONTAINER,
        ProblemCode.NO_START_BLOCK,
        ProblemCode.UNREACHABLE_BLOCK,
    }
)
_MOST_NAMES = 10
_YAML_ENDINGS = (".yaml", ".yml")
_JSON_START = re.compile(r"\s*(?:\{\s*[\"}]|\[)")
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


class InvalidWorkflowFile(CommandFailed):
    """The file or its workflow has problems, which were printed."""


@dataclass(frozen=True)
class SourceFile:
    """A workflow file, read."""

    path: Path
    name: str
    state: dict[str, Any]
    description: str | None = None
    content: str = ""
    yaml: WorkflowFile | None = None
    """The file as YAML; None for JSON."""

    @property
    def document(self) -> Any:
        """Return the body of an import."""
        if self.yaml:
            return self.content
        if not self.content:  # converted
            return {"state": self.state, "workflow": {"name": self.name, "description": self.description or ""}}
        return decode_json(self.content, str(self.path))

    @cached_property
    def _json_lines(self) -> JsonLines:
        return JsonLines(self.content)

    def based_on(self, draft: dict[str, Any]) -> "SourceFile":
        """Return the file with ids and positions of the draft's blocks of the same names. JSON has its own."""
        return self if self.yaml is None else read_source(self.path, content=self.content, base=draft)

    def problems(self) -> list[Problem]:
        """Return the problems of the file and of its workflow that do not depend on a server.

        Blocks of a misspelled type are checked as the type that is meant.
        """
        if self._corrected is None:
            return self._found
        misspelled = [each for each in self._found if _is_misspelled_type(each)]
        found = self._corrected._found
        if any(each.suggestion in UNSERVED_TRIGGERS for each in misspelled):  # no call reaches what follows it
            found = [each for each in found if each.code not in (*_CONSEQUENCES, ProblemCode.UNSERVED_TRIGGER)]
        return [*misspelled, *found]

    @cached_property
    def _corrected(self) -> "SourceFile | None":
        """The file with the block types that are meant; None if no type is misspelled."""
        meant = {
            self.state["blocks"][each.block_id]["type"]: each.suggestion or ""
            for each in (self._found if self.yaml else ())
            if _is_misspelled_type(each)
        }
        if not meant:
            return None
        found = read_file(self.content, types=meant)
        return dataclasses.replace(self, state=found.state, yaml=found)

    @cached_property
    def _found(self) -> list[Problem]:
        broken, written = (self.yaml.problems, self.yaml.warnings) if self.yaml else ([], [])
        if broken and not self.state["blocks"]:
            return broken
        found = problems(compile_workflow(self.state), keyed_providers=PROVIDERS)
        if self.yaml is None:
            return [*found, *self._json_lines.warnings()]
        if broken:  # omit their consequences
            hidden = _CONSEQUENCES if self.yaml.has_broken_edges else frozenset()
            found = [each for each in found if each.code not in hidden and not self.yaml.follows_from_error(each)]
        found = [self.yaml.explained(each) for each in found if not self.yaml.follows_from_warning(each)]
        fields = {self.yaml.line_of(each) for each in found if each.code == ProblemCode.INVALID_INPUT_FIELD}
        written = [each for each in written if each.fields != ("inputs",) or each.line not in fields]
        return [*broken, *found, *written]

    def summarized(self, found: Iterable[Problem]) -> list[Problem]:
        """Return the problems without those that others explain.

        One names all blocks that the file's own list of edges leaves out. A misspelled setting is not missing.
        """
        problems = list(found)
        meant = {(each.block_id, each.suggestion) for each in problems if each.code == ProblemCode.UNKNOWN_SETTING}
        problems = [each for each in problems if not _is_misspelled_setting(self, each, meant)]
        if self.yaml is None or not self.yaml.lists_edges:
            return problems
        reached = {edge["target"] for edge in self.state["edges"]}
        left_out = [
            each
            for each in problems
            if each.code == ProblemCode.UNREACHABLE_BLOCK and each.block_id not in reached and not each.fields
        ]
        if not left_out:
            return problems
        names = ", ".join(f'"{each.block_name}"' for each in left_out[:_MOST_NAMES])
        more = ", …" if len(left_out) > _MOST_NAMES else ""
        cause = f"No edge leads to {names}{more}: the key edges replaces the order of the blocks"
        message = f"{cause}. {_how_to_connect(left_out, self.state)}, or remove edges."
        rest = set(left_out[1:])
        summary = msgspec.structs.replace(left_out[0], message=message, fields=("edges",))
        return [summary if each is left_out[0] else each for each in problems if each not in rest]

    def line_of(self, problem: Problem) -> int | None:
        """Return the line that a problem is in; None if unknown."""
        if self.yaml is None:
            return self._json_lines.line_of(problem)
        read = [self.yaml, *([self._corrected.yaml] if self._corrected and self._corrected.yaml else ())]
        is_of_file = any(problem in each.problems or problem in each.warnings for each in read)
        return problem.line if is_of_file else next((line for each in read if (line := each.line_of(problem))), None)


def _how_to_connect(left_out: Sequence[Problem], state: dict[str, Any]) -> str:
    """Return how to connect blocks without an edge: the first one inside a loop or parallel needs its `start`."""
    started = {edge["source"] for edge in state["edges"] if str(edge.get("sourceHandle")).endswith("-start-source")}
    first: dict[str, str | None] = {}
    for each in left_out:
        container = state["blocks"][each.block_id]["data"].get("parentId")
        if container not in (None, *started):
            first.setdefault(container, each.block_name)
    starts = " and ".join(f'start: {name} at "{state["blocks"][key]["name"]}"' for key, name in first.items())
    if not starts:
        return "Add an edge to each"
    return f"Write {starts}" if len(first) == len(left_out) else f"Write {starts}, add an edge to the others"


def _is_misspelled_type(problem: Problem) -> bool:
    is_of_block = problem.code == ProblemCode.UNKNOWN_BLOCK_TYPE and problem.fields == ("type",)
    return is_of_block and problem.suggestion is not None


def _is_misspelled_setting(source: SourceFile, problem: Problem, meant: Set[tuple[str | None, str | None]]) -> bool:
    """Return whether the settings that a block lacks are those which its unknown settings mean."""
    keys = _missing_keys(source, problem)
    return bool(keys) and all((problem.block_id, key) in meant for key in keys)


def _missing_keys(source: SourceFile, problem: Problem) -> list[str]:
    """Return the keys of missing settings, as the author writes them."""
    if problem.code != ProblemCode.MISSING_FIELDS or problem.block_id is None:
        return []
    spec = installed_catalog().spec(source.state["blocks"][problem.block_id]["type"])
    settings = [each for each in spec.sub_blocks if each.mode == "basic"] if spec else []
    missing = [each.id for each in settings if each.title in problem.fields]
    return [f"settings: {{{key}}}" if source.yaml and key in BLOCK_KEYS else key for key in dict.fromkeys(missing)]


def message_of(source: SourceFile | None, problem: Problem) -> str:
    """Return the message, with the keys of missing settings: the message has their titles only."""
    keys = _missing_keys(source, problem) if source else []
    if source is None or not keys:
        return problem.message
    settings = source.state["blocks"][problem.block_id]["subBlocks"]
    names = {
        object_of(object_of(row).get("cells")).get("Key")
        for row in parse_list(object_of(settings.get("params")).get("value"))
    }
    place = "" if names.isdisjoint(keys) else " at the block, not under params"
    if keys[-1] == "apiKey":
        name = key_name(str(settings["model"]["value"]))
        keys[-1] = f'{name} on the server, or apiKey: "{{{{{name}}}}}", which is a secret of the workspace'
    return f"{problem.message}. Set {', '.join(keys)}{place}"


def read_source(path: Path, *, content: str | None = None, base: dict[str, Any] | None = None) -> SourceFile:
    """Read a workflow file. Raises CommandFailed, InvalidWorkflow."""
    text = decode_text(read_input(path), str(path)) if content is None else content
    if is_yaml(text) or (path.suffix in _YAML_ENDINGS and not _JSON_START.match(text)):
        found = read_file(text, base=base)
        return SourceFile(path, found.name or path.stem, found.state, found.description, text, found)
    try:
        imported = read_import(text)
    except InvalidWorkflow as error:
        lines = JsonLines(text)
        problems = [lines.located(each) if isinstance(each, str) else each for each in error.details or ()]
        if problems == list(error.details or ()):
            raise
        raise InvalidWorkflow(f"Invalid workflow: {'; '.join(map(str, problems))}", details=problems) from error
    return SourceFile(path, imported.name or path.stem, imported.state, imported.description, text)


def converted(source: SourceFile, output: Output, *, add_start: bool, replace: bool) -> SourceFile:
    """Return the file with an API start and API blocks in place of what cannot run here, and print what changed."""
    state = source.state
    if add_start:
        state, name = with_api_start(state)
        output.print_note(
            f'"{name}" is now a start for API calls' if name else "The workflow has a start for API calls"
        )
    replaced: list[Replaced] = []
    if replace:
        state, replaced = with_replacements(state)
    for each in replaced:
        output.print_note(
            f'"{each.name}" is now an API block ({each.title}). Set its secret: flowport secrets set {each.secret}'
        )
    return source if state is source.state else dataclasses.replace(source, state=state, yaml=None, content="")


def refused(found: Iterable[Problem], accepted: Sequence[str]) -> list[Problem]:
    """Return the errors, and the warnings that are not accepted."""
    known = list(found)
    errors = [problem for problem in known if problem.severity is Severity.ERROR]
    return [*errors, *unaccepted((each for each in known if each.severity is Severity.WARNING), accepted)]


def print_problems(output: Output, source: SourceFile | None, found: Iterable[Problem]) -> None:
    """Print one line for each problem: the place in the file, the message, and the name that accepts a warning."""
    for problem in source.summarized(found) if source else found:
        line = source.line_of(problem) if source else None
        place = f"{source.path}:{line}: " if source and line else f"{source.path}: " if source else ""
        at = (
            f" (line {problem.line}, column {problem.column})"
            if problem.line and problem.block_id and problem.column
            else ""
        )
        name = f'  [--accept "{acceptance_name(problem)}"]' if problem.severity is Severity.WARNING else ""
        message = message_of(source, problem)
        if problem.block_name and problem.block_name not in message:
            message = f"{problem.block_name}: {message}"
        shown = message if f"line {problem.line}" in message else f"{message}{at}"
        output.print_note(f"{place}{shown}{name}", label=problem.severity.value, style=STYLES[problem.severity])


def require_valid(output: Output, source: SourceFile, accepted: Sequence[str] | None = None) -> None:
    """Raise InvalidWorkflowFile, after printing why, if a YAML file cannot be read as a workflow.

    With `accepted`, also if the file says something without effect that is not accepted.
    """
    if source.yaml is None:
        return
    found = [*source.yaml.problems, *(() if accepted is None else unaccepted(source.yaml.warnings, accepted))]
    if found:
        print_problems(output, source, found)
        raise InvalidWorkflowFile(f"{source.path} is not a valid workflow file")
