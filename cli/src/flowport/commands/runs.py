"""`flowport runs`: list, show, trace, wait, cancel, redrive, tail."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Final

import msgspec
import typer

from flowport.client.door import JsonObject, path
from flowport.client.errors import TryLater
from flowport.client.patience import Patience
from flowport.client.runs import Runs, RunState, place_of, run_spans, run_state
from flowport.commands.run import show_result
from flowport.commands.run_waiting import SECONDS, await_run
from flowport.commands.session import Session, command

runs_app = typer.Typer(help="What ran, and what runs now.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, or of its job.")]
AnyWorkflow = Annotated[
    str | None, typer.Argument(metavar="[WORKFLOW]", help="Id or name of a workflow; all of them when not given.")
]
COLUMNS: Final = ("runId", "status", "trigger", "startedAt", "durationMs", "workflow")
SPAN_COLUMNS: Final = ("block", "type", "status", "durationMs", "error")
TAIL_SECONDS: Final = 1.0
WATCHED: Final = 100
REMEMBERED: Final = 1_000


@command(runs_app, "list")
def list_runs(
    session: Session,
    workflow: AnyWorkflow = None,
    status: Annotated[RunState | None, typer.Option(help="Only those that stand like this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
) -> None:
    """Show the latest runs, of one workflow or of all."""
    found = Runs(session.door, workflow).latest(limit=limit, status=status)
    session.output.rows(COLUMNS, list(islice(found, limit)))


@command(runs_app)
def show(session: Session, run: RunId) -> None:
    """Show one run, with its output."""
    found = run_state(session.door, place_of(session.door, run))
    session.output.record(found if session.output.as_json else {**found, "cost": _dollars(found["cost"])})


@command(runs_app)
def trace(session: Session, run: RunId) -> None:
    """Show what a run did, block by block; with --json, with the input and output of each."""
    spans = run_spans(session.door, place_of(session.door, run))
    session.output.rows(SPAN_COLUMNS, spans if session.output.as_json else list(_lines(spans)))


@command(runs_app)
def wait(
    session: Session,
    run: RunId,
    timeout: Annotated[float, typer.Option(min=1, help="How long to wait, in seconds.")] = SECONDS,
) -> None:
    """Wait for the end of a run. Exits with 0 when it completed, with 1 when it failed."""
    show_result(session.output, await_run(session, place_of(session.door, run), seconds=timeout))


@command(runs_app)
def cancel(session: Session, run: RunId) -> None:
    """Stop a run; one that is queued never begins."""
    session.output.record(session.door.call("POST", f"{place_of(session.door, run).path}/cancel")["data"])


@command(runs_app)
def redrive(session: Session, run: RunId) -> None:
    """Run a failed queued run again, as a run of its own."""
    route = path("v1", "runs", place_of(session.door, run).run_id, "redrive")
    session.output.record(session.door.call("POST", route, query=session.door.named_workspace)["data"])


@command(runs_app)
def tail(
    session: Session,
    workflow: AnyWorkflow = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after this many seconds; until Ctrl-C otherwise.")
    ] = None,
) -> None:
    """Print a line whenever a run begins or ends. With --json, one document a line."""
    runs = Runs(session.door, workflow)
    ends = time.monotonic() + seconds if seconds is not None else float("inf")
    seen = {run["runId"]: run["status"] for run in _watched(runs)}
    patience = Patience()
    while time.monotonic() < ends:
        time.sleep(TAIL_SECONDS)
        try:
            found = _watched(runs)
        except TryLater as error:
            patience.endure(error)
            continue
        patience.regain()
        for run in reversed(found):
            if seen.get(run["runId"]) != run["status"]:
                seen[run["runId"]] = run["status"]
                _print(session, run)
        while len(seen) > REMEMBERED:
            del seen[next(iter(seen))]


def _dollars(cost: JsonObject | None) -> str | None:
    """To a millionth: models cost parts of a cent."""
    return None if cost is None else f"${cost['total']:.6f}".rstrip("0").rstrip(".")


def _lines(spans: Iterable[JsonObject], depth: int = 0) -> Iterator[JsonObject]:
    """One for each span, what ran within it below it and indented."""
    for span in spans:
        shown = {**span, "durationMs": span["duration"], "error": _error_of(span)}
        yield {"block": f"{'  ' * depth}{span['name']}", **shown}
        yield from _lines(span.get("children", ()), depth + 1)


def _error_of(span: JsonObject) -> str | None:
    """Why it failed. A tool's output says so in `message`, that of a block in `error`."""
    output = span.get("output") if span["status"] == "error" else None
    if not isinstance(output, dict):
        return None
    return next((output[key] for key in ("error", "message") if isinstance(output.get(key), str)), None)


def _watched(runs: Runs) -> list[JsonObject]:
    return list(islice(runs.latest(limit=WATCHED), WATCHED))


def _print(session: Session, run: JsonObject) -> None:
    if session.output.as_json:
        session.output.line(msgspec.json.encode(run).decode())
    else:
        session.output.line("  ".join(str(run[column] if run[column] is not None else "-") for column in COLUMNS))
