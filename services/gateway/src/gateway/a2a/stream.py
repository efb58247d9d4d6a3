"""Events of a task, each as a result of the call that requested them."""

from collections.abc import Sequence
from typing import Any

from gateway.a2a.json_rpc import CallId, error_answer, result
from gateway.a2a.task import TEXT, AgentTask, artifact, parts_of, status_of
from gateway.a2a.wire import ArtifactUpdate, Part, StatusUpdate, Task, TaskState, TaskStatus
from gateway.runs.ports import Numbered
from gateway.streams.sse_frames import one_line_frame
from shared.contracts.events import Chunk, RunEvent, StreamReset
from shared.errors import FlowportError


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
