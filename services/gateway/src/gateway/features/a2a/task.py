"""A run as a task of the Agent2Agent protocol."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from shared.contracts.jobs import RunView
from shared.contracts.pauses import PauseKind, PausePoint
from shared.contracts.runs import RunStatus


class TaskState(StrEnum):
    """The states that our runs can be in."""

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
    """A run that an agent was given, with its output as JSON."""

    run: RunView
    output: bytes

    @property
    def context_id(self) -> str:
        """The conversation that it belongs to."""
        return self.run.conversation_id or self.run.run_id

    @property
    def question(self) -> PausePoint | None:
        """What it waits to be answered; None while it waits for nobody."""
        if self.run.status is not RunStatus.PAUSED:
            return None
        return next((point for point in self.run.pauses if point.kind is PauseKind.HUMAN), None)

    @property
    def state(self) -> TaskState:
        """Where it stands. One that only waits for a time to come is at work."""
        return TaskState.INPUT_REQUIRED if self.question else _STATES[self.run.status]
