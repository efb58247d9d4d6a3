"""Bodies of chat completions, as far as workflows use them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Open(BaseModel):
    """Unused keys are ignored."""

    model_config = ConfigDict(extra="ignore")


class ContentPart(_Open):
    """Part of a message: text, or the model's refusal."""

    type: str
    text: str = ""


class Message(_Open):
    """Message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """Return the message's text."""
        parts = self.content or ""
        return parts if isinstance(parts, str) else "".join(part.text for part in parts)


class StreamOptions(_Open):
    """Options of a stream's end."""

    include_usage: bool | None = None


class CompletionBody(_Open):
    """Conversation, and the workflow that continues it."""

    model: str = Field(min_length=1, max_length=200, description="Id of the workflow.")
    messages: list[Message] = Field(min_length=1, max_length=1_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, max_length=200, description="The workflow's conversationId.")

    @property
    def wants_usage(self) -> bool:
        """Return whether a stream ends with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def workflow_input(self) -> dict[str, Any]:
        """Return the last user message as `input`, and all messages as `messages`."""
        said = [message.text for message in self.messages if message.role == "user"]
        turns = [{"role": message.role, "content": message.text} for message in self.messages]
        identity = {} if self.user is None else {"conversationId": self.user}
        return {"input": said[-1] if said else self.messages[-1].text, "messages": turns, **identity}


class ReplyMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    index: int = 0
    message: ReplyMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class TokenUsage(BaseModel):
    """Tokens of the agent that answered; 0 without a model call."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Completion(BaseModel):
    """Answer of the workflow."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage


class Model(BaseModel):
    """Callable workflow."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class Fault(BaseModel):
    message: str
    type: str
    param: str | None = Field(None, description="The invalid field of the request.")
    code: str | None


class ErrorAnswer(BaseModel):
    """Error of a failed call."""

    error: Fault
