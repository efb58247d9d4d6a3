"""A minimal OpenAI-compatible model server that streams the user's words back.

The model name selects the pace: `words` without delay, `words-10` with 10 ms after each word. Run it with uvicorn:
`benchmarks.baselines.model_server:app`. Plain ASGI, to use little CPU.
"""

import asyncio
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send
from tests.support.chat_wire import DONE, Completion, last_user_text, usage, words


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream a chat completion until the client disconnects."""
    request: dict[str, Any] = msgspec.json.decode(await _body(receive))
    head = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    streaming = asyncio.create_task(_stream_words(request, send))
    disconnect = asyncio.create_task(_wait_for_disconnect(receive))
    await asyncio.wait((streaming, disconnect), return_when=asyncio.FIRST_COMPLETED)
    streaming.cancel()
    disconnect.cancel()


async def _stream_words(request: dict[str, Any], send: Send) -> None:
    _, _, gap = request["model"].partition("-")
    echoed = words(last_user_text(request["messages"]))
    completion = Completion(request["model"])
    for word in echoed:
        await send({"type": "http.response.body", "body": completion.chunk({"content": word}), "more_body": True})
        await asyncio.sleep(float(gap or 0) / 1000)
    end = completion.chunk({}, finish="stop") + completion.usage_chunk(usage(1, len(echoed))) + DONE
    await send({"type": "http.response.body", "body": end, "more_body": False})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
