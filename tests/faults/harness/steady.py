"""A steady load of queued jobs, whatever happens: every accepted one is followed to its end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

TERMINAL: Final = ("completed", "failed")
TRY_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 1.0
AT_ONCE: Final = 200


@dataclass
class Job:
    """A job that was accepted: the load's name for it, and what became of it. Moments are Unix time."""

    name: str
    job_id: str
    run_id: str
    accepted_at: float
    status: str = "queued"
    error: str = ""
    ended_at: float | None = None


class SteadyLoad:
    """So many jobs a second, spread over the gateways as a balancer would; `seed` decides who is called."""

    def __init__(self, urls: Sequence[str], api_key: str, workflow_id: str, *, rate: float, seed: int) -> None:
        self.jobs: dict[str, Job] = {}
        self.answers: Counter[str] = Counter()
        """What callers were told who were not told 202; `unanswered` where the line broke before an answer."""
        self._urls = list(urls)
        self._workflow_id = workflow_id
        self._rate = rate
        self._random = random.Random(seed)
        self._limits = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._http = httpx.AsyncClient(
            headers={"x-api-key": api_key}, timeout=TRY_SECONDS, limits=httpx.Limits(max_connections=AT_ONCE)
        )

    @property
    def ended(self) -> int:
        """How many have ended."""
        return sum(job.ended_at is not None for job in self.jobs.values())

    async def go_on(self, stopping: asyncio.Event) -> None:
        """Load until `stopping` is set, not waiting for anything in between."""
        began = time.monotonic()
        number = 0
        while not stopping.is_set():
            self._start(f"run{number}")
            number += 1
            await asyncio.sleep(max(0.0, began + number / self._rate - time.monotonic()))

    async def settle(self, *, seconds: float) -> None:
        """Wait until everything accepted has ended, for so long at the most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def close(self) -> None:
        """Follow nothing any more, and hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    def _start(self, name: str) -> None:
        task = asyncio.create_task(self._run(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, name: str) -> None:
        job = await self._accepted(name)
        while job is not None and job.ended_at is None:
            await asyncio.sleep(LOOK_SECONDS * self._random.uniform(1, 2))
            await self._look_at(job)

    async def _accepted(self, name: str) -> Job | None:
        path = f"/api/workflows/{self._workflow_id}/execute"
        answer = await self._request("POST", path, headers={"x-execution-mode": "async"}, json={"run": name})
        if answer is None or answer.status_code != 202:
            self.answers["unanswered" if answer is None else str(answer.status_code)] += 1
            return None
        body = answer.json()
        job = self.jobs[name] = Job(name, body["jobId"], body["executionId"], time.time())
        return job

    async def _look_at(self, job: Job) -> None:
        answer = await self._request("GET", f"/api/jobs/{job.job_id}")
        if answer is None or not answer.is_success:
            return
        found = answer.json()
        job.status, job.error = found["status"], str(found.get("error", ""))
        if job.status in TERMINAL:
            job.ended_at = datetime.fromisoformat(found["metadata"]["completedAt"]).timestamp()

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """A connection that is refused goes to the next gateway, until the time is up; what breaks later does not."""
        give_up = time.monotonic() + TRY_SECONDS
        async with self._limits:
            while time.monotonic() < give_up:
                for url in self._random.sample(self._urls, len(self._urls)):
                    try:
                        return await self._http.request(method, url + path, **options)
                    except httpx.ConnectError:
                        continue
                    except httpx.HTTPError:
                        return None
                await asyncio.sleep(0.05)
        return None
