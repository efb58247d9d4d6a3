"""A steady load of queued jobs during faults: every accepted job is followed to its end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import chain, repeat
from typing import Any, Final

import aiohttp

TERMINAL: Final = ("completed", "failed")
TRY_SECONDS: Final = 15.0
LOOK_SECONDS: Final = (1.0, 2.0, 4.0)
"""Interval between two polls of a job; the system reports the time of its end, so a late poll does not change it."""
LOOKS_AT_ONCE: Final = 32
CALLS_AT_ONCE: Final = 1_000
"""Far more than the rate accumulates during the timeout of an attempt: no call waits for another."""


@dataclass
class Job:
    """An accepted job: the load's name and its outcome. Timestamps are Unix time."""

    name: str
    job_id: str
    run_id: str
    accepted_at: float
    status: str = "queued"
    error: str = ""
    began_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True)
class Answer:
    """A status with its body; no status if the connection broke before it."""

    status: int = 0
    body: Any = None


class SteadyLoad:
    """So many jobs per second, spread over the gateways like a balancer; `seed` decides the order."""

    def __init__(self, urls: Sequence[str], api_key: str, workflow_id: str, *, rate: float, seed: int) -> None:
        self.jobs: dict[str, Job] = {}
        self.names: dict[str, str] = {}
        """Prefix of the load's run names."""
        self.answers: Counter[str] = Counter()
        """Answers other than 202; `unanswered` where the connection broke before an answer."""
        self.offered = 0
        """Number of calls so far."""
        self.latest_seconds = 0.0
        """Delay of the latest call, compared with the rate."""
        self.loaded_seconds = 0.0
        """Duration of the load."""
        self._urls = list(urls)
        self._workflow_id = workflow_id
        self._rate = rate
        self._random = random.Random(seed)
        self._looking = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._http = aiohttp.ClientSession(
            headers={"x-api-key": api_key},
            timeout=aiohttp.ClientTimeout(total=TRY_SECONDS),
            connector=aiohttp.TCPConnector(limit=CALLS_AT_ONCE),
        )

    @property
    def ended(self) -> int:
        """Number of ended jobs."""
        return sum(job.ended_at is not None for job in self.jobs.values())

    async def go_on(self, stopping: asyncio.Event) -> None:
        """Generate load until `stopping` is set, without waiting for answers."""
        began = time.monotonic()
        while not stopping.is_set():
            self._start(f"run{self.offered}")
            self.offered += 1
            self.loaded_seconds = time.monotonic() - began
            early = self.offered / self._rate - self.loaded_seconds
            self.latest_seconds = max(self.latest_seconds, -early)
            await asyncio.sleep(max(0.0, early))

    async def settle(self, *, seconds: float) -> None:
        """Wait until every accepted job has ended, up to this long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def close(self) -> None:
        """Stop polling and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    def _start(self, name: str) -> None:
        task = asyncio.create_task(self._run(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, name: str) -> None:
        job = await self._accepted(name)
        for seconds in chain(LOOK_SECONDS, repeat(LOOK_SECONDS[-1])):
            if job is None or job.ended_at is not None:
                return
            await asyncio.sleep(seconds * self._random.uniform(1, 1.5))
            async with self._looking:
                await self._poll_job(job)

    async def _accepted(self, name: str) -> Job | None:
        path = f"/api/workflows/{self._workflow_id}/execute"
        answer = await self._request("POST", path, headers={"x-execution-mode": "async"}, json={"run": name})
        if answer.status != HTTPStatus.ACCEPTED:
            self.answers[str(answer.status or "unanswered")] += 1
            return None
        job = self.jobs[name] = Job(name, answer.body["jobId"], answer.body["executionId"], time.time())
        self.names[job.run_id] = name
        return job

    async def _poll_job(self, job: Job) -> None:
        answer = await self._request("GET", f"/api/jobs/{job.job_id}")
        if answer.status != HTTPStatus.OK:
            return
        job.status, job.error = answer.body["status"], str(answer.body.get("error", ""))
        if job.status in TERMINAL:
            timestamps = answer.body["metadata"]
            job.began_at, job.ended_at = (
                _epoch_seconds(timestamps.get("startedAt")),
                _epoch_seconds(timestamps["completedAt"]),
            )

    async def _request(self, method: str, path: str, **options: Any) -> Answer:
        """Retry a refused connection with the next gateway, until the timeout; later failures are not retried."""
        give_up = time.monotonic() + TRY_SECONDS
        while time.monotonic() < give_up:
            for url in self._random.sample(self._urls, len(self._urls)):
                try:
                    async with self._http.request(method, url + path, **options) as response:
                        return Answer(response.status, await response.json(content_type=None))
                except aiohttp.ClientConnectorError:
                    continue
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    return Answer()
            await asyncio.sleep(0.05)
        return Answer()


def _epoch_seconds(timestamp: str | None) -> float | None:
    return datetime.fromisoformat(timestamp).timestamp() if timestamp else None
