"""Versions and processes that come and go."""

import asyncio
import time

import httpx

from benchmarks.http_load import BenchmarkFailed
from benchmarks.stand import Stand
from flowport.public_api import PublicApi


def first_run_of_new_version(stand: Stand) -> dict[str, float]:
    """Publish the smallest workflow anew and run it: until it is live everywhere, and the first run on it."""
    target = stand.no_op
    began = time.perf_counter()
    asyncio.run(_deploy(stand, target.url.split("/")[-2]))
    live = time.perf_counter()
    answer = httpx.post(target.url, content=target.body, headers=target.headers, timeout=30)
    ran = time.perf_counter()
    if answer.status_code != 200:
        raise BenchmarkFailed(f"the new version did not run: {answer.status_code} {answer.text}")
    return {"live_ms": (live - began) * 1000, "first_run_ms": (ran - live) * 1000}


async def _deploy(stand: Stand, workflow_id: str) -> None:
    async with PublicApi(stand.credentials.base_url, stand.credentials.api_key) as api:
        await api.deploy(workflow_id)


def cold_start(stand: Stand) -> dict[str, float]:
    """From the launch of each process until it says that it is ready."""
    found = {}
    for name in stand.stack.names:
        stand.stack.kill(name)
        began = time.perf_counter()
        stand.stack.restart(name)
        found[f"{name}_ms"] = (time.perf_counter() - began) * 1000
    return found
