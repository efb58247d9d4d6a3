"""JSON of the Agent2Agent protocol, as far as we read or write it."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

Id = Annotated[str, Meta(min_length=1, max_length=128)]


class TaskState(StrEnum):
    """Task states that our runs can have."""

    SUBMITTED = "TASK_STATE_SUBMITTED"
    WORKING = "TASK_STATE_WORKING"
    INPUT_REQUIRED = "TASK_STATE_INPUT_REQUIRED"
    COMPLETED = "TASK_STATE_COMPLETED"
    FAILED = "TASK_STATE_FAILED"
    CANCELED = "TASK_STATE_CANCELED"


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Keys are in camel case; empty values are omitted."""


class Part(Wire, frozen=True):
    """Text, data, a file's bytes in base64, or a file's URL."""

    text: str | None = None
    raw: str | None = None
    url: str | None = None
    data: Any = UNSET
    filename: str | None = None
    media_type: str | None = None


class IncomingMessage(Wire, frozen=True):
    """Message from a caller."""

    message_id: Id
    role: Literal["ROLE_USER"]
    parts: Annotated[tuple[Part, ...], Meta(min_length=1, max_length=100)]
    context_id: Id | None = None
    task_id: Id | None = None


class SendConfiguration(Wire, frozen=True):
    """Options of the answer."""

    task_push_notification_config: Any = UNSET
    return_immediately: bool = False


class SendParams(Wire, frozen=True):
    """Parameters of SendMessage and SendStreamingMessage."""

    message: IncomingMessage
    configuration: SendConfiguration = SendConfiguration()


class TaskParams(Wire, frozen=True):
    """Parameters of methods for one task."""

    id: str


class Message(Wire, frozen=True):
    """Message from an agent."""

    message_id: str
    context_id: str
    task_id: str
    role: Literal["ROLE_AGENT"]
    parts: tuple[Part, ...]


class TaskStatus(Wire, frozen=True):
    """State of a task, its time and message."""

    state: TaskState
    message: Message | None = None
    timestamp: str | None = None


class Artifact(Wire, frozen=True):
    """Result of a task."""

    artifact_id: str
    name: str
    parts: tuple[Part, ...]


class Task(Wire, frozen=True):
    """Task."""

    id: str
    context_id: str
    status: TaskStatus
    artifacts: tuple[Artifact, ...] = ()


class StatusUpdate(Wire, frozen=True):
    """Change of a task's state."""

    task_id: str
    context_id: str
    status: TaskStatus


class ArtifactUpdate(Wire, frozen=True):
    """Addition to an artifact with `append`, otherwise its replacement."""

    task_id: str
    context_id: str
    artifact: Artifact
    append: bool = False
    last_chunk: bool = False
