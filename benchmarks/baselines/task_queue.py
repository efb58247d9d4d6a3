"""Baseline: FastAPI, taskiq on RabbitMQ, and results in Redis.

Run the web part with uvicorn (`benchmarks.baselines.task_queue:app`) and the worker with
`taskiq worker benchmarks.baselines.task_queue:broker`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import FastAPI, Request
from taskiq_aio_pika import AioPikaBroker
from taskiq_redis import RedisAsyncResultBackend

RESULT_TIMEOUT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.002
"""Poll interval for results. The default of 0.2 s would not be comparable."""

results: RedisAsyncResultBackend[Any] = RedisAsyncResultBackend(
    os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379"), result_ex_time=60
)
broker = AioPikaBroker(os.environ.get("FLOWPORT_AMQP_URL"), exchange_name="bench.taskiq").with_result_backend(results)


@broker.task
async def echo(value: dict[str, Any]) -> dict[str, Any]:
    """Return the value."""
    return value


@broker.task
async def job(created_at: str) -> dict[str, str]:
    """Return timestamps of the job, for callers that poll."""
    return {"createdAt": created_at, "startedAt": _now(), "completedAt": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect during the application's lifespan."""
    await broker.startup()
    yield
    await broker.shutdown()


app = FastAPI(lifespan=lifespan)


@app.post("/execute")
async def execute(value: dict[str, Any]) -> dict[str, Any]:
    """Echo through the queue and the result store."""
    task = await echo.kiq(value)
    result = await task.wait_result(check_interval=POLL_SECONDS, timeout=RESULT_TIMEOUT_SECONDS)
    return result.return_value


@app.post("/jobs", status_code=202)
async def submit(request: Request) -> dict[str, str]:
    """Queue a job."""
    task = await job.kiq(_now())
    return {"statusUrl": f"{request.url}/{task.task_id}"}


@app.get("/jobs/{task_id}")
async def status(task_id: str) -> dict[str, Any]:
    """Return the status of a job."""
    if not await results.is_result_ready(task_id):
        return {"status": "queued"}
    return {"status": "completed", "metadata": (await results.get_result(task_id)).return_value}
