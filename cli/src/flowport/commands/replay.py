"""`flowport replay`: run recorded runs again on another version, and compare."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Final
from xml.etree import ElementTree as Xml

import typer
from rich.status import Status
from rich.text import Text

from flowport.client.api_client import PAGE, JsonObject, api_path
from flowport.client.errors import ServerUnavailable, WaitTimedOut
from flowport.client.retries import RetryPolicy
from flowport.client.runs import RunRef, fetch_run
from flowport.commands.run_progress import ENDED
from flowport.commands.session import Session, WorkflowName
from flowport.errors import CommandFailed

POLL_SECONDS: Final = 0.2
SAME: Final = "same"
FAILED: Final = "failed"
COLUMNS: Final = ("runId", "verdict", "block", "reason")
VERDICTS: Final = (SAME, "different", "unrecorded call", FAILED)


def replay(
    session: Session,
    workflow: WorkflowName,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Version to replay on; default: the live version.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Replay on the draft.")] = False,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="Number of recorded runs, newest first.")] = 100,
    run: Annotated[list[str] | None, typer.Option("--run", help="Replay this recorded run. Repeatable.")] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", help="Output field that may differ: BLOCK.PATH, * for any text. Repeatable."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Replays in progress.")] = 8,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit XML report to this file.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Timeout in seconds.")] = 3_600.0,
) -> None:
    """Replay recorded runs, and show which behave differently. Exits with 1 if any does.

    Nothing is called outside: models, HTTP calls and pauses answer from the recordings.

    Example: flowport replay support --draft --last 200 --ignore "*.createdAt" --junit replay.xml
    """
    if draft and version is not None:
        raise typer.BadParameter("--draft and --version cannot be combined")
    workflow_id = session.client.workflow_id(workflow)
    body: JsonObject = {"draft": draft, "ignore": ignore or []} | ({"version": version} if version else {})
    recorded = run or list(_latest(session, workflow_id, last))
    if not recorded:
        raise CommandFailed(f"{workflow} has no recorded runs")
    replays = Replays(session, workflow_id, body, deadline=time.monotonic() + timeout)
    with session.output.notes.status(Text("replaying")) as status:
        results = replays.run_all(recorded, concurrency, status)
    if junit is not None:
        junit.write_bytes(junit_report(workflow, results))
    counts = Counter(each["verdict"] for each in results)
    if session.output.as_json:
        session.output.print_json({"counts": {name: counts[name] for name in VERDICTS}, "runs": results})
    else:
        session.output.print_rows(COLUMNS, [_row(each) for each in results if each["verdict"] != SAME])
        session.output.print_note(", ".join(f"{counts[name]} {name}" for name in VERDICTS))
    if counts[SAME] < len(results):
        raise typer.Exit(1)


class Replays:
    """Replays of one command, a bounded number at a time. A replay continues on the server if the command ends."""

    def __init__(self, session: Session, workflow_id: str, body: JsonObject, *, deadline: float) -> None:
        self._client = session.client
        self._workflow_id = workflow_id
        self._body = body
        self._deadline = deadline
        self._retries = RetryPolicy()

    def run_all(self, recorded: Sequence[str], concurrency: int, status: Status) -> list[JsonObject]:
        """Return one result for each recorded run, in their order. Raises WaitTimedOut."""
        waiting, active, results = list(reversed(recorded)), dict[str, RunRef](), dict[str, JsonObject]()
        while len(results) < len(recorded):
            try:
                while waiting and len(active) < concurrency:
                    active[waiting[-1]] = self._start(waiting[-1])
                    waiting.pop()
                for run_id, ref in list(active.items()):
                    found = fetch_run(self._client, ref)
                    if found["status"] in ENDED:
                        results[run_id] = _result(run_id, found)
                        del active[run_id]
                self._retries.reset()
            except ServerUnavailable as error:
                self._retries.wait_or_raise(error)
            different = sum(each["verdict"] != SAME for each in results.values())
            status.update(Text(f"{len(results)} of {len(recorded)} replayed, {different} not the same"))
            if active:
                if time.monotonic() > self._deadline:
                    raise WaitTimedOut(f"{len(recorded) - len(results)} replays have not ended")
                time.sleep(POLL_SECONDS)
        return [results[run_id] for run_id in dict.fromkeys(recorded)]

    def _start(self, run_id: str) -> RunRef:
        path = api_path("v2", "workflows", self._workflow_id, "recordings", run_id, "replay")
        return RunRef(self._workflow_id, self._client.call("POST", path, body=self._body)["data"]["runId"])


def junit_report(workflow: str, results: Sequence[JsonObject]) -> bytes:
    """Return a JUnit XML report: a failure for each run that differs, an error for each that could not be replayed."""
    failures = sum(each["verdict"] not in (SAME, FAILED) for each in results)
    errors = sum(each["verdict"] == FAILED for each in results)
    counts = {"tests": str(len(results)), "failures": str(failures), "errors": str(errors)}
    suite = Xml.Element("testsuite", {"name": f"replay {workflow}", **counts})
    for each in results:
        case = Xml.SubElement(
            suite,
            "testcase",
            {"classname": workflow, "name": each["runId"], "time": f"{each.get('durationMs', 0) / 1000:.3f}"},
        )
        if each["verdict"] != SAME:
            row = _row(each)
            message = ": ".join(str(row[name]) for name in ("verdict", "block", "reason") if row[name])
            found = Xml.SubElement(case, "error" if each["verdict"] == FAILED else "failure", {"message": message})
            found.text = "\n".join(_lines(each))
    return bytes(Xml.tostring(suite, encoding="utf-8", xml_declaration=True))


def _latest(session: Session, workflow_id: str, limit: int) -> Iterator[str]:
    path = api_path("v2", "workflows", workflow_id, "recordings")
    pages = session.client.pages(path, {"limit": min(limit, PAGE)})
    return (each["runId"] for each in islice((each for each in pages if not each["isCut"]), limit))


def _result(run_id: str, replayed: JsonObject) -> JsonObject:
    """Return the comparison of a replay; a replay that could not run has failed."""
    if replayed["status"] == "completed":
        return {**replayed["output"], "runId": run_id, "replayId": replayed["runId"]}
    error = replayed.get("error") or {}
    message = error.get("message") if isinstance(error, dict) else str(error)
    return {"runId": run_id, "replayId": replayed["runId"], "verdict": FAILED, "error": message}


def _row(result: JsonObject) -> JsonObject:
    first = result.get("firstDifference") or result.get("unrecordedCall") or {}
    reason = first.get("reason") or result.get("error") or ("The output differs" if result.get("output") else None)
    return {**result, "block": first.get("blockName") or first.get("blockId"), "reason": reason}


def _lines(result: JsonObject) -> Iterator[str]:
    first = result.get("firstDifference") or {}
    for name, changes in (("", first.get("differences", ())), ("output ", result.get("output", ()))):
        for change in changes:
            yield f"{name}{change['path']}: {change.get('before')!r} -> {change.get('after')!r}"
