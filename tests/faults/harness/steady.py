"""A steady load of queued jobs, whatever happens: every accepted one is followed to its end."""

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
"""From one look at a job to the next; when it ended is told by the system, and is no later for a late look."""
LOOKS_AT_ONCE: Final = 32
CALLS_AT_ONCE: Final = 1_000
"""Far more than a rate brings in the time of a try: no call waits for another."""


@dataclass
class Job:
    """A job that was accepted: the load's name for it, and what became of it. Moments are Unix time."""

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
    """A status and what came with it; no status where the line broke before there was one."""

    status: int = 0
    body: Any = None


class SteadyLoad:
    """So many jobs a second, spread over the gateways as a balancer would; `seed` decides who is called."""

    def __init__(self, urls: Sequence[str], api_key: str, workflow_id: str, *, rate: float, seed: int) -> None:
        self.jobs: dict[str, Job] = {}
        self.names: dict[str, str] = {}
        """What the load calls each run."""
        self.answers: Counter[str] = Counter()
        """What callers were told who were not told 202; `unanswered` where the line broke before an answer."""
        self.offered = 0
        """How many calls have been made so far."""
        self.latest_seconds = 0.0
        """How late the latest of them was made, behind the time that the rate gives it."""
        self.loaded_seconds = 0.0
        """How long calls were made."""
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
        """How many have ended."""
        return sum(job.ended_at is not None for job in self.jobs.values())

    async def go_on(self, stopping: asyncio.Event) -> None:
        """Load until `stopping` is set, not waiting for anything in between."""
        began = time.monotonic()
        while not stopping.is_set():
            self._start(f"run{self.offered}")
            self.offered += 1
            self.loaded_seconds = time.monotonic() - began
            early = self.offered / self._rate - self.loaded_seconds
            self.latest_seconds = max(self.latest_seconds, -early)
            await asyncio.sleep(max(0.0, early))

    async def settle(self, *, seconds: float) -> None:
        """Wait until everything accepted has ended, for so long at the most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def close(self) -> None:
        """Follow nothing any more, and hang up."""
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
                await self._look_at(job)

    async def _accepted(self, name: str) -> Job | None:
        path = f"/api/workflows/{self._workflow_id}/execute"
        answer = await self._request("POST", path, headers={"x-execution-mode": "async"}, json={"run": name})
        if answer.status != HTTPStatus.ACCEPTED:
            self.answers[str(answer.status or "unanswered")] += 1
            return None
        job = self.jobs[name] = Job(name, answer.body["jobId"], answer.body["executionId"], time.time())
        self.names[job.run_id] = name
        return job

    async def _look_at(self, job: Job) -> None:
        answer = await self._request("GET", f"/api/jobs/{job.job_id}")
        if answer.status != HTTPStatus.OK:
            return
        job.status, job.error = answer.body["status"], str(answer.body.get("error", ""))
        if job.status in TERMINAL:
            moments = answer.body["metadata"]
            job.began_at, job.ended_at = _moment(moments.get("startedAt")), _moment(moments["completedAt"])

    async def _request(self, method: str, path: str, **options: Any) -> Answer:
        """A connection that is refused goes to the next gateway, until the time is up; what breaks later does not."""
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


def _moment(told: str | None) -> float | None:
    return datetime.fromisoformat(told).timestamp() if told else None
