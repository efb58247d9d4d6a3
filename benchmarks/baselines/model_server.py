"""A lean OpenAI-compatible model: it streams back what the user said, word by word.

The name of the model says how: `words` at once, `words-10` with 10 ms after each word. Run it with uvicorn:
`benchmarks.baselines.model_server:app`. Plain ASGI, so that it takes as little of the machine as possible.
"""

import asyncio
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send
from tests.support.chat_wire import DONE, Completion, last_user_text, usage, words


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a call for chat completions with a stream, for as long as the caller is there."""
    asked: dict[str, Any] = msgspec.json.decode(await _body(receive))
    head = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    speaking = asyncio.create_task(_speak(asked, send))
    leaving = asyncio.create_task(_gone(receive))
    await asyncio.wait((speaking, leaving), return_when=asyncio.FIRST_COMPLETED)
    speaking.cancel()
    leaving.cancel()


async def _speak(asked: dict[str, Any], send: Send) -> None:
    _, _, gap = asked["model"].partition("-")
    spoken = words(last_user_text(asked["messages"]))
    completion = Completion(asked["model"])
    for word in spoken:
        await send({"type": "http.response.body", "body": completion.chunk({"content": word}), "more_body": True})
        await asyncio.sleep(float(gap or 0) / 1000)
    end = completion.chunk({}, finish="stop") + completion.usage_chunk(usage(1, len(spoken))) + DONE
    await send({"type": "http.response.body", "body": end, "more_body": False})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
