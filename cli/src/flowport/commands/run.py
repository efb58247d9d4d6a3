"""`flowport run`: call a workflow and wait, read its text as it comes, or queue it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from flowport.client.door import RUN_SECONDS, JsonObject, path
from flowport.client.runs import RunPlace, RunState
from flowport.commands.output import Output
from flowport.commands.run_waiting import SECONDS, await_run, goes_on
from flowport.commands.session import Session, WorkflowName
from flowport.failures import CommandFailed


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
    """Run a workflow. Exits with 0 when it completed, with 1 when it failed."""
    if stream and queue:
        raise typer.BadParameter("--stream and --async exclude each other")
    workflow_id = session.door.workflow_id(workflow)
    body: JsonObject = {"input": input_of(input_, field or ())}
    call = Call(session, workflow_id, {"X-Workflow-Version": str(version)} if version else {})
    if stream:
        _streamed(call, {**body, "stream": True, "selectedOutputs": select or []})
    elif queue:
        _queued(call, {**body, "async": True}, wait_seconds=timeout if wait else None)
    else:
        show_result(session.output, call.execute(body))


def input_of(document: str | None, fields: list[str] | tuple[str, ...]) -> JsonObject:
    """The input of a run, from `--input` and `--field`. Raises BadParameter."""
    given = _decoded(_text_of(document)) if document else {}
    if not isinstance(given, dict):
        raise typer.BadParameter("--input has to be a JSON object")
    return given | dict(map(_field, fields))


def show_result(output: Output, run: JsonObject) -> None:
    """Print how a run ended. Raises Exit with 1 unless it completed."""
    if output.as_json:
        output.json(run)
    elif run["status"] == RunState.COMPLETED:
        output.document(run["output"])
    else:
        output.note(_reason(run), label=run["status"], style="bold red")
    if run["status"] != RunState.COMPLETED:
        raise typer.Exit(1)


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
    with call.session.door.stream(call.path, body, call.headers) as run:
        try:
            for frame in run.frames:
                outcome = _frame(output, frame) or outcome
        except KeyboardInterrupt:
            goes_on(call.session, str(run.run_id))
            raise
    selected = bool(body["selectedOutputs"])
    if selected and not output.as_json:
        output.piece("\n")
    if outcome.get("success") is not True:
        raise CommandFailed(str(outcome.get("error") or "the stream ended before the run did"))
    if not selected and not output.as_json:
        output.note("Nothing is selected: --select agent_1.content would print that output while it is written")
        output.document(outcome["output"])


def _frame(output: Output, frame: Any) -> JsonObject | None:
    """Print one frame; returns the outcome if it is the last one."""
    if output.as_json:
        output.line(msgspec.json.encode(frame).decode())
    elif isinstance(frame, dict) and isinstance(frame.get("chunk"), str):
        output.piece(frame["chunk"])
    if not isinstance(frame, dict):
        return None
    if frame.get("event") == "error":
        return {"success": False, "error": frame.get("error")}
    return frame.get("data") if frame.get("event") == "final" else None


def _reason(run: JsonObject) -> str:
    error = run.get("error") or {}
    where = f"{error['blockName']}: " if error.get("blockName") else ""
    return f"{where}{error.get('message', '')}"


def _text_of(document: str) -> str:
    if document == "@-":
        return sys.stdin.read()
    if not document.startswith("@"):
        return document
    try:
        return Path(document[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{document[1:]} cannot be read: {error.strerror}") from error


def _field(field: str) -> tuple[str, Any]:
    name, equals, value = field.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"--field takes name=value, not {field!r}")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise typer.BadParameter(f"--input is not JSON: {error}") from error
