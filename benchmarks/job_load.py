"""Queued jobs: how fast they are accepted, and how fast they are done."""

import asyncio
import time
from dataclasses import dataclass

import httpx

from benchmarks.http_load import BenchmarkFailed, Target

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Queued:
    """One round of jobs."""

    accepted_per_second: float
    completed_per_second: float


async def measure(target: Target, *, jobs: int, callers: int) -> Queued:
    """Submit `jobs` from `callers` at once and wait until every one has completed."""
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=callers), trust_env=False) as http:
        room = asyncio.Semaphore(callers)
        began = time.perf_counter()
        urls = await asyncio.gather(*(_submit(http, target, room) for _ in range(jobs)))
        accepted = time.perf_counter() - began
        await asyncio.gather(*(_await_end(http, target, url, room) for url in urls))
        return Queued(jobs / accepted, jobs / (time.perf_counter() - began))


async def _submit(http: httpx.AsyncClient, target: Target, room: asyncio.Semaphore) -> str:
    async with room:
        headers = {**target.headers, "x-execution-mode": "async"}
        response = await http.post(target.url, content=target.body, headers=headers)
    if response.status_code != 202:
        raise BenchmarkFailed(f"a job was not accepted: {response.status_code} {response.text}")
    return str(response.json()["statusUrl"])


async def _await_end(http: httpx.AsyncClient, target: Target, url: str, room: asyncio.Semaphore) -> None:
    give_up = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < give_up:
        async with room:
            status = (await http.get(url, headers=target.headers)).json()["status"]
        if status == "completed":
            return
        if status == "failed":
            raise BenchmarkFailed(f"{url} failed")
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkFailed(f"{url} did not end in {PATIENCE_SECONDS} s")
