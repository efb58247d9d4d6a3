"""A minimal OpenAI-compatible model server that streams the user's words back.

The model name selects the pace: `words` without delay, `words-10` with 10 ms after each word. Run it with uvicorn:
`benchmarks.baselines.model_server:app`.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from tests.support.chat_wire import DONE, Completion, last_user_text, usage, words


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream a chat completion."""
    request = msgspec.json.decode(await Request(scope, receive).body())
    await StreamingResponse(_stream_words(request), media_type="text/event-stream")(scope, receive, send)


async def _stream_words(request: dict[str, Any]) -> AsyncIterator[bytes]:
    _, _, gap = request["model"].partition("-")
    echoed = words(last_user_text(request["messages"]))
    completion = Completion(request["model"])
    for word in echoed:
        yield completion.chunk({"content": word})
        await asyncio.sleep(float(gap or 0) / 1000)
    yield completion.chunk({}, finish="stop") + completion.usage_chunk(usage(1, len(echoed))) + DONE
