"""Queued jobs: rates of acceptance, start and completion."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target

POLL_SECONDS = 0.5
JOB_TIMEOUT_SECONDS = 120.0


async def measure(
    target: Target, *, jobs: int, callers: int, resume_workers: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Submit `jobs` from `callers` connections, resume stopped workers, and wait until all jobs have completed.

    Return the rates, and the median time from acceptance to start, from the jobs' timestamps.
    """
    async with Callers(callers) as http:
        began = time.perf_counter()
        urls = await submit(http, target, jobs)
        accepted = time.perf_counter() - began
        resume_workers()
        ended = await wait_for_all(http, target, urls)
    created, started, completed = (
        [datetime.fromisoformat(job["metadata"][name]).timestamp() for job in ended]
        for name in ("createdAt", "startedAt", "completedAt")
    )
    waits = [later - sooner for sooner, later in zip(created, started, strict=True)]
    return {
        "accepted_per_second": jobs / accepted,
        "start_ms": statistics.median(waits) * 1000,
        "completed_per_second": jobs / (max(completed) - min(created)),
    }


async def submit(http: Callers, target: Target, jobs: int) -> list[str]:
    """Submit jobs and return their status URLs."""
    return await asyncio.gather(*(_submit(http, target) for _ in range(jobs)))


async def wait_for_all(http: Callers, target: Target, urls: Sequence[str]) -> list[dict[str, Any]]:
    """Wait for each job and return it. The newest is polled first, so the others need few polls."""
    return [await _wait_for_job(http, replace(target, url=url)) for url in reversed(urls)]


async def _submit(http: Callers, target: Target) -> str:
    answer = await http.call(replace(target, headers={**target.headers, "x-execution-mode": "async"}))
    if answer.status != 202:
        raise BenchmarkFailed(f"job not accepted: {answer.status} {answer.body.decode()}")
    return str(json.loads(answer.body)["statusUrl"])


async def _wait_for_job(http: Callers, target: Target) -> dict[str, Any]:
    deadline = time.perf_counter() + JOB_TIMEOUT_SECONDS
    while time.perf_counter() < deadline:
        job: dict[str, Any] = json.loads((await http.call(target, "GET")).body)
        if job["status"] == "completed":
            return job
        if job["status"] == "failed":
            break
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkFailed(f"{target.url} failed, or did not end within {JOB_TIMEOUT_SECONDS} s")
