"""Queued jobs: how fast they are accepted, and how fast they are done."""

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from benchmarks.http_load import BenchmarkFailed, Target
from benchmarks.http_session import session

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Queued:
    """One round of jobs."""

    accepted_per_second: float
    completed_per_second: float


async def measure(target: Target, *, jobs: int, callers: int) -> Queued:
    """Submit `jobs` from `callers` at once and wait until every one has completed."""
    async with session(callers) as http:
        began = time.perf_counter()
        urls = await asyncio.gather(*(_submit(http, target) for _ in range(jobs)))
        accepted = time.perf_counter() - began
        await asyncio.gather(*(_await_end(http, target, url) for url in urls))
        return Queued(jobs / accepted, jobs / (time.perf_counter() - began))


async def _submit(http: aiohttp.ClientSession, target: Target) -> str:
    headers = {**target.headers, "x-execution-mode": "async"}
    async with http.post(target.url, data=target.body, headers=headers) as response:
        if response.status != 202:
            raise BenchmarkFailed(f"a job was not accepted: {response.status} {await response.text()}")
        return str((await response.json())["statusUrl"])


async def _await_end(http: aiohttp.ClientSession, target: Target, url: str) -> None:
    give_up = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < give_up:
        async with http.get(url, headers=target.headers) as response:
            status = (await response.json())["status"]
        if status == "completed":
            return
        if status == "failed":
            raise BenchmarkFailed(f"{url} failed")
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkFailed(f"{url} did not end in {PATIENCE_SECONDS} s")
