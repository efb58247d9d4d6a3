"""A stand-in for a model server, so that the examples run on a machine that has none: it says back what it was told."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from flowport.chat_wire import DONE, Completion, JsonObject, last_user_text, usage, words
from flowport.servers.ports import LOOPBACK
from flowport.serving import listen, port_of, serving
from shared.web.structs import StructResponse

MODEL_URL: Final = "VLLM_BASE_URL"
"""The variable that says where models named `vllm/…` are served."""
WORD_SECONDS: Final = 0.03
"""Slow enough to be seen streaming."""


class ChatRequest(msgspec.Struct):
    """The part of a chat-completions request that the echo needs."""

    model: str
    messages: list[JsonObject]
    stream: bool = False


@asynccontextmanager
async def demo_model_unless_given(environment: MutableMapping[str, str]) -> AsyncIterator[None]:
    """Inside the block `environment` names a model server: the operator's, or the stand-in, served here."""
    if environment.get(MODEL_URL):
        yield
        return
    listening = listen(0)
    async with serving(build_demo_model(), listening):
        environment[MODEL_URL] = f"http://{LOOPBACK}:{port_of(listening)}"
        yield


def build_demo_model() -> FastAPI:
    """The application; it serves under `/v1`, as OpenAI-compatible servers do."""
    app = FastAPI(title="demo-model", openapi_url=None)
    app.post("/v1/chat/completions")(_complete)
    return app


async def _complete(request: Request) -> Response:
    asked = msgspec.json.decode(await request.body(), type=ChatRequest)
    said = words(last_user_text(asked.messages))
    prompt_tokens = sum(len(words(str(message.get("content", "")))) for message in asked.messages)
    used = usage(prompt_tokens, len(said))
    completion = Completion(asked.model)
    if asked.stream:
        return StreamingResponse(_stream(completion, said, used), media_type="text/event-stream")
    return StructResponse(completion.whole("".join(said), used=used))


async def _stream(completion: Completion, said: list[str], used: JsonObject) -> AsyncIterator[bytes]:
    for word in said:
        yield completion.chunk({"content": word})
        await asyncio.sleep(WORD_SECONDS)
    yield completion.chunk({}, finish="stop")
    yield completion.usage_chunk(used)
    yield DONE
