"""Queued jobs: how fast they are accepted, begun and done."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from benchmarks.load.callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Queued:
    """One round of jobs, by what the jobs say of themselves: `start_ms` is the median from accepted to begun."""

    accepted_per_second: float
    start_ms: float
    completed_per_second: float

    def row(self) -> dict[str, float]:
        """For a table."""
        return {
            "accepted_per_second": self.accepted_per_second,
            "start_ms": self.start_ms,
            "completed_per_second": self.completed_per_second,
        }


@dataclass(frozen=True)
class Asked:
    """How often callers were told what became of their jobs, and how long they waited for it."""

    answers: int
    per_second: float
    p50_ms: float

    def row(self) -> dict[str, float]:
        """For a table."""
        return {"per_second": self.per_second, "p50_ms": self.p50_ms}


async def measure(target: Target, *, jobs: int, callers: int) -> Queued:
    """Submit `jobs` from `callers` at once and wait until every one has completed."""
    async with Callers(callers) as http:
        began = time.perf_counter()
        urls = await submit(http, target, jobs)
        accepted = time.perf_counter() - began
        ended = await ends(http, target, urls)
    created, started, completed = (
        [datetime.fromisoformat(job["metadata"][name]).timestamp() for job in ended]
        for name in ("createdAt", "startedAt", "completedAt")
    )
    waits = [later - sooner for sooner, later in zip(created, started, strict=True)]
    return Queued(jobs / accepted, statistics.median(waits) * 1000, jobs / (max(completed) - min(created)))


async def measure_accepting(target: Target, *, jobs: int, callers: int, let_work: Callable[[], None]) -> float:
    """Jobs accepted a second while nobody works on them; then `let_work`, and wait until every one has completed."""
    async with Callers(callers) as http:
        began = time.perf_counter()
        urls = await submit(http, target, jobs)
        accepted = time.perf_counter() - began
        let_work()
        await ends(http, target, urls)
    return jobs / accepted


async def ended(target: Target, *, jobs: int) -> list[str]:
    """Where to ask for `jobs` that have completed."""
    async with Callers(jobs) as http:
        urls = await submit(http, target, jobs)
        await ends(http, target, urls)
    return urls


async def ask(target: Target, urls: Sequence[str], *, seconds: float) -> Asked:
    """A caller for each of `urls` asks again as soon as it is answered."""
    until = time.perf_counter() + seconds
    async with Callers(len(urls)) as http:
        took = await asyncio.gather(*(_ask_until(http, replace(target, url=url), until) for url in urls))
    waits = [wait for each in took for wait in each]
    return Asked(len(waits), len(waits) / seconds, statistics.median(waits) * 1000)


async def submit(http: Callers, target: Target, jobs: int) -> list[str]:
    """Queue them all; returns where to ask for each."""
    return await asyncio.gather(*(_submit(http, target) for _ in range(jobs)))


async def ends(http: Callers, target: Target, urls: Sequence[str]) -> list[dict[str, Any]]:
    """Each job as it ended."""
    return [await _ended(http, target, url) for url in reversed(urls)]


async def _submit(http: Callers, target: Target) -> str:
    answer = await http.post(replace(target, headers={**target.headers, "x-execution-mode": "async"}))
    if answer.status != 202:
        raise BenchmarkFailed(f"a job was not accepted: {answer.status} {answer.body.decode()}")
    return str(json.loads(answer.body)["statusUrl"])


async def _ended(http: Callers, target: Target, url: str) -> dict[str, Any]:
    """Asked newest first: when the newest has ended nearly all others have, and few questions are asked."""
    give_up = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < give_up:
        job: dict[str, Any] = json.loads((await http.get(replace(target, url=url))).body)
        if job["status"] == "completed":
            return job
        if job["status"] == "failed":
            raise BenchmarkFailed(f"{url} failed")
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkFailed(f"{url} did not end in {PATIENCE_SECONDS} s")


async def _ask_until(http: Callers, target: Target, until: float) -> list[float]:
    took = []
    while (began := time.perf_counter()) < until:
        answer = await http.get(target)
        if answer.status != 200:
            raise BenchmarkFailed(f"no status: {answer.status} {answer.body.decode()}")
        took.append(time.perf_counter() - began)
    return took
