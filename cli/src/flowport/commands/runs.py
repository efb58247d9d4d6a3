"""`flowport runs`: list, show, cancel, tail."""

import time
from itertools import islice
from typing import Annotated, Final

import msgspec
import typer

from flowport.client.door import JsonObject, path
from flowport.commands.run import show_result
from flowport.commands.run_waiting import SECONDS, await_run, run_state
from flowport.commands.session import Session, WorkflowName, command

runs_app = typer.Typer(help="What ran, and what runs now.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]
COLUMNS: Final = ("runId", "status", "trigger", "startedAt", "durationMs")
TAIL_SECONDS: Final = 1.0
REMEMBERED: Final = 1_000


@command(runs_app, "list")
def list_runs(
    session: Session,
    workflow: WorkflowName,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
) -> None:
    """Show the latest runs of a workflow."""
    workflow_id = session.door.workflow_id(workflow)
    pages = session.door.pages(path("v2", "workflows", workflow_id, "runs"), {"limit": min(limit, 100)})
    session.output.rows(COLUMNS, list(islice(pages, limit)))


@command(runs_app)
def show(session: Session, workflow: WorkflowName, run: RunId) -> None:
    """Show one run, with its output."""
    session.output.record(run_state(session, session.door.workflow_id(workflow), run))


@command(runs_app)
def wait(
    session: Session,
    workflow: WorkflowName,
    run: RunId,
    timeout: Annotated[float, typer.Option(min=1, help="How long to wait, in seconds.")] = SECONDS,
) -> None:
    """Wait for the end of a run. Exits with 0 when it completed, with 1 when it failed."""
    show_result(session.output, await_run(session, session.door.workflow_id(workflow), run, seconds=timeout))


@command(runs_app)
def cancel(session: Session, workflow: WorkflowName, run: RunId) -> None:
    """Stop a run; one that is queued never begins."""
    workflow_id = session.door.workflow_id(workflow)
    session.output.record(
        session.door.call("POST", path("v2", "workflows", workflow_id, "runs", run, "cancel"))["data"]
    )


@command(runs_app)
def redrive(session: Session, run: RunId) -> None:
    """Run a failed queued run again, as a run of its own."""
    session.output.record(session.door.call("POST", path("v1", "runs", run, "redrive"))["data"])


@command(runs_app)
def tail(
    session: Session,
    workflow: WorkflowName,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after this many seconds; until Ctrl-C otherwise.")
    ] = None,
) -> None:
    """Print a line whenever a run begins or ends. With --json, one document a line."""
    workflow_id = session.door.workflow_id(workflow)
    ends = time.monotonic() + seconds if seconds is not None else float("inf")
    seen = {run["runId"]: run["status"] for run in _latest(session, workflow_id)}
    while time.monotonic() < ends:
        time.sleep(TAIL_SECONDS)
        for run in reversed(_latest(session, workflow_id)):
            if seen.get(run["runId"]) != run["status"]:
                seen[run["runId"]] = run["status"]
                _print(session, run)
        while len(seen) > REMEMBERED:
            del seen[next(iter(seen))]


def _latest(session: Session, workflow_id: str) -> list[JsonObject]:
    found: list[JsonObject] = session.door.call(
        "GET", path("v2", "workflows", workflow_id, "runs"), query={"limit": 100}
    )["data"]
    return found


def _print(session: Session, run: JsonObject) -> None:
    if session.output.as_json:
        session.output.line(msgspec.json.encode(run).decode())
    else:
        session.output.line("  ".join(str(run[column] if run[column] is not None else "-") for column in COLUMNS))
