"""What a scripted model says to a call, and what the server remembers of the call."""

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
    """Holds a reply's tokens back until the test lets them go."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._permits = asyncio.Semaphore(0)
        self._opened = False

    def release(self, tokens: int = 1) -> None:
        """Let this many more tokens out."""
        for _ in range(tokens):
            self._loop.call_soon_threadsafe(self._permits.release)

    def open(self) -> None:
        """Hold nothing back any more."""
        self._opened = True
        self.release()

    async def passed(self) -> None:
        """Wait until the next token may go."""
        await self._permits.acquire()
        if self._opened:
            self._permits.release()


@dataclass(frozen=True)
class ToolCall:
    """The model asks for a tool."""

    name: str
    arguments: Mapping[str, Any]
    id: str = "call_0"

    def wire(self, index: int) -> JsonObject:
        """As the API has it."""
        arguments = _encode(self.arguments).decode()
        function = {"name": self.name, "arguments": arguments}
        return {"index": index, "id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the model says to one call, and how."""

    tokens: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: tuple[str, ...] = ()
    """Sent before the answer as `reasoning_content`; streams only."""
    token_seconds: float = 0.0
    """Pause before each token."""
    gate: Gate | None = None
    frames_per_write: int = 1
    """How many stream frames leave in one piece."""
    cut_after: int | None = None
    """Break the connection after this many tokens."""
    status: int = 200
    error: str | None = None
    """With a status of 400 or more: the error's text, instead of an answer."""
    retry_after: int | None = None
    prompt_tokens: int | None = None
    """Counted from the messages when not given."""

    @classmethod
    def says(cls, text: str, **options: Any) -> Self:
        """An answer, a word at a time."""
        return cls(tokens=tuple(words(text)), **options)

    @classmethod
    def json(cls, value: Any, **options: Any) -> Self:
        """An answer that is JSON, as a response format asks for."""
        return cls(tokens=(_encode(value).decode(),), **options)

    @classmethod
    def calls(cls, *tool_calls: ToolCall, **options: Any) -> Self:
        """An answer that asks for tools."""
        return cls(tool_calls=tool_calls, **options)

    @classmethod
    def fails(cls, status: int, error: str, **options: Any) -> Self:
        """A refusal."""
        return cls(status=status, error=error, **options)

    @property
    def finish(self) -> str:
        """Why the model stopped."""
        return "tool_calls" if self.tool_calls else "stop"


class End(Enum):
    """How a call ended."""

    DONE = "done"
    REFUSED = "refused"
    CUT = "cut"
    HUNG_UP = "hung up"
    """The caller went away first."""


@dataclass
class Call:
    """A call as it arrived, and how far its answer got."""

    body: JsonObject
    headers: Mapping[str, str]
    tokens_sent: int = 0
    end: End | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[JsonObject]:
        """The conversation."""
        found: list[JsonObject] = self.body.get("messages", [])
        return found

    @property
    def streams(self) -> bool:
        """Whether the caller asked for a stream."""
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether the caller asked for a usage frame."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))
