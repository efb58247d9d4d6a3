"""Baseline: FastAPI, a transient queue through aio-pika, and a worker that echoes.

Without authentication, limits, workflows and records. Run the web part with uvicorn
(`benchmarks.baselines.bare_broker:app`) and the worker as a module.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from fastapi import FastAPI, Request
from starlette.responses import Response

QUEUE = "bench.bare"
IN_MEMORY = {"x-queue-type": "classic"}
"""The queue type that Flowport uses for calls."""
AMQP_URL = os.environ.get("FLOWPORT_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/")


class Caller:
    """Publishes requests and resolves them by correlation id."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    async def start(self) -> None:
        """Connect and consume replies."""
        self._connection = await aio_pika.connect_robust(AMQP_URL)
        self._channel = await self._connection.channel()
        self._replies = await self._channel.declare_queue(exclusive=True)
        await self._channel.declare_queue(QUEUE, durable=True, arguments=IN_MEMORY)
        await self._replies.consume(self._on_reply, no_ack=True)

    async def stop(self) -> None:
        """Disconnect."""
        await self._connection.close()

    async def call(self, body: bytes) -> bytes:
        """Publish a request and wait for its reply."""
        correlation_id = uuid.uuid4().hex
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = answer
        message = aio_pika.Message(
            body,
            correlation_id=correlation_id,
            reply_to=self._replies.name,
            delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT,
        )
        await self._channel.default_exchange.publish(message, QUEUE)
        return await answer

    async def _on_reply(self, message: AbstractIncomingMessage) -> None:
        waiting = self._waiting.pop(message.correlation_id or "", None)
        if waiting is not None:
            waiting.set_result(message.body)


caller = Caller()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect during the application's lifespan."""
    await caller.start()
    yield
    await caller.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/execute")
async def execute(request: Request) -> Response:
    """Echo through the broker."""
    return Response(await caller.call(await request.body()), media_type="application/json")


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    """Return the readiness."""
    return {"status": "ready"}


async def work() -> None:
    """Run the worker: reply to each message with its body, then acknowledge it."""
    connection = await aio_pika.connect_robust(AMQP_URL)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=128)
    queue = await channel.declare_queue(QUEUE, durable=True, arguments=IN_MEMORY)

    async def answer(message: AbstractIncomingMessage) -> None:
        reply = aio_pika.Message(message.body, correlation_id=message.correlation_id)
        await channel.default_exchange.publish(reply, message.reply_to or "")
        await message.ack()

    await queue.consume(answer)
    await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(work())
