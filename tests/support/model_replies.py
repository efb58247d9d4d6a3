"""Scripted replies of a model, and the server's records of calls."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

import msgspec
from tests.support.chat_wire import JsonObject, words

_encode = msgspec.json.Encoder().encode


class Gate:
    """Holds a reply's tokens back until the test releases them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._permits = asyncio.Semaphore(0)
        self._opened = False

    def release(self, tokens: int = 1) -> None:
        """Release this many more tokens."""
        for _ in range(tokens):
            self._loop.call_soon_threadsafe(self._permits.release)

    def open(self) -> None:
        """Release all remaining tokens."""
        self._opened = True
        self.release()

    async def passed(self) -> None:
        """Wait until the next token is released."""
        await self._permits.acquire()
        if self._opened:
            self._permits.release()


@dataclass(frozen=True)
class ToolCall:
    """A tool call by the model."""

    name: str
    arguments: Mapping[str, Any]
    id: str = "call_0"

    def wire(self, index: int) -> JsonObject:
        """Return the format of the API."""
        arguments = _encode(self.arguments).decode()
        function = {"name": self.name, "arguments": arguments}
        return {"index": index, "id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The model's reply to one call, and how the server sends it."""

    tokens: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: tuple[str, ...] = ()
    """`reasoning_content`, sent before the answer; streams only."""
    token_seconds: float = 0.0
    """Pause before each token."""
    gate: Gate | None = None
    frames_per_write: int = 1
    """Number of stream frames per write."""
    cut_after: int | None = None
    """Break the connection after this many tokens."""
    status: int = 200
    error: str | None = None
    """Error text, used instead of an answer with a status of 400 or more."""
    retry_after: int | None = None
    prompt_tokens: int | None = None
    """Token counts; derived from the messages by default."""

    @classmethod
    def says(cls, text: str, **options: Any) -> Self:
        """Return an answer, streamed word by word."""
        return cls(tokens=tuple(words(text)), **options)

    @classmethod
    def json(cls, value: Any, **options: Any) -> Self:
        """Return an answer that is JSON, as a response format requires."""
        return cls(tokens=(_encode(value).decode(),), **options)

    @classmethod
    def calls(cls, *tool_calls: ToolCall, **options: Any) -> Self:
        """Return an answer that calls tools."""
        return cls(tool_calls=tool_calls, **options)

    @classmethod
    def fails(cls, status: int, error: str, **options: Any) -> Self:
        """Return a refusal."""
        return cls(status=status, error=error, **options)

    @property
    def finish(self) -> str:
        """Finish reason of the reply."""
        return "tool_calls" if self.tool_calls else "stop"


class End(Enum):
    """How a call ended."""

    DONE = "done"
    REFUSED = "refused"
    CUT = "cut"
    HUNG_UP = "hung up"
    """The caller disconnected first."""


@dataclass
class Call:
    """A received call, and the state of its answer."""

    body: JsonObject
    headers: Mapping[str, str]
    tokens_sent: int = 0
    end: End | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def model(self) -> str:
        """The requested model."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[JsonObject]:
        """The conversation."""
        found: list[JsonObject] = self.body.get("messages", [])
        return found

    @property
    def streams(self) -> bool:
        """Whether the caller requested a stream."""
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether the caller requested a usage frame."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))
