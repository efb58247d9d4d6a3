"""Task presenters of the protocol."""

from typing import Final

from gateway.features.a2a.messages import TEXT, parts_of
from gateway.features.a2a.task import AgentTask, TaskState
from gateway.features.a2a.wire import Artifact, Message, Part, Task, TaskStatus
from shared.clock import iso

ANSWER: Final = "answer"


def shown(task: AgentTask) -> Task:
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
    run, parts = task.run, _remark(task)
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


def _remark(task: AgentTask) -> tuple[Part, ...]:
    if task.question is not None:
        return parts_of(task.output)
    if task.run.error is not None:
        return (Part(text=task.run.error.text, media_type=TEXT),)
    return ()
