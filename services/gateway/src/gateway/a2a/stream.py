"""Events of a task, each as a result of the call that requested them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from gateway.a2a.json_rpc import CallId, ContentTypeNotSupported, error_answer, result
from gateway.a2a.wire import Artifact, ArtifactUpdate, Message, Part, StatusUpdate, Task, TaskState, TaskStatus
from gateway.runs.followed import Numbered
from gateway.runs.views import answer_in_output, redact_for_public
from gateway.streams.sse_frames import one_line_frame
from shared.clock import iso
from shared.contracts.events import Chunk, RunEvent, StreamReset
from shared.contracts.jobs import PauseKind, PausePoint, RunView
from shared.contracts.runs import RunStatus
from shared.errors import FlowportError, InvalidRequest


class AgentTask(msgspec.Struct, frozen=True):
    """Run of an agent, with its output as JSON."""

    run: RunView
    output: bytes

    @property
    def context_id(self) -> str:
        """Return the task's conversation."""
        return self.run.conversation_id or self.run.run_id

    @property
    def question(self) -> PausePoint | None:
        """Return the question it waits for; None unless it waits for an answer."""
        if self.run.status is not RunStatus.PAUSED:
            return None
        return next((point for point in self.run.pauses if point.kind is PauseKind.HUMAN), None)

    @property
    def state(self) -> TaskState:
        """Return the state. A run that waits only for a time counts as working."""
        return TaskState.INPUT_REQUIRED if self.question else _STATES[self.run.status]


class TaskWriter:
    """Formatter of one task's stream, starting from `task`. Implements EventWriter.

    Text is streamed as it is written. If the final answer differs, it replaces the text at the end.
    """

    def __init__(self, call_id: CallId, task: Task) -> None:
        self._call_id = call_id
        self._task = task
        self._is_working = task.status.state is TaskState.WORKING
        self._texts: list[str] = []

    @property
    def head(self) -> bytes:
        """Return the start of every stream."""
        return self._event("task", self._task)

    def write(self, events: Sequence[Numbered]) -> bytes:
        working = b"" if self._is_working else self._status(TaskStatus(state=TaskState.WORKING))
        self._is_working = True
        return working + b"".join([self._frame(event) for _, event in events])

    def final(self, end: AgentTask) -> bytes:
        return self._answer(end) + self._status(status_of(end))

    def broken(self, error: FlowportError) -> bytes:
        return one_line_frame(error_answer(self._call_id, error))

    def _frame(self, event: RunEvent) -> bytes:
        match event:
            case Chunk(text=text) if text:
                begins = not self._texts
                self._texts.append(text)
                return self._artifact_update((Part(text=text, media_type=TEXT),), append=not begins)
            case StreamReset() if self._texts:
                self._texts.clear()
                return self._artifact_update((Part(text="", media_type=TEXT),))
            case _:
                return b""

    def _answer(self, end: AgentTask) -> bytes:
        if end.state is not TaskState.COMPLETED:
            return b""
        parts = parts_of(end.output)
        if parts == (Part(text="".join(self._texts), media_type=TEXT),):
            return b""
        return self._artifact_update(parts, is_last=True)

    def _artifact_update(self, parts: tuple[Part, ...], *, append: bool = False, is_last: bool = False) -> bytes:
        update = ArtifactUpdate(
            task_id=self._task.id,
            context_id=self._task.context_id,
            artifact=artifact(parts),
            append=append,
            last_chunk=is_last,
        )
        return self._event("artifactUpdate", update)

    def _status(self, status: TaskStatus) -> bytes:
        update = StatusUpdate(task_id=self._task.id, context_id=self._task.context_id, status=status)
        return self._event("statusUpdate", update)

    def _event(self, name: str, value: Any) -> bytes:
        return one_line_frame(result(self._call_id, {name: value}))


_STATES: Final[Mapping[RunStatus, TaskState]] = {
    RunStatus.QUEUED: TaskState.SUBMITTED,
    RunStatus.PROCESSING: TaskState.WORKING,
    RunStatus.PAUSED: TaskState.WORKING,
    RunStatus.COMPLETED: TaskState.COMPLETED,
    RunStatus.FAILED: TaskState.FAILED,
    RunStatus.CANCELLED: TaskState.CANCELED,
}


TEXT: Final = "text/plain"


JSON: Final = "application/json"


BYTES: Final = "application/octet-stream"


def workflow_input(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the fields of all data parts, the texts as `input`, and the files.

    Raises ContentTypeNotSupported, InvalidRequest.
    """
    fields: dict[str, Any] = {}
    texts, files = [], []
    for part in parts:
        match _content(part):
            case "text", text:
                texts.append(text)
            case "data", data:
                fields |= _fields(data)
            case _:
                files.append(_file(part))
    text_input = {"input": "\n".join(texts)} if texts else {}
    return {**fields, **text_input, **({"files": files} if files else {})}


def parts_of(output: bytes) -> tuple[Part, ...]:
    """Return the run's answer: text as text, anything else as data."""
    answer = answer_in_output(redact_for_public(output))
    if isinstance(answer, str):
        return (Part(text=answer, media_type=TEXT),)
    return (Part(data=answer, media_type=JSON),)


def _content(part: Part) -> tuple[str, Any]:
    contents = {"text": part.text, "raw": part.raw, "url": part.url}
    found = [(kind, value) for kind, value in contents.items() if value is not None]
    if part.data is not UNSET:
        found.append(("data", part.data))
    if len(found) != 1:
        raise InvalidRequest("A part must have exactly one of text, raw, url and data")
    return found[0]


def _fields(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ContentTypeNotSupported("A data part must be a JSON object: its members are the workflow's fields")
    return data


def _file(part: Part) -> dict[str, str]:
    mime, name = part.media_type or BYTES, part.filename or "file"
    if part.url is not None:
        return {"type": "url", "data": part.url, "name": name, "mime": mime}
    return {"type": "file", "data": f"data:{mime};base64,{part.raw}", "name": name, "mime": mime}


ANSWER: Final = "answer"


def task_body(task: AgentTask) -> Task:
    """Present the task."""
    made = (artifact(parts_of(task.output)),) if task.state is TaskState.COMPLETED else ()
    return Task(id=task.run.run_id, context_id=task.context_id, status=status_of(task), artifacts=made)


def submitted(task_id: str, context_id: str) -> Task:
    """Present a new task."""
    return Task(id=task_id, context_id=context_id, status=TaskStatus(state=TaskState.SUBMITTED))


def resumed(task: AgentTask) -> Task:
    """Present a task that was just answered."""
    return Task(id=task.run.run_id, context_id=task.context_id, status=TaskStatus(state=TaskState.WORKING))


def status_of(task: AgentTask) -> TaskStatus:
    """Return the task's state with its message: a question, or an error."""
    run, parts = task.run, _status_parts(task)
    since = run.ended_at or run.paused_at or run.started_at or run.created_at
    message = Message(
        message_id=f"{run.run_id}-{task.state.removeprefix('TASK_STATE_').lower()}",
        context_id=task.context_id,
        task_id=run.run_id,
        role="ROLE_AGENT",
        parts=parts,
    )
    return TaskStatus(state=task.state, message=message if parts else None, timestamp=iso(since))


def artifact(parts: tuple[Part, ...]) -> Artifact:
    """Return the task's only artifact: its answer."""
    return Artifact(artifact_id=ANSWER, name=ANSWER, parts=parts)


def _status_parts(task: AgentTask) -> tuple[Part, ...]:
    if task.question is not None:
        return parts_of(task.output)
    if task.run.error is not None:
        return (Part(text=task.run.error.text, media_type=TEXT),)
    return ()
