"""What goes over the wire of the Agent2Agent protocol, in its JSON; only what we read or say."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from gateway.features.a2a.task import TaskState

Id = Annotated[str, Meta(min_length=1, max_length=128)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Keys are in camel case; what has no value is left out."""


class Part(Wire, frozen=True):
    """One of text, data, a file's bytes in base64, or a file's address."""

    text: str | None = None
    raw: str | None = None
    url: str | None = None
    data: Any = UNSET
    filename: str | None = None
    media_type: str | None = None


class Said(Wire, frozen=True):
    """A message that a caller sends."""

    message_id: Id
    role: Literal["ROLE_USER"]
    parts: Annotated[tuple[Part, ...], Meta(min_length=1, max_length=100)]
    context_id: Id | None = None
    task_id: Id | None = None


class SendConfiguration(Wire, frozen=True):
    """How the caller wants to be answered."""

    task_push_notification_config: Any = UNSET
    return_immediately: bool = False


class SendParams(Wire, frozen=True):
    """Of SendMessage and SendStreamingMessage."""

    message: Said
    configuration: SendConfiguration = SendConfiguration()


class TaskParams(Wire, frozen=True):
    """Of everything about one task."""

    id: str


class Message(Wire, frozen=True):
    """A message that an agent sends."""

    message_id: str
    context_id: str
    task_id: str
    role: Literal["ROLE_AGENT"]
    parts: tuple[Part, ...]


class TaskStatus(Wire, frozen=True):
    """Where a task stands, since when, and what there is to say about it."""

    state: TaskState
    message: Message | None = None
    timestamp: str | None = None


class Artifact(Wire, frozen=True):
    """What a task has made."""

    artifact_id: str
    name: str
    parts: tuple[Part, ...]


class Task(Wire, frozen=True):
    """A task as it stands."""

    id: str
    context_id: str
    status: TaskStatus
    artifacts: tuple[Artifact, ...] = ()


class StatusUpdate(Wire, frozen=True):
    """A task stands elsewhere."""

    task_id: str
    context_id: str
    status: TaskStatus


class ArtifactUpdate(Wire, frozen=True):
    """More of an artifact with `append`, otherwise what it is from now on."""

    task_id: str
    context_id: str
    artifact: Artifact
    append: bool = False
    last_chunk: bool = False
