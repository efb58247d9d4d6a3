"""`flowport replay`: replay recorded runs on another version, and compare."""

from pathlib import Path
from typing import Annotated

import typer

from flowport.client.api_client import JsonObject, api_path
from flowport.commands.replay_sets import (
    MOST_RUNS,
    PASSED,
    TIMEOUT_SECONDS,
    Ignore,
    MaxDifferent,
    MaxFailed,
    MaxUnrecorded,
    limits_of,
    refusals_of,
    run_replay,
    show_differences,
    show_summary,
)
from flowport.commands.session import Session, WorkflowName


def replay(
    session: Session,
    workflow: WorkflowName,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Version to replay on; default: the live version.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Replay on the draft.")] = False,
    last: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="Number of recorded runs, newest first.")] = 200,
    run: Annotated[list[str] | None, typer.Option("--run", help="Replay this recorded run. Repeatable.")] = None,
    ignore: Ignore = None,
    max_different: MaxDifferent = 0,
    max_unrecorded: MaxUnrecorded = 0,
    max_failed: MaxFailed = 0,
    max_dollars: Annotated[
        float | None,
        typer.Option(min=0.01, help="Call models whose answer is not recorded, up to this cost. Requires --max-calls."),
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of model calls. Requires --max-dollars.")
    ] = None,
    suggest: Annotated[
        bool, typer.Option("--suggest/--no-suggest", help="Suggest fields to ignore: those that change in every run.")
    ] = True,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit XML report to this file.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Timeout in seconds.")] = TIMEOUT_SECONDS,
) -> None:
    """Replay recorded runs, and show which behave differently. Exits with 1 if more runs differ than allowed.

    Models, HTTP requests and pauses return their recorded results; nothing external is called. The replay runs on the
    server, and continues there if this command is interrupted.

    Example: flowport replay support --draft --last 200 --ignore "*.createdAt" --junit replay.xml
    """
    if draft and version is not None:
        raise typer.BadParameter("--draft and --version cannot be combined")
    if (max_dollars is None) != (max_calls is None):
        raise typer.BadParameter("--max-dollars and --max-calls apply only together")
    workflow_id = session.client.workflow_id(workflow)
    body: JsonObject = {"draft": draft, "last": last, "ignore": ignore or [], "suggestIgnore": suggest}
    body |= limits_of(max_different, max_unrecorded, max_failed)
    if version is not None:
        body["version"] = version
    if run:
        body["runIds"] = run
    if max_dollars is not None:
        body["models"] = {"mode": "live", "maxDollars": max_dollars, "maxCalls": max_calls}
    done = run_replay(session, workflow_id, body, timeout=timeout)
    report = api_path("v2", "workflows", workflow_id, "replays", done["id"], "report")
    if junit is not None:
        junit.write_bytes(session.client.fetch(report, {"format": "junit"}))
    if session.output.as_json:
        session.output.print_json(session.client.call("GET", report)["data"])
    else:
        show_differences(session, workflow_id, done)
        show_summary(session, done)
    if done["status"] != PASSED:
        session.output.print_note(refusals_of(done), label="refused", style="red")
        raise typer.Exit(1)
