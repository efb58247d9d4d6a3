"""One turn of a conversation with a model, whoever serves it."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from shared.contracts.usage import believable
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.response_format import ResponseFormat


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to be run. `arguments` is the JSON text that it wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message. `type` is its media type."""

    name: str
    type: str
    content: bytes

    @property
    def base64(self) -> str:
        """The content, as JSON can carry it."""
        return b64encode(self.content).decode()

    @property
    def data_url(self) -> str:
        """The content, with its type before it."""
        return f"data:{self.type};base64,{self.base64}"

    @property
    def text(self) -> str | None:
        """What a text file says, under its name; None for other files."""
        if not self.type.startswith("text/") and self.type not in _TEXTS:
            return None
        try:
            return f"{self.name}:\n{self.content.decode()}"
        except UnicodeDecodeError:
            return None


_TEXTS: Final = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `tool_calls` belong to the assistant; a tool's answer names its `tool_call_id` and `tool_name`."""

    role: Role
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    attachments: tuple[Attachment, ...] = ()
    """Files that the user sends with it."""
    original: object = None
    """An assistant's turn in its provider's own form, to be sent back as it was."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What the model is told of a tool; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One turn asked of a model. `model` is as the workflow names it, prefix included."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    forced_tool: str | None = None
    """The tool that must be called this time."""
    may_call_tools: bool = True
    """False where an answer is wanted now: the tools are those that the conversation so far called."""
    response_format: ResponseFormat | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    thinking_level: str | None = None
    timeout_seconds: float = 600.0
    credentials: Mapping[str, str] = field(default_factory=dict)
    """Of the block: `apiKey`, `azureEndpoint`, `azureApiVersion` …"""

    @property
    def system(self) -> str:
        """What its system messages say, for vendors that take that apart from the conversation."""
        return "\n\n".join(message.content or "" for message in self.messages if message.role is Role.SYSTEM)

    def credential(self, name: str) -> str | None:
        """A credential of the block, None when it is empty."""
        return self.credentials.get(name) or None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one turn used."""

    input: int = 0
    output: int = 0
    cached_input: int = 0

    @classmethod
    def told(cls, read: int | None, written: int | None, cached: int | None) -> "Tokens":
        """What a vendor says, as far as it can be true. `cached` is a part of what was read."""
        found = believable(read or 0)
        return cls(found, believable(written or 0), min(believable(cached or 0), found))

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.input + other.input, self.output + other.output, self.cached_input + other.cached_input)

    @property
    def total(self) -> int:
        """Both together."""
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Cost:
    """What one turn costs whoever runs this server, in US dollars; nothing where others pay the provider."""

    input: float = 0.0
    output: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(round(self.input + other.input, 8), round(self.output + other.output, 8))

    @property
    def total(self) -> float:
        """Both together."""
        return round(self.input + self.output, 8)


NO_TOKENS: Final = Tokens()
NO_COST: Final = Cost()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model answered."""

    content: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    tokens: Tokens = NO_TOKENS
    cost: Cost = NO_COST
    original: object = None
    """The turn in the provider's own form, where it must be sent back like that (signed reasoning)."""


class Listener(Protocol):
    """Hears a turn while it is written."""

    async def text(self, piece: str) -> None:
        """More of the answer."""
        ...

    async def thinking(self, piece: str) -> None:
        """More of the reasoning."""
        ...


class Provider(Protocol):
    """Somebody who serves models."""

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Ask for one turn; with a listener, it is heard while it is written. Raises ModelFailure."""
        ...

    async def stop(self) -> None:
        """Close every connection."""
        ...


def cannot_take(attachment: Attachment, provider: str) -> "ModelFailure":
    """The failure of a request with a file that a provider's API has no place for."""
    return ModelFailure(f"{attachment.name}: {provider} models take no files of type {attachment.type}", status=400)


TIMED_OUT: Final = "Provider request timed out"
BROKEN_OFF: Final = "The connection to the model was closed before its answer was complete"


class ModelFailure(Exception):
    """The model did not answer, in the provider's own words. `status` is the provider's HTTP status, if any.

    `may_pass` says that asking again may help, after `retry_after` seconds where the provider named them.
    """

    def __init__(
        self, message: str, *, status: int | None = None, may_pass: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.may_pass = may_pass
        self.retry_after = retry_after


class AnswerTooLarge(ModelFailure):
    """The answer exceeds a limit on its size. It is not requested again."""
