"""What chat completions are made of, as far as a workflow can tell."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Open(BaseModel):
    """Keys that a workflow has no use for are ignored."""

    model_config = ConfigDict(extra="ignore")


class ContentPart(_Open):
    """A part of a message: text, or the model's refusal to say any."""

    type: str
    text: str = ""


class Message(_Open):
    """One turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """What it says."""
        parts = self.content or ""
        return parts if isinstance(parts, str) else "".join(part.text for part in parts)


class StreamOptions(_Open):
    """What a stream ends with."""

    include_usage: bool | None = None


class CompletionBody(_Open):
    """A conversation, and the workflow that is to go on with it."""

    model: str = Field(min_length=1, max_length=200, description="Id of the workflow.")
    messages: list[Message] = Field(min_length=1, max_length=1_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, max_length=200, description="The workflow's conversationId.")

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with what it took."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def workflow_input(self) -> dict[str, Any]:
        """The last thing that the user said as `input`, and all of it as `messages`."""
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
    """Of the agent whose answer it is; 0 where no model was asked."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Completion(BaseModel):
    """What the workflow said."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage


class Model(BaseModel):
    """A workflow that can be called."""

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
    param: str | None = Field(None, description="The field of the request that is at fault.")
    code: str | None


class ErrorAnswer(BaseModel):
    """Why a call failed."""

    error: Fault
