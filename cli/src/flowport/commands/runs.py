"""`flowport runs`: list, show, trace, wait, cancel, redrive, repair, save, tail."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from flowport.client.api_client import JsonObject, RetryPolicy, api_path
from flowport.client.errors import ServerUnavailable
from flowport.client.runs import RunHistory, RunState, fetch_run, fetch_spans, find_run
from flowport.commands.run import show_result
from flowport.commands.run_progress import WAIT_SECONDS, wait_for_run
from flowport.commands.session import Session, command
from flowport.errors import CommandFailed
from flowport.run_tests.files import SUFFIX, write_test
from flowport.run_tests.saving import save_run

runs_app = typer.Typer(help="Runs of the workspace.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run or of its job.")]
AnyWorkflow = Annotated[
    str | None, typer.Argument(metavar="[WORKFLOW]", help="Id or name of a workflow; default: all workflows.")
]
COLUMNS: Final = ("runId", "status", "trigger", "startedAt", "durationMs", "workflow")
SPAN_COLUMNS: Final = ("block", "type", "status", "durationMs", "error")
REPAIR_COLUMNS: Final = ("failedRun", "runId", "error")
REPAIR_SECONDS: Final = 600.0
"""Timeout of a call that repairs up to 1,000 runs."""
TAIL_SECONDS: Final = 1.0
WATCHED_RUNS: Final = 100
MAX_REMEMBERED: Final = 1_000


@command(runs_app, "list")
def list_runs(
    session: Session,
    workflow: AnyWorkflow = None,
    status: Annotated[RunState | None, typer.Option(help="Only runs with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of runs, newest first.")] = 20,
) -> None:
    """List the latest runs of one workflow or of all workflows.

    Example: flowport runs list Support --status failed
    """
    found = RunHistory(session.client, workflow).list_latest(limit=limit, status=status)
    session.output.print_rows(COLUMNS, list(islice(found, limit)))


@command(runs_app)
def show(session: Session, run: RunId) -> None:
    """Show a run and its output.

    Example: flowport runs show 0d1b…
    """
    found = fetch_run(session.client, find_run(session.client, run))
    session.output.print_record(found if session.output.as_json else {**found, "cost": _dollars(found["cost"])})


@command(runs_app)
def trace(session: Session, run: RunId) -> None:
    """Show the trace of a run, block by block. --json includes the input and output of each block.

    Example: flowport runs trace 0d1b…
    """
    spans = fetch_spans(session.client, find_run(session.client, run))
    session.output.print_rows(SPAN_COLUMNS, spans if session.output.as_json else list(_lines(spans)))


@command(runs_app)
def wait(
    session: Session,
    run: RunId,
    timeout: Annotated[float, typer.Option(min=1, help="Timeout in seconds.")] = WAIT_SECONDS,
) -> None:
    """Wait until a run ends. Exits with 0 if it completed, 1 if it failed.

    Example: flowport runs wait 0d1b… --timeout 60
    """
    show_result(session.output, wait_for_run(session, find_run(session.client, run), seconds=timeout))


@command(runs_app)
def cancel(session: Session, run: RunId) -> None:
    """Cancel a run. A queued run does not start.

    Example: flowport runs cancel 0d1b…
    """
    session.output.print_record(session.client.call("POST", f"{find_run(session.client, run).path}/cancel")["data"])


@command(runs_app)
def redrive(session: Session, run: RunId) -> None:
    """Redrive a failed queued run as a new run.

    Example: flowport runs redrive 0d1b…
    """
    route = api_path("v1", "runs", find_run(session.client, run).run_id, "redrive")
    session.output.print_record(session.client.call("POST", route, query=session.client.workspace_query)["data"])


@command(runs_app)
def repair(
    session: Session,
    *,
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Id of the run or of its job; omit with --all.")
    ] = None,
    every: Annotated[
        str | None, typer.Option("--all", metavar="WORKFLOW", help="Repair all failed runs of this workflow.")
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Version to continue on; default: the live one.")] = None,
    since: Annotated[str | None, typer.Option(help="With --all: only runs from this time on (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option(help="With --all: only runs before this time (ISO 8601).")] = None,
    repeat_uncertain: Annotated[
        bool, typer.Option(help="Run blocks again whose effects are unknown because their worker was lost.")
    ] = False,
) -> None:
    """Continue failed queued runs at the failed block, as new runs. Completed blocks do not run again.

    Example: flowport runs repair 0d1b…
    """
    if (run is None) == (every is None):
        raise typer.BadParameter("specify either a run, or a workflow with --all")
    if run is not None and (since or until):
        raise typer.BadParameter("--since and --until apply only with --all")
    body: JsonObject = {"repeatUncertain": repeat_uncertain}
    body |= {name: value for name, value in (("version", version), ("since", since), ("until", until)) if value}
    if run is not None:
        repaired = session.client.call("POST", f"{find_run(session.client, run).path}/repair", body=body)["data"]
        session.output.print_record(repaired)
        return
    workflow_id = session.client.workflow_id(str(every))
    rows: list[JsonObject] = []
    try:
        rows.extend(_repair_all(session, workflow_id, body))
    finally:  # runs of earlier pages are repaired even if a later page fails
        session.output.print_rows(REPAIR_COLUMNS, rows)
    if any(row["error"] for row in rows):
        raise CommandFailed("some runs could not be repaired")


def _repair_all(session: Session, workflow_id: str, body: JsonObject) -> Iterator[JsonObject]:
    """Repair all failed runs of a workflow; yield a row for each."""
    route = api_path("v2", "workflows", workflow_id, "runs", "repair")
    cursor = None
    while True:
        page = {**body, "cursor": cursor} if cursor else body
        done = session.client.call("POST", route, body=page, seconds=REPAIR_SECONDS)["data"]
        for each in done["repaired"]:
            yield {"failedRun": each["repairOf"], "runId": each["runId"], "error": None}
        for each in done["refused"]:
            yield {"failedRun": each["runId"], "runId": None, "error": each["error"]["message"]}
        cursor = done["nextCursor"]
        if cursor is None:
            return


@command(runs_app)
def save(
    session: Session,
    run: RunId,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help=f"File to write; default: RUN{SUFFIX} in this folder.")
    ] = None,
    workflow: Annotated[
        Path | None, typer.Option(help="Workflow file that the test runs; default: the recorded version.")
    ] = None,
    redact: Annotated[
        list[str] | None,
        typer.Option(help="Value to replace everywhere, as a path such as input.email or blocks.*.output. Repeatable."),
    ] = None,
) -> None:
    """Save a recorded run as a test for `flowport test`. Secrets are replaced.

    Example: flowport runs save RUN --workflow support.yaml --redact input.email
    """
    saved = save_run(session.client, find_run(session.client, run), workflow=workflow, redact=redact or ())
    path = file or Path(f"{run}{SUFFIX}")
    write_test(path, saved.located(path))
    note = f"Saved {path}. Review it for personal data before you commit it, then: flowport test {path}"
    session.output.print_done({"file": str(path), "runId": run}, note)


@command(runs_app)
def tail(
    session: Session,
    workflow: AnyWorkflow = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after this many seconds; default: run until Ctrl-C.")
    ] = None,
) -> None:
    """Print a line when a run starts or ends. --json prints one document per line.

    Example: flowport runs tail Support
    """
    runs = RunHistory(session.client, workflow)
    ends = time.monotonic() + seconds if seconds is not None else float("inf")
    seen = {run["runId"]: run["status"] for run in _watched(runs)}
    retries = RetryPolicy()
    while time.monotonic() < ends:
        time.sleep(TAIL_SECONDS)
        try:
            found = _watched(runs)
        except ServerUnavailable as error:
            retries.wait_or_raise(error)
            continue
        retries.reset()
        for run in reversed(found):
            if seen.get(run["runId"]) != run["status"]:
                seen[run["runId"]] = run["status"]
                _print(session, run)
        while len(seen) > MAX_REMEMBERED:
            del seen[next(iter(seen))]


def _dollars(cost: JsonObject | None) -> str | None:
    """Format a cost in dollars with six decimals, because model calls cost fractions of a cent."""
    return None if cost is None else f"${cost['total']:.6f}".rstrip("0").rstrip(".")


def _lines(spans: Iterable[JsonObject], depth: int = 0) -> Iterator[JsonObject]:
    """Yield one row per span, children indented below their parent."""
    for span in spans:
        shown = {**span, "durationMs": span["duration"], "error": _error_of(span)}
        yield {"block": f"{'  ' * depth}{span['name']}", **shown}
        yield from _lines(span.get("children", ()), depth + 1)


def _error_of(span: JsonObject) -> str | None:
    """Return the error message of a span: tools report it in `message`, blocks in `error`."""
    output = span.get("output") if span["status"] == "error" else None
    if not isinstance(output, dict):
        return None
    return next((output[key] for key in ("error", "message") if isinstance(output.get(key), str)), None)


def _watched(runs: RunHistory) -> list[JsonObject]:
    return list(islice(runs.list_latest(limit=WATCHED_RUNS), WATCHED_RUNS))


def _print(session: Session, run: JsonObject) -> None:
    if session.output.as_json:
        session.output.print_line(msgspec.json.encode(run).decode())
    else:
        session.output.print_line("  ".join(str(run[column] if run[column] is not None else "-") for column in COLUMNS))
