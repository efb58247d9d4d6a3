"""A run as a task of the Agent2Agent protocol."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from shared.contracts.jobs import RunView
from shared.contracts.pauses import PauseKind, PausePoint
from shared.contracts.runs import RunStatus


class TaskState(StrEnum):
    """Task states that our runs can have."""

    SUBMITTED = "TASK_STATE_SUBMITTED"
    WORKING = "TASK_STATE_WORKING"
    INPUT_REQUIRED = "TASK_STATE_INPUT_REQUIRED"
    COMPLETED = "TASK_STATE_COMPLETED"
    FAILED = "TASK_STATE_FAILED"
    CANCELED = "TASK_STATE_CANCELED"


_STATES: Final[Mapping[RunStatus, TaskState]] = {
    RunStatus.QUEUED: TaskState.SUBMITTED,
    RunStatus.PROCESSING: TaskState.WORKING,
    RunStatus.PAUSED: TaskState.WORKING,
    RunStatus.COMPLETED: TaskState.COMPLETED,
    RunStatus.FAILED: TaskState.FAILED,
    RunStatus.CANCELLED: TaskState.CANCELED,
}


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
