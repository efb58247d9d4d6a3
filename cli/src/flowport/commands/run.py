"""`flowport run`: run a workflow and wait, stream its output, or queue it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer

from flowport.client.api_client import RUN_TIMEOUT_SECONDS, JsonObject, api_path
from flowport.client.errors import WaitTimedOut
from flowport.client.runs import RunRef, RunState
from flowport.client.streams import stream_run
from flowport.commands.run_progress import WAIT_SECONDS, note_run_continues, wait_for_run
from flowport.commands.session import Session, WorkflowName
from flowport.errors import CommandFailed
from flowport.input_files import UnreadableInput, decode_json, read_input
from flowport.output import Output


@dataclass(frozen=True)
class Call:
    """An execute request."""

    session: Session
    workflow_id: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """Return the path of the execute route."""
        return api_path("v2", "workflows", self.workflow_id, "execute")

    def execute(self, body: JsonObject) -> JsonObject:
        """Execute the workflow, and return its result, or the reference of a queued run."""
        found: JsonObject = self.session.client.call(
            "POST", self.path, body=body, headers=self.headers, seconds=RUN_TIMEOUT_SECONDS
        )["data"]
        return found


def run(
    session: Session,
    workflow: WorkflowName,
    *,
    input_: Annotated[
        str | None,
        typer.Option("--input", "-i", help="Input as a JSON object. @FILE reads a file, @- standard input."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option("--field", "-f", help="Input field as NAME=VALUE. VALUE may be JSON. Repeatable."),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Stream the outputs that --select names.")] = False,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", help="With --stream: output to print, e.g. agent_1.content. Repeatable."),
    ] = None,
    queue: Annotated[bool, typer.Option("--async", help="Queue the run and print its id.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --async: wait for the run and show its progress.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="With --wait: timeout in seconds.")] = WAIT_SECONDS,
    version: Annotated[int | None, typer.Option(min=1, help="Version to run; default: the live version.")] = None,
) -> None:
    """Run a workflow. Exits with 0 if the run completed, 1 if it failed, 6 if it is paused."""
    if stream and queue:
        raise typer.BadParameter("--stream and --async cannot be combined")
    workflow_id = session.client.workflow_id(workflow)
    body: JsonObject = {"input": parse_input(input_, field or ())}
    call = Call(session, workflow_id, {"X-Workflow-Version": str(version)} if version else {})
    if stream:
        _run_streaming(call, {**body, "selectedOutputs": select or []})
    elif queue:
        _run_queued(call, {**body, "async": True}, wait_seconds=timeout if wait else None)
    else:
        show_result(session.output, call.execute(body))


def parse_input(document: str | None, fields: list[str] | tuple[str, ...]) -> JsonObject:
    """Return the input of a run from `--input` and `--field`. Raises BadParameter."""
    try:
        given = (
            decode_json(read_input(document[1:]) if document.startswith("@") else document, "the value")
            if document
            else {}
        )
    except UnreadableInput as error:
        raise typer.BadParameter(f"--input: {error}") from error
    if not isinstance(given, dict):
        raise typer.BadParameter("--input must be a JSON object")
    return given | dict(map(_field, fields))


def show_result(output: Output, run: JsonObject) -> None:
    """Print the result of a run, or its output so far. Raises Exit unless the run completed."""
    status = run["status"]
    if output.as_json:
        output.print_json(run)
    elif status in (RunState.COMPLETED, RunState.PAUSED):
        output.print_document(run["output"])
    else:
        output.print_note(_reason(run), label=status, style="bold red")
    if status == RunState.PAUSED:
        raise _paused(output, run["runId"])
    if status != RunState.COMPLETED:
        raise typer.Exit(1)


def _paused(output: Output, run_id: str) -> typer.Exit:
    note = f"the run waits for a decision. Wait for its end with `flowport runs wait {run_id}`"
    output.print_note(note, label="paused", style="yellow")
    return typer.Exit(WaitTimedOut.exit_code)


def _run_queued(call: Call, body: JsonObject, *, wait_seconds: float | None) -> None:
    session, queued = call.session, call.execute(body)
    if wait_seconds is not None:
        ref = RunRef(call.workflow_id, queued["runId"])
        show_result(session.output, wait_for_run(session, ref, seconds=wait_seconds))
    elif session.output.as_json:
        session.output.print_json(queued)
    else:
        session.output.print_line(queued["runId"])


def _run_streaming(call: Call, body: JsonObject) -> None:
    output = call.session.output
    outcome: JsonObject = {}
    with stream_run(call.session.client, call.workflow_id, body, call.headers) as run:
        try:
            for frame in run:
                outcome = _frame(output, frame) or outcome
        except KeyboardInterrupt:
            note_run_continues(call.session, run.run_id)
            raise
    selected = bool(body["selectedOutputs"])
    if selected and not output.as_json:
        output.write_text("\n")
    if outcome.get("success") is not True:
        raise CommandFailed(str(outcome.get("error") or "the stream ended before the run did"))
    is_paused = outcome.get("status") == RunState.PAUSED
    if not output.as_json and (is_paused or not selected):
        output.print_document(outcome["output"])
    if is_paused:
        raise _paused(output, run.run_id)
    if not selected:
        output.print_note("No output is selected. Use e.g. --select agent_1.content to stream an output")


def _frame(output: Output, frame: Any) -> JsonObject | None:
    """Print one frame, and return the outcome if it is the last one."""
    if output.as_json:
        output.print_line(msgspec.json.encode(frame).decode())
    if not isinstance(frame, dict):
        return None
    match frame:
        case {"event": "final", "data": dict(outcome)}:
            return outcome
        case {"event": "error"}:
            return {"success": False, "error": frame.get("error")}
        case {"event": "reset"} if not output.as_json:
            output.write_text("\n")
            output.print_note("the worker was lost. Discard the output so far; the run restarts it")
        case {"event": "stream_error", "error": str(error)}:
            output.print_note(error)
        case {"chunk": str(chunk)} if not output.as_json:
            output.write_text(chunk)
    return None


def _reason(run: JsonObject) -> str:
    error = run.get("error") or {}
    where = f"{error['blockName']}: " if error.get("blockName") else ""
    return f"{where}{error.get('message', '')}"


def _field(field: str) -> tuple[str, Any]:
    name, equals, value = field.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"--field must be NAME=VALUE, not {field!r}")
    try:
        return name, decode_json(value, name)
    except UnreadableInput:
        return name, value
