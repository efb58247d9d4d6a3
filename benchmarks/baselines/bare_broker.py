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


waiting: dict[str, asyncio.Future[bytes]] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect and consume replies during the application's lifespan."""
    async with await aio_pika.connect_robust(AMQP_URL) as connection:
        app.state.channel = channel = await connection.channel()
        app.state.replies = replies = await channel.declare_queue(exclusive=True)
        await channel.declare_queue(QUEUE, durable=True, arguments=IN_MEMORY)
        await replies.consume(on_reply, no_ack=True)
        yield


async def on_reply(message: AbstractIncomingMessage) -> None:
    """Resolve the request with the reply's correlation id."""
    if future := waiting.pop(message.correlation_id or "", None):
        future.set_result(message.body)


app = FastAPI(lifespan=lifespan)


@app.post("/execute")
async def execute(request: Request) -> Response:
    """Echo through the broker."""
    correlation_id = uuid.uuid4().hex
    answer = waiting[correlation_id] = asyncio.get_running_loop().create_future()
    message = aio_pika.Message(
        await request.body(),
        correlation_id=correlation_id,
        reply_to=app.state.replies.name,
        delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT,
    )
    await app.state.channel.default_exchange.publish(message, QUEUE)
    return Response(await answer, media_type="application/json")


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
