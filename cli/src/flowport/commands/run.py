"""`flowport run`: run a workflow and wait, stream its output, or queue it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import typer

from flowport.client.api_client import RUN_TIMEOUT_SECONDS, ApiClient, JsonObject, api_path
from flowport.client.errors import WaitTimedOut
from flowport.client.runs import RunRef, RunState
from flowport.client.streams import stream_run
from flowport.commands.run_progress import WAIT_SECONDS, note_run_continues, wait_for_run
from flowport.commands.session import Session, WorkflowName
from flowport.errors import CommandFailed
from flowport.input_files import UnreadableInput, decode_json, read_input
from flowport.output import Output
from shared.workflow.format.references import normalize_name

_USEFUL: Final[Mapping[str, frozenset[str]]] = {
    "data": frozenset({"status", "headers"}),
    "content": frozenset({"model", "tokens"}),
    "result": frozenset({"stdout"}),
}
"""Fields with the useful part of an output, and the other fields: of a response, an agent, a function."""


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
    timeout: Annotated[float | None, typer.Option(min=1, help="With --wait: timeout in seconds.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print the whole output.")] = False,
    version: Annotated[int | None, typer.Option(min=1, help="Version to run; default: the live version.")] = None,
) -> None:
    """Run a workflow. Exits with 0 if the run completed, 1 if it failed, 6 if it is paused.

    Prints the response, or else the text or result of the last block; --full prints the whole output.

    Example: flowport run Support -f message="Where is my refund?" --stream
    """
    _refuse_idle_options(stream=stream, select=select, queue=queue, wait=wait, timeout=timeout)
    workflow_id = session.client.workflow_id(workflow)
    body: JsonObject = {"input": parse_input(input_, field or ())}
    call = Call(session, workflow_id, {"X-Workflow-Version": str(version)} if version else {})
    if stream:
        selected = select or first_agent_text(session.client, workflow_id, version)
        run_streaming(call, {**body, "selectedOutputs": selected}, full=full)
    elif queue:
        seconds = (timeout or WAIT_SECONDS) if wait else None
        _run_queued(call, {**body, "async": True}, wait_seconds=seconds, full=full)
    else:
        show_result(session.output, call.execute(body), full=full)


def _refuse_idle_options(
    *, stream: bool, select: list[str] | None, queue: bool, wait: bool, timeout: float | None
) -> None:
    """Raise BadParameter for options that the others leave without effect."""
    if stream and queue:
        raise typer.BadParameter("--stream and --async cannot be combined")
    if select and not stream:
        raise typer.BadParameter("--select applies only with --stream")
    if wait and not queue:
        raise typer.BadParameter("--wait applies only with --async")
    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout applies only with --wait")


def first_agent_text(client: ApiClient, workflow_id: str, version: int | None = None) -> list[str]:
    """Return the text of the first agent as selected output; an empty list without one, or without read access."""
    try:
        if version is None:
            state = client.call("GET", api_path("workflows", workflow_id, "deployed"))["deployedState"]
        else:
            state = client.call("GET", api_path("workflows", workflow_id, "deployments", version))["deployedState"]
    except CommandFailed:
        return []
    blocks = (state or {}).get("blocks", {}).values()
    agents = [
        block
        for block in blocks
        if block.get("type") == "agent"
        and block.get("enabled") is not False
        and not ((block.get("subBlocks") or {}).get("responseFormat") or {}).get("value")
    ]
    return [f"{normalize_name(agents[0]['name'])}.content"] if agents else []


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


def show_result(output: Output, run: JsonObject, *, full: bool = True) -> None:
    """Print the result of a run, or its output so far. Raises Exit unless the run completed.

    Without `full`, prints only the useful part of the output.
    """
    status = run["status"]
    if output.as_json:
        output.print_json(run)
    elif status in (RunState.COMPLETED, RunState.PAUSED):
        print_answer(output, run["output"], full=full or status == RunState.PAUSED)
    else:
        output.print_note(_reason(run), label=status, style="bold red")
    if status == RunState.PAUSED:
        raise _paused(output, run)
    if status != RunState.COMPLETED:
        raise typer.Exit(1)


def print_answer(output: Output, document: Any, *, full: bool, has_hint: bool = True) -> None:
    """Print an output: its text or result alone if it has one and `full` is off."""
    useful = document if full else useful_part(document)
    if isinstance(useful, str):
        output.print_line(useful)
    else:
        output.print_document(useful)
    if has_hint and useful is not document and useful != document:
        output.print_note("Use --full to print the whole output")


def useful_part(document: Any) -> Any:
    """Return the part of an output that most callers want: a response's data, an agent's text, a function's result."""
    if not isinstance(document, dict):
        return document
    for key, others in _USEFUL.items():
        if key in document and others <= document.keys():
            return document[key]
    return document


def _is_response(document: Any) -> bool:
    return isinstance(document, dict) and document.keys() >= {"data", "status", "headers"}


def _paused(output: Output, run: JsonObject) -> typer.Exit:
    note = f"the run waits {_awaited(run['output'])}. Wait for its end with `flowport runs wait {run['runId']}`"
    output.print_note(note, label="paused", style="yellow")
    return typer.Exit(WaitTimedOut.exit_code)


def _awaited(shown: Any) -> str:
    """Return what a paused run waits for: a time if all its pauses end by themselves, else a person."""
    given = shown if isinstance(shown, dict) else {}
    pauses = [each.get("data") for each in given.get("pausedBlocks") or [given]]
    times = [each["resumeAt"] for each in pauses if isinstance(each, dict) and each.get("operation") == "wait"]
    return f"until {min(times)}" if pauses and len(times) == len(pauses) else "for a decision"


def _run_queued(call: Call, body: JsonObject, *, wait_seconds: float | None, full: bool) -> None:
    session, queued = call.session, call.execute(body)
    if wait_seconds is not None:
        ref = RunRef(call.workflow_id, queued["runId"])
        show_result(session.output, wait_for_run(session, ref, seconds=wait_seconds), full=full)
    elif session.output.as_json:
        session.output.print_json(queued)
    else:
        session.output.print_line(queued["runId"])


def run_streaming(call: Call, body: JsonObject, *, full: bool, is_trial: bool = False) -> None:
    """Run a workflow and print its stream, or its result if nothing was streamed. Raises CommandFailed, Exit.

    A trial prints a response after the stream, too, and no hints on options.
    """
    output = call.session.output
    outcome: JsonObject = {}
    has_text = False
    with stream_run(call.session.client, call.workflow_id, body, call.headers) as run:
        try:
            for frame in run:
                outcome = _frame(output, frame) or outcome
                has_text = has_text or (isinstance(frame, dict) and bool(frame.get("chunk")))
        except KeyboardInterrupt:
            note_run_continues(call.session, run.run_id)
            raise
    selected = bool(body["selectedOutputs"])
    if has_text and not output.as_json:
        output.write_text("\n")
    if outcome.get("success") is not True:
        raise CommandFailed(str(outcome.get("error") or "the stream ended before the run did"))
    is_paused = outcome.get("status") == RunState.PAUSED
    if not output.as_json and (is_paused or not has_text or is_trial):
        answer = outcome["output"]
        if selected and not is_paused and run.run_id:  # the stream has only the selected outputs
            answer = wait_for_run(call.session, RunRef(call.workflow_id, run.run_id))["output"]
        if not has_text or is_paused or _is_response(answer):
            print_answer(output, answer, full=full or is_paused, has_hint=not is_trial)
    if is_paused:
        raise _paused(output, {"runId": run.run_id, "output": outcome["output"]})
    if not selected and not is_trial:
        output.print_note("The workflow has no agent whose text could be streamed. --select names other outputs")


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
