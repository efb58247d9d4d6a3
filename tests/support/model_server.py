"""A scripted model server: OpenAI-compatible chat completions on loopback.

    with ModelServer() as models:
        models.answer("clever", Reply.says("Forty two."))
        ...  # a workflow whose agent has the model `vllm/clever` and VLLM_BASE_URL = models.url
        assert models.calls_of("clever")[0].messages[-1]["content"] == "What is the answer?"

A model without a script echoes the last user message.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from tests.support.chat_wire import DONE, Completion, JsonObject, last_user_text, refusal, usage, words
from tests.support.loopback import LoopbackServer
from tests.support.model_replies import Call, End, Gate, Reply, ToolCall

__all__ = ["Call", "End", "Gate", "ModelServer", "Reply", "ToolCall"]

_JSON_HEAD = [(b"content-type", b"application/json")]
_STREAM_HEAD = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
_encode = msgspec.json.Encoder().encode


class CutOff(Exception):
    """Closes the connection in the middle of the answer."""


class ModelServer(LoopbackServer):
    """The server; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._scripts: dict[str, deque[Reply]] = defaultdict(deque)
        super().__init__(self._app, name="model server")

    @property
    def url(self) -> str:
        """The base URL, without `/v1`."""
        return self.origin

    def answer(self, model: str, *replies: Reply) -> None:
        """Give `model` these replies, one per call; the last one repeats."""
        self._scripts[model] = deque(replies)

    def gate(self) -> Gate:
        """Return a new, closed gate for a reply."""
        return Gate(self._loop)

    def calls_of(self, model: str) -> list[Call]:
        """Return the calls for `model`, oldest first."""
        return [call for call in self._calls if call.model == model]

    def _reply_to(self, call: Call) -> Reply:
        script = self._scripts.get(call.model)
        if not script:
            return Reply.says(last_user_text(call.messages))
        return script.popleft() if len(script) > 1 else script[0]

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if (request.method, request.url.path) != ("POST", "/v1/chat/completions"):
            await _respond(send, 404, refusal(f"no {request.method} {request.url.path} here"))
            return
        call = Call(msgspec.json.decode(await request.body()), dict(request.headers))
        self._calls.append(call)
        await _cancel_on_disconnect(call, receive, _serve(call, self._reply_to(call), send))


async def _cancel_on_disconnect(call: Call, receive: Receive, serving: Any) -> None:
    """Cancel the application when its caller disconnects; Uvicorn does not."""
    work, watch = asyncio.ensure_future(serving), asyncio.ensure_future(receive())
    await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
    watch.cancel()
    if work.done():
        work.result()
    else:
        work.cancel()
        call.end = End.HUNG_UP


async def _serve(call: Call, reply: Reply, send: Send) -> None:
    if reply.status >= 400:
        call.end = End.REFUSED
        more = [(b"retry-after", str(reply.retry_after).encode())] if reply.retry_after is not None else []
        await _respond(send, reply.status, refusal(reply.error or "refused"), more)
        return
    try:
        await (_stream(call, reply, send) if call.streams else _whole(call, reply, send))
    except CutOff:
        call.end = End.CUT
        raise
    call.end = End.DONE


async def _whole(call: Call, reply: Reply, send: Send) -> None:
    content = "".join([token async for token in _tokens(call, reply)])
    tool_calls = [tool.wire(index) for index, tool in enumerate(reply.tool_calls)]
    body = Completion(call.model).whole(
        content or None, used=_used(call, reply), finish=reply.finish, tool_calls=tool_calls
    )
    await _respond(send, 200, body)


async def _stream(call: Call, reply: Reply, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEAD})
    pending: list[bytes] = []
    async for piece in _frames(call, reply):
        pending.append(piece)
        if len(pending) >= reply.frames_per_write:
            await send({"type": "http.response.body", "body": b"".join(pending), "more_body": True})
            pending.clear()
    await send({"type": "http.response.body", "body": b"".join([*pending, DONE])})


async def _frames(call: Call, reply: Reply) -> AsyncIterator[bytes]:
    completion = Completion(call.model)
    for thought in reply.thinking:
        yield completion.chunk({"reasoning_content": thought})
    async for token in _tokens(call, reply):
        yield completion.chunk({"content": token})
    for index, tool in enumerate(reply.tool_calls):
        yield completion.chunk({"tool_calls": [tool.wire(index)]})
    yield completion.chunk({}, finish=reply.finish)
    if call.wants_usage:
        yield completion.usage_chunk(_used(call, reply))


async def _tokens(call: Call, reply: Reply) -> AsyncIterator[str]:
    for token in reply.tokens:
        if call.tokens_sent == reply.cut_after:
            raise CutOff
        if reply.gate:
            await reply.gate.passed()
        if reply.token_seconds:
            await asyncio.sleep(reply.token_seconds)
        call.tokens_sent += 1
        yield token


def _used(call: Call, reply: Reply) -> JsonObject:
    counted = sum(len(words(str(message.get("content", "")))) for message in call.messages)
    return usage(counted if reply.prompt_tokens is None else reply.prompt_tokens, len(reply.tokens))


async def _respond(send: Send, status: int, body: JsonObject, more: list[tuple[bytes, bytes]] | None = None) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*_JSON_HEAD, *(more or [])]})
    await send({"type": "http.response.body", "body": _encode(body)})
