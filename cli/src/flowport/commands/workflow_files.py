"""`flowport init`, `validate`, `fmt`, `schema`: workflow files, without a server."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from flowport.commands.session import AsJson
from flowport.errors import CommandFailed
from flowport.input_files import STANDARD_INPUT, UnreadableInput, decode_text, read_input
from flowport.output import Output
from flowport.workflow_files import (
    InvalidWorkflowFile,
    SourceFile,
    message_of,
    print_problems,
    read_source,
    refused,
)
from shared.contracts.problems import Problem
from shared.errors import InvalidWorkflow
from shared.workflow.catalog import installed_catalog
from shared.workflow.files.formatter import format_file
from shared.workflow.files.schema import file_schema
from shared.workflow.validate.acceptance import acceptance_name

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Workflow files; - reads standard input.")]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="CODE:BLOCK", help="Warning to accept, as printed with it. Repeatable."),
]
TEMPLATES: Final = {
    "agent": "a question, answered by a model",
    "branches": "typed inputs, a function, a condition, an agent and responses",
    "approval": "a run that waits for a person",
}


def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="File to create.")] = Path("workflow.yaml"),
    template: Annotated[str, typer.Option("--template", "-t", help=f"One of {', '.join(TEMPLATES)}.")] = "agent",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a workflow file from a template.

    Example: flowport init support.yaml --template branches
    """
    if template not in TEMPLATES:
        raise typer.BadParameter(f"unknown template {template!r}. Use one of {', '.join(TEMPLATES)}")
    if file.exists() and not force:
        raise CommandFailed(f"{file} exists. Use --force to replace it")
    text = (files("flowport") / "templates" / f"{template}.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("NAME", file.stem.replace("-", " ").replace("_", " ").capitalize()), encoding="utf-8")
    note = f"Created {file}: {TEMPLATES[template]}. Next: flowport dev {file}, flowport deploy {file}"
    Output(as_json=as_json).print_done({"file": str(file), "template": template}, note)


def validate(paths: Files, accept: Accept = None, as_json: AsJson = False) -> None:
    """Check workflow files, without a server. Exits with 1 on errors and on warnings that are not accepted.

    Example: flowport validate workflows/*.yaml --accept "unknown_setting:Agent 1"
    """
    output = Output(as_json=as_json)
    rows: list[dict[str, Any]] = []
    invalid = 0
    for path in paths:
        try:
            source = read_source(path)
            left = source.summarized(refused(source.problems(), accept or ()))
        except (InvalidWorkflow, UnreadableInput) as error:
            invalid += 1
            message = error.message if isinstance(error, InvalidWorkflow) else str(error)
            shown = f"{path}: {message}" if isinstance(error, InvalidWorkflow) else message
            rows.append({"file": str(path), "severity": "error", "message": message})
            output.print_note(shown, label="error", style="bold red")
            continue
        invalid += bool(left)
        print_problems(output, source, left)
        rows += [_row(path, source, problem) for problem in left]
        if not left:
            output.print_note(f"{path}", label="valid", style="green")
    if as_json:
        output.print_json(rows)
    if invalid:
        raise typer.Exit(InvalidWorkflowFile.exit_code)


def fmt(
    paths: Files,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 if a file would be changed.")
    ] = False,
) -> None:
    """Format YAML workflow files in place. Comments stay. `-` formats standard input to standard output.

    Example: flowport fmt workflows/*.yaml
    """
    output = Output(as_json=False)
    changed = 0
    for path in paths:
        before = decode_text(read_input(path), str(path))
        try:
            after = format_file(before)
        except InvalidWorkflow as error:
            raise CommandFailed(f"{path}: {error.message}") from error
        if str(path) == STANDARD_INPUT and not check:
            output.write_text(after)
        elif before != after:
            changed += 1
            if not check:
                path.write_text(after, encoding="utf-8")
            output.print_note(f"{'Would format' if check else 'Formatted'} {path}")
    if check and changed:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of YAML workflow files, for editors.

    Example: flowport schema > workflow.schema.json
    """
    document = msgspec.json.encode(file_schema(installed_catalog()))
    Output(as_json=True).print_line(msgspec.json.format(document, indent=2).decode())


def _row(path: Path, source: SourceFile, problem: Problem) -> dict[str, Any]:
    return {
        "file": str(path),
        "line": source.line_of(problem),
        "column": problem.column,
        "severity": problem.severity,
        "code": problem.code,
        "block": problem.block_name,
        "field": problem.fields[0] if problem.fields else None,
        "message": message_of(source, problem),
        "suggestion": problem.suggestion,
        "accept": acceptance_name(problem),
    }
