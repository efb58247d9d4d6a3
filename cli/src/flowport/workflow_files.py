"""Workflow files on disk: YAML or JSON, with their problems and the lines that have them."""

import dataclasses
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flowport.errors import CommandFailed
from flowport.input_files import decode_json, decode_text, read_input
from flowport.output import Output
from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.errors import InvalidWorkflow
from shared.workflow.catalog import installed_catalog
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
        if self.yaml and not self.yaml.code_files:
            return self.content
        if self.yaml or not self.content:  # a file with code of other files, or converted
            return {"state": self.state, "workflow": {"name": self.name, "description": self.description or ""}}
        return decode_json(self.content, str(self.path))

    @cached_property
    def _json_lines(self) -> JsonLines:
        return JsonLines(self.content)

    def based_on(self, draft: dict[str, Any]) -> "SourceFile":
        """Return the file with ids and positions of the draft's blocks of the same names. JSON has its own."""
        return self if self.yaml is None else read_source(self.path, content=self.content, base=draft)

    def problems(self) -> list[Problem]:
        """Return the problems of the file, else those of its workflow that do not depend on a server."""
        if self.yaml and self.yaml.problems:
            return self.yaml.problems
        return problems(compile_workflow(self.state), keyed_providers=PROVIDERS)

    def summarized(self, found: Iterable[Problem]) -> list[Problem]:
        """Return the problems without those that others explain: a misspelled setting is not missing."""
        found = list(found)
        meant = {(each.block_id, each.suggestion) for each in found if each.code == ProblemCode.UNKNOWN_SETTING}
        return [each for each in found if not _is_misspelled_setting(self, each, meant)]

    def line_of(self, problem: Problem) -> int | None:
        """Return the line that a problem is in; None if unknown."""
        if self.yaml is None:
            return self._json_lines.line_of(problem)
        return problem.line if problem.code == ProblemCode.INVALID_FILE else self.yaml.line_of(problem)


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
        found = read_file(text, base=base, folder=path.parent)
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


def require_valid(output: Output, source: SourceFile) -> None:
    """Raise InvalidWorkflowFile, after printing why, if a YAML file cannot be read as a workflow."""
    if source.yaml and source.yaml.problems:
        print_problems(output, source, source.yaml.problems)
        raise InvalidWorkflowFile(f"{source.path} is not a valid workflow file")
