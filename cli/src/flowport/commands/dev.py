"""`flowport dev FILE`: check and run a workflow file on every save."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from flowport.client.api_client import JsonObject, api_path
from flowport.client.errors import InvalidWorkflowRefused, NotFound
from flowport.client.workflows import import_file
from flowport.commands.run import Call, first_agent_text, parse_input, run_streaming
from flowport.commands.session import Session
from flowport.commands.workflow_files import Accept
from flowport.errors import CommandFailed
from flowport.workflow_files import SourceFile, print_problems, read_source, refused
from shared.errors import InvalidWorkflow

POLL_SECONDS: Final = 0.3
SUFFIX: Final = " (dev)"


def dev(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Workflow file.")],
    *,
    input_: Annotated[
        str | None, typer.Option("--input", "-i", help="Input as a JSON object. @FILE reads a file.")
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", "-f", help="Input field as NAME=VALUE. Repeatable.")
    ] = None,
    accept: Accept = None,
    once: Annotated[bool, typer.Option("--once", help="Run once and exit.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the workflow of these runs, and use it again.")] = False,
) -> None:
    """Check a workflow file and run it whenever you save it, until Ctrl-C.

    The runs use a new workflow, "NAME (dev)", which is archived at the end. The deployed workflow does not change. With
    --keep they use the existing workflow of this name, if there is one.

    Example: flowport dev support.yaml -f message="My server is down"
    """
    body = {"input": parse_input(input_, field or ())}
    loop = _Loop(session, file, body, accept or [], keep=keep)
    try:
        succeeded = loop.run_once()
        while not once:
            loop.wait_for_save()
            succeeded = loop.run_once()
    finally:
        loop.clean_up()
    if not succeeded:
        raise typer.Exit(1)


class _Loop:
    """Runs of one file. A problem of the file or a failed run ends one run, not the loop."""

    def __init__(self, session: Session, file: Path, body: JsonObject, accept: list[str], *, keep: bool) -> None:
        self._session = session
        self._file = file
        self._body = body
        self._accept = accept
        self._keep = keep
        self._workflow_id: str | None = None
        self._seen: tuple[int, int] | None = None

    def run_once(self) -> bool:
        """Check, deploy and run the file. Return whether the run completed."""
        output = self._session.output
        self._seen = self._stamp()
        try:
            source = read_source(self._file)
            left = refused(source.problems(), self._accept)
            print_problems(output, source, left)
            if left:
                return False
            workflow_id = self._deploy(source)
            selected = first_agent_text(self._session.client, workflow_id)
            call = Call(self._session, workflow_id, {})
            run_streaming(call, {**self._body, "selectedOutputs": selected}, full=False, is_trial=True)
        except InvalidWorkflowRefused as error:
            print_problems(output, None, error.problems)
        except (CommandFailed, InvalidWorkflow) as error:
            output.print_note(str(error), label="error", style="bold red")
        except typer.Exit as ended:
            return ended.exit_code == 0
        else:
            return True
        return False

    def wait_for_save(self) -> None:
        """Return when the file has changed."""
        self._session.output.print_note(f"Waiting for changes of {self._file}. Press Ctrl-C to stop")
        while self._stamp() in (self._seen, None):
            time.sleep(POLL_SECONDS)

    def clean_up(self) -> None:
        """Archive the workflow of these runs, unless it is kept."""
        if self._workflow_id is not None and not self._keep:
            with suppress(NotFound):
                self._session.client.call("DELETE", api_path("workflows", self._workflow_id))

    def _deploy(self, source: SourceFile) -> str:
        client = self._session.client
        name = f"{source.name}{SUFFIX}"
        self._workflow_id = self._find(name) or str(import_file(client, source.document, name=name)["id"])
        client.call("PUT", api_path("workflows", self._workflow_id, "state"), body=source.state)
        route = api_path("v1", "workflows", self._workflow_id, "deploy")
        client.call("POST", route, body={"acceptedWarnings": self._accept})
        return self._workflow_id

    def _find(self, name: str) -> str | None:
        """Return the workflow to use again; None if it does not exist, or was archived."""
        names = {str(workflow["id"]): workflow["name"] for workflow in self._session.client.workflows()}
        if self._workflow_id in names:
            return self._workflow_id
        return next((each for each in names if self._keep and names[each] == name), None)

    def _stamp(self) -> tuple[int, int] | None:
        """Return time and size of the file; None while an editor replaces it."""
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size
