"""Queued jobs: rates of acceptance, start and completion, and of status requests."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target

POLL_SECONDS = 0.5
JOB_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class JobFigures:
    """Figures of one round, from the jobs' timestamps. `start_ms` is the median time from acceptance to start."""

    accepted_per_second: float
    start_ms: float
    completed_per_second: float

    def row(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "accepted_per_second": self.accepted_per_second,
            "start_ms": self.start_ms,
            "completed_per_second": self.completed_per_second,
        }


@dataclass(frozen=True)
class StatusPolls:
    """Rate and latency of status requests."""

    answers: int
    per_second: float
    p50_ms: float

    def row(self) -> dict[str, float]:
        """Return the figures by name."""
        return {"per_second": self.per_second, "p50_ms": self.p50_ms}


async def measure(target: Target, *, jobs: int, callers: int) -> JobFigures:
    """Submit `jobs` from `callers` connections and wait until all have completed."""
    async with Callers(callers) as http:
        began = time.perf_counter()
        urls = await submit(http, target, jobs)
        accepted = time.perf_counter() - began
        ended = await wait_for_all(http, target, urls)
    created, started, completed = (
        [datetime.fromisoformat(job["metadata"][name]).timestamp() for job in ended]
        for name in ("createdAt", "startedAt", "completedAt")
    )
    waits = [later - sooner for sooner, later in zip(created, started, strict=True)]
    return JobFigures(jobs / accepted, statistics.median(waits) * 1000, jobs / (max(completed) - min(created)))


async def measure_accepting(target: Target, *, jobs: int, callers: int, resume_workers: Callable[[], None]) -> float:
    """Measure the acceptance rate while workers are stopped, then resume them and wait for all jobs."""
    async with Callers(callers) as http:
        began = time.perf_counter()
        urls = await submit(http, target, jobs)
        accepted = time.perf_counter() - began
        resume_workers()
        await wait_for_all(http, target, urls)
    return jobs / accepted


async def run_to_completion(target: Target, *, jobs: int) -> list[str]:
    """Run `jobs` to completion and return their status URLs."""
    async with Callers(jobs) as http:
        urls = await submit(http, target, jobs)
        await wait_for_all(http, target, urls)
    return urls


async def poll_status(target: Target, urls: Sequence[str], *, seconds: float) -> StatusPolls:
    """Poll each of `urls` continuously for `seconds`."""
    until = time.perf_counter() + seconds
    async with Callers(len(urls)) as http:
        took = await asyncio.gather(*(_poll_until(http, replace(target, url=url), until) for url in urls))
    waits = [wait for each in took for wait in each]
    return StatusPolls(len(waits), len(waits) / seconds, statistics.median(waits) * 1000)


async def submit(http: Callers, target: Target, jobs: int) -> list[str]:
    """Submit jobs and return their status URLs."""
    return await asyncio.gather(*(_submit(http, target) for _ in range(jobs)))


async def wait_for_all(http: Callers, target: Target, urls: Sequence[str]) -> list[dict[str, Any]]:
    """Wait for each job and return it."""
    return [await _wait_for_job(http, target, url) for url in reversed(urls)]


async def _submit(http: Callers, target: Target) -> str:
    answer = await http.post(replace(target, headers={**target.headers, "x-execution-mode": "async"}))
    if answer.status != 202:
        raise BenchmarkFailed(f"job not accepted: {answer.status} {answer.body.decode()}")
    return str(json.loads(answer.body)["statusUrl"])


async def _wait_for_job(http: Callers, target: Target, url: str) -> dict[str, Any]:
    """Poll a job until it ends. The newest job is polled first, so the others need few polls."""
    deadline = time.perf_counter() + JOB_TIMEOUT_SECONDS
    while time.perf_counter() < deadline:
        job: dict[str, Any] = json.loads((await http.get(replace(target, url=url))).body)
        if job["status"] == "completed":
            return job
        if job["status"] == "failed":
            raise BenchmarkFailed(f"{url} failed")
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkFailed(f"{url} did not end within {JOB_TIMEOUT_SECONDS} s")


async def _poll_until(http: Callers, target: Target, until: float) -> list[float]:
    took = []
    while (began := time.perf_counter()) < until:
        answer = await http.get(target)
        if answer.status != 200:
            raise BenchmarkFailed(f"status request failed: {answer.status} {answer.body.decode()}")
        took.append(time.perf_counter() - began)
    return took
