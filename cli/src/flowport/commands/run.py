"""`flowport run`: call a workflow and wait, read its text as it comes, or queue it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer

from flowport.client.door import RUN_SECONDS, JsonObject, path
from flowport.client.errors import TookTooLong
from flowport.client.runs import RunPlace, RunState
from flowport.client.streams import streamed
from flowport.commands.run_waiting import SECONDS, await_run, goes_on
from flowport.commands.session import Session, WorkflowName
from flowport.failures import CommandFailed
from flowport.given import Unreadable, content_of, json_of
from flowport.output import Output


@dataclass(frozen=True)
class Call:
    """Where a run is asked for."""

    session: Session
    workflow_id: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The execute route."""
        return path("v2", "workflows", self.workflow_id, "execute")

    def execute(self, body: JsonObject) -> JsonObject:
        """What the route answers: a result, or where a queued run is."""
        found: JsonObject = self.session.door.call(
            "POST", self.path, body=body, headers=self.headers, seconds=RUN_SECONDS
        )["data"]
        return found


def run(
    session: Session,
    workflow: WorkflowName,
    *,
    input_: Annotated[
        str | None,
        typer.Option("--input", "-i", help="Input as a JSON object; @file reads it, @- from standard input."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option("--field", "-f", help="One field of the input, name=value; JSON where it can be read as such."),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print what --select names while it is written.")] = False,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", help="With --stream: an output to print, as agent_1.content; may be repeated."),
    ] = None,
    queue: Annotated[bool, typer.Option("--async", help="Queue the run; prints its id.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --async: wait for the end, and show how it goes.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="With --wait: how long to wait, in seconds.")] = SECONDS,
    version: Annotated[int | None, typer.Option(min=1, help="A version other than the live one.")] = None,
) -> None:
    """Run a workflow. Exits with 0 when it completed, with 1 when it failed, with 6 when it waits for somebody."""
    if stream and queue:
        raise typer.BadParameter("--stream and --async exclude each other")
    workflow_id = session.door.workflow_id(workflow)
    body: JsonObject = {"input": input_of(input_, field or ())}
    call = Call(session, workflow_id, {"X-Workflow-Version": str(version)} if version else {})
    if stream:
        _streamed(call, {**body, "selectedOutputs": select or []})
    elif queue:
        _queued(call, {**body, "async": True}, wait_seconds=timeout if wait else None)
    else:
        show_result(session.output, call.execute(body))


def input_of(document: str | None, fields: list[str] | tuple[str, ...]) -> JsonObject:
    """The input of a run, from `--input` and `--field`. Raises BadParameter."""
    try:
        given = json_of(content_of(document[1:]) if document.startswith("@") else document, "it") if document else {}
    except Unreadable as error:
        raise typer.BadParameter(f"--input: {error}") from error
    if not isinstance(given, dict):
        raise typer.BadParameter("--input has to be a JSON object")
    return given | dict(map(_field, fields))


def show_result(output: Output, run: JsonObject) -> None:
    """Print how a run ended, or what it waits for. Raises Exit unless it completed."""
    status = run["status"]
    if output.as_json:
        output.json(run)
    elif status in (RunState.COMPLETED, RunState.PAUSED):
        output.document(run["output"])
    else:
        output.note(_reason(run), label=status, style="bold red")
    if status == RunState.PAUSED:
        raise _paused(output, run["runId"])
    if status != RunState.COMPLETED:
        raise typer.Exit(1)


def _paused(output: Output, run_id: str) -> typer.Exit:
    output.note(f"it is not over: flowport runs wait {run_id}", label="paused", style="yellow")
    return typer.Exit(TookTooLong.exit_code)


def _queued(call: Call, body: JsonObject, *, wait_seconds: float | None) -> None:
    session, queued = call.session, call.execute(body)
    if wait_seconds is not None:
        place = RunPlace(call.workflow_id, queued["runId"])
        show_result(session.output, await_run(session, place, seconds=wait_seconds))
    elif session.output.as_json:
        session.output.json(queued)
    else:
        session.output.line(queued["runId"])


def _streamed(call: Call, body: JsonObject) -> None:
    output = call.session.output
    outcome: JsonObject = {}
    with streamed(call.session.door, call.workflow_id, body, call.headers) as run:
        try:
            for frame in run:
                outcome = _frame(output, frame) or outcome
        except KeyboardInterrupt:
            goes_on(call.session, run.run_id)
            raise
    selected = bool(body["selectedOutputs"])
    if selected and not output.as_json:
        output.piece("\n")
    if outcome.get("success") is not True:
        raise CommandFailed(str(outcome.get("error") or "the stream ended before the run did"))
    is_paused = outcome.get("status") == RunState.PAUSED
    if not output.as_json and (is_paused or not selected):
        output.document(outcome["output"])
    if is_paused:
        raise _paused(output, run.run_id)
    if not selected:
        output.note("Nothing is selected: --select agent_1.content would print that output while it is written")


def _frame(output: Output, frame: Any) -> JsonObject | None:
    """Print one frame; returns the outcome if it is the last one."""
    if output.as_json:
        output.line(msgspec.json.encode(frame).decode())
    if not isinstance(frame, dict):
        return None
    match frame:
        case {"event": "final", "data": dict(outcome)}:
            return outcome
        case {"event": "error"}:
            return {"success": False, "error": frame.get("error")}
        case {"event": "reset"} if not output.as_json:
            output.piece("\n")
            output.note("its worker was lost: what was written so far does not count, it is written anew")
        case {"event": "stream_error", "error": str(error)}:
            output.note(error)
        case {"chunk": str(chunk)} if not output.as_json:
            output.piece(chunk)
    return None


def _reason(run: JsonObject) -> str:
    error = run.get("error") or {}
    where = f"{error['blockName']}: " if error.get("blockName") else ""
    return f"{where}{error.get('message', '')}"


def _field(field: str) -> tuple[str, Any]:
    name, equals, value = field.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"--field takes name=value, not {field!r}")
    try:
        return name, json_of(value, name)
    except Unreadable:
        return name, value
