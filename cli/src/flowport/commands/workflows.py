"""`flowport workflows`, `import` and `export`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.prompt import Confirm
from rich.text import Text

from flowport.client.door import path
from flowport.client.workflows import import_file
from flowport.commands.session import Session, WorkflowName, command
from flowport.failures import CommandFailed
from flowport.given import content_of, json_of, standard_input

workflows_app = typer.Typer(help="The workflows of the workspace.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Workflow file; - is standard input.")]
COLUMNS = ("id", "name", "isDeployed", "deployedAt", "updatedAt")


@command(workflows_app, "list")
def list_workflows(session: Session) -> None:
    """Show every workflow."""
    session.output.rows(COLUMNS, session.door.workflows())


@command(workflows_app)
def show(session: Session, workflow: WorkflowName) -> None:
    """Show one workflow: what it takes, and whether it is live."""
    found = session.door.call("GET", path("v1", "workflows", session.door.workflow_id(workflow)))["data"]
    session.output.record(found)


@command(workflows_app)
def archive(
    session: Session, workflow: WorkflowName, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Take a workflow down and out of the lists."""
    workflow_id = session.door.workflow_id(workflow)
    question = Text(f"Archive {workflow}? Its endpoint stops answering.")
    if not yes:
        standard_input()  # whoever cannot be asked is told so
        if not Confirm.ask(question, default=False, console=session.output.notes):
            raise CommandFailed("nothing was archived")
    session.door.call("DELETE", path("workflows", workflow_id))
    session.output.done({"workflow": workflow, "archived": True}, f"{workflow} is archived")


def import_(
    session: Session,
    file: FileArgument,
    name: Annotated[str | None, typer.Option(help="Another name than the file's.")] = None,
) -> None:
    """Make a new workflow from a file; prints its id."""
    made = import_file(session.door, json_of(content_of(file), str(file)), name=name)
    if session.output.as_json:
        session.output.json(made)
    else:
        session.output.line(made["id"])


def export(
    session: Session,
    workflow: WorkflowName,
    to: Annotated[Path | None, typer.Option("--output", "-o", dir_okay=False, help="File to write.")] = None,
) -> None:
    """Write a workflow's draft as a file that can be imported again."""
    found = session.door.call("GET", path("v1", "workflows", session.door.workflow_id(workflow), "export"))["data"]
    text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
    if to is None:
        session.output.line(text)
    else:
        to.write_text(f"{text}\n", encoding="utf-8")
        session.output.done({"workflow": workflow, "file": str(to)}, f"Written to {to}")
