"""`flowport workflows`, `import` and `export`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.prompt import Confirm
from rich.text import Text

from flowport.client.api_client import api_path
from flowport.client.errors import NotFound
from flowport.client.workflows import import_file
from flowport.commands.session import Session, WorkflowName, command
from flowport.errors import CommandFailed
from flowport.input_files import require_stdin
from flowport.workflow_files import read_source, require_valid
from shared.workflow.files.writer import write_file
from shared.workflow.format.js_values import JsonObject

workflows_app = typer.Typer(help="Workflows of the workspace.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Workflow file; - reads standard input.")]
COLUMNS = ("id", "name", "isDeployed", "deployedAt", "updatedAt")
DELETED_COLUMNS = ("id", "name", "deletedAt", "restorableUntil", "liveVersion")


@command(workflows_app, "list")
def list_workflows(session: Session) -> None:
    """List workflows.

    Example: flowport workflows list
    """
    session.output.print_rows(COLUMNS, session.client.workflows())


@command(workflows_app)
def show(session: Session, workflow: WorkflowName) -> None:
    """Show a workflow: its input and whether it is deployed.

    Example: flowport workflows show Support
    """
    found = session.client.call("GET", api_path("v1", "workflows", session.client.workflow_id(workflow)))["data"]
    session.output.print_record(found)


@command(workflows_app)
def archive(
    session: Session,
    workflow: WorkflowName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not prompt for confirmation.")] = False,
) -> None:
    """Archive a workflow: undeploy it and remove it from lists. It can be restored for 30 days.

    Example: flowport workflows archive Support --yes
    """
    workflow_id = session.client.workflow_id(workflow)
    question = Text(f"Archive {workflow}? Calls to its endpoint will fail.")
    if not yes:
        require_stdin()
        if not Confirm.ask(question, default=False, console=session.output.notes):
            raise CommandFailed("canceled: the workflow was not archived")
    session.client.call("DELETE", api_path("workflows", workflow_id))
    session.output.print_done({"workflow": workflow, "archived": True}, f"Archived {workflow}")


@command(workflows_app)
def deleted(session: Session) -> None:
    """List archived workflows that can be restored.

    Example: flowport workflows deleted
    """
    session.output.print_rows(DELETED_COLUMNS, _deleted(session))


@command(workflows_app)
def restore(
    session: Session,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Name or id of an archived workflow.")],
    redeploy: Annotated[bool, typer.Option("--redeploy", help="Also make the last live version live again.")] = False,
) -> None:
    """Restore an archived workflow, with its versions and runs.

    Example: flowport workflows restore Support --redeploy
    """
    found = [str(each["id"]) for each in _deleted(session) if workflow in (each["id"], each["name"])]
    if not found:
        raise NotFound(f"no archived workflow is named {workflow}. `flowport workflows deleted` lists them")
    if len(found) > 1:
        raise CommandFailed(f"several archived workflows are named {workflow}: use one of the ids {', '.join(found)}")
    route = api_path("workspaces", session.client.workspace_id, "workflows", found[0], "restore")
    restored = session.client.call("POST", route, body={"redeploy": redeploy})["data"]
    live = "not deployed" if restored["liveVersion"] is None else f"version {restored['liveVersion']} is live"
    session.output.print_done(restored, f"Restored {restored['name']}: {live}")


def _deleted(session: Session) -> list[JsonObject]:
    route = api_path("workspaces", session.client.workspace_id, "workflows", "deleted")
    found: list[JsonObject] = session.client.call("GET", route)["data"]
    return found


def import_(
    session: Session,
    file: FileArgument,
    name: Annotated[str | None, typer.Option(help="Name of the workflow; default: the name in the file.")] = None,
) -> None:
    """Create a workflow from a file and print its id.

    Example: flowport import workflow.yaml --name Support
    """
    source = read_source(file)
    require_valid(session.output, source)
    created = import_file(session.client, source.document, name=name)
    if session.output.as_json:
        session.output.print_json(created)
    else:
        session.output.print_line(created["id"])


def export(
    session: Session,
    workflow: WorkflowName,
    to: Annotated[Path | None, typer.Option("--output", "-o", dir_okay=False, help="File to write.")] = None,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="Write YAML instead of JSON; default for files that end in .yaml or .yml.")
    ] = False,
    layout: Annotated[
        bool | None,
        typer.Option("--layout/--no-layout", help="YAML: include ids and positions of blocks; default: yes."),
    ] = None,
) -> None:
    """Export a workflow's draft as a file, without secrets.

    Example: flowport export Support --output support.yaml
    """
    as_yaml = yaml or (to is not None and to.suffix in (".yaml", ".yml"))
    if layout is not None and not as_yaml:
        raise typer.BadParameter("--layout and --no-layout apply only to YAML")
    route = api_path("v1", "workflows", session.client.workflow_id(workflow), "export")
    found = session.client.call("GET", route)["data"]
    if as_yaml:
        about = found["workflow"]
        text = write_file(
            found["state"], name=about["name"], description=about["description"], with_layout=layout is not False
        )
    else:
        text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    if to is None:
        session.output.write_text(text)
    else:
        to.write_text(text, encoding="utf-8")
        session.output.print_done({"workflow": workflow, "file": str(to)}, f"Exported {workflow} to {to}")
