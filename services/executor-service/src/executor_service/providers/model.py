"""Provider-independent model of one conversation turn."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from shared.contracts.runs import plausible_tokens
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.response_format import ResponseFormat


class Role(StrEnum):
    """Role of a message's author."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call requested by the model. `arguments` is its JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file attached to a message. `type` is its media type."""

    name: str
    type: str
    content: bytes

    @property
    def base64(self) -> str:
        """Return the content in base64."""
        return b64encode(self.content).decode()

    @property
    def data_url(self) -> str:
        """Return the content as a data URL."""
        return f"data:{self.type};base64,{self.base64}"

    @property
    def text(self) -> str | None:
        """Return a text file's name and content; None for other files."""
        if not self.type.startswith("text/") and self.type not in _TEXTS:
            return None
        try:
            return f"{self.name}:\n{self.content.decode()}"
        except UnicodeDecodeError:
            return None


_TEXTS: Final = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `tool_calls` belong to the assistant; a tool result has its `tool_call_id` and `tool_name`."""

    role: Role
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    attachments: tuple[Attachment, ...] = ()
    """Files of the user."""
    original: object = None
    """Assistant's turn in its provider's form, to be sent back unchanged."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Description of a tool for models; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Request for one turn. `model` is the workflow's name for it, including the prefix."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    forced_tool: str | None = None
    """The tool that must be called in this turn."""
    may_call_tools: bool = True
    """False if an answer is required now: the tools are those that the conversation called so far."""
    response_format: ResponseFormat | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    thinking_level: str | None = None
    timeout_seconds: float = 600.0
    workspace_id: str = ""
    """Workspace whose quotas for outbound connections apply."""
    credentials: Mapping[str, str] = field(default_factory=dict)
    """Block's credentials: `apiKey`, `azureEndpoint`, `azureApiVersion` …"""

    @property
    def system(self) -> str:
        """Return the system messages' text, for vendors that take it separately."""
        return "\n\n".join(message.content or "" for message in self.messages if message.role is Role.SYSTEM)

    def credential(self, name: str) -> str | None:
        """Return a credential of the block; None if empty."""
        return self.credentials.get(name) or None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts of one turn."""

    input: int = 0
    output: int = 0
    cached_input: int = 0

    @classmethod
    def from_counts(cls, read: int | None, written: int | None, cached: int | None) -> "Tokens":
        """Return plausible counts from a vendor's. `cached` is a part of `read`."""
        found = plausible_tokens(read or 0)
        return cls(found, plausible_tokens(written or 0), min(plausible_tokens(cached or 0), found))

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.input + other.input, self.output + other.output, self.cached_input + other.cached_input)

    @property
    def total(self) -> int:
        """Return the sum."""
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one turn for this server's operator, in US dollars; zero if others pay the provider."""

    input: float = 0.0
    output: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(round(self.input + other.input, 8), round(self.output + other.output, 8))

    @property
    def total(self) -> float:
        """Return the sum."""
        return round(self.input + self.output, 8)


NO_TOKENS: Final = Tokens()
NO_COST: Final = Cost()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The model's answer."""

    content: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    tokens: Tokens = NO_TOKENS
    cost: Cost = NO_COST
    original: object = None
    """The turn in the provider's form, if it must be sent back unchanged (signed reasoning)."""


class Listener(Protocol):
    """Receives a turn as it is written."""

    async def text(self, chunk: str) -> None:
        """Add text of the answer."""

    async def thinking(self, chunk: str) -> None:
        """Add reasoning."""


class Provider(Protocol):
    """Provider of models."""

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Request one turn; stream it to the listener, if any. Raises ModelFailure."""

    async def stop(self) -> None:
        """Close all connections."""


def unsupported_file(attachment: Attachment, provider: str) -> "ModelFailure":
    """Return the failure of a request with a file that a provider's API does not support."""
    return ModelFailure(
        f"{attachment.name}: {provider} models do not accept files of type {attachment.type}", status=400
    )


def key_of(request: ModelRequest, provider: str, own_key: str) -> str:
    """Return the block's key, else the server's. Raises ModelFailure without either."""
    key = request.credential("apiKey") or own_key
    if not key:
        raise ModelFailure(f"API key is required for {provider} {request.model}")
    return key


TIMED_OUT: Final = "Provider request timed out"
CONNECTION_CLOSED: Final = "The connection to the model was closed before its answer was complete"


class ModelFailure(Exception):
    """A call of a model failed; the message is the provider's. `status` is the provider's HTTP status, if any.

    `is_transient` says that a retry may help, after `retry_after` seconds if the provider set them.
    """

    def __init__(
        self, message: str, *, status: int | None = None, is_transient: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.is_transient = is_transient
        self.retry_after = retry_after


class ServerUnreachable(ModelFailure):
    """No connection to the provider's server. A retry may help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_transient=True)


class AnswerTooLarge(ModelFailure):
    """The answer exceeds a limit on its size. It is not requested again."""
