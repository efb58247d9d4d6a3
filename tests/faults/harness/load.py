"""Load that records every answer, so that the loss of an accepted run is detected."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx2

JsonObject = dict[str, Any]
TERMINAL: Final = ("completed", "failed")
TRY_SECONDS: Final = 20.0
ASKERS: Final = 50
"""Concurrent polls for the ends of jobs; many more would stall for longer than idle connections stay open."""
IDLE_SECONDS: Final = 0.25
"""An idle connection is not reused after this: far less than a stopping gateway's notice, since the load may stall."""
PROBE_SECONDS: Final = 5.0


@dataclass
class CallCounts:
    """Results of a load. `refused` are calls that the system reported as not accepted."""

    accepted: dict[str, str] = field(default_factory=dict)
    """The jobs, by the load's name of their run."""
    finished: int = 0
    refused: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Answers that no caller should get."""


class Callers:
    """Calls one of several gateways, as a balancer does.

    A refused connection goes to the next gateway. A gateway that refused one, or that redirects its callers because it
    stops, gets no more calls until its `/readyz` succeeds.

    `seed` decides the order of everything random; it is printed, so that a failure can be reproduced. With `keep_alive`
    connections are reused.
    """

    def __init__(self, urls: Sequence[str], api_key: str, *, seed: int, keep_alive: bool = False) -> None:
        self._urls = list(urls)
        self._unready: set[str] = set()
        self._random = random.Random(seed)
        limits = httpx2.Limits(max_keepalive_connections=None if keep_alive else 0, keepalive_expiry=IDLE_SECONDS)
        self._http = httpx2.AsyncClient(headers={"x-api-key": api_key}, timeout=30, limits=limits)
        self.counts = CallCounts()
        print(f"seed {seed}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, workflow_id: str, name: str) -> None:
        """Make one sync call."""
        self._judge(await self._send(workflow_id, name, {}), name)

    async def queue(self, workflow_id: str, name: str) -> None:
        """Queue one run."""
        answer = await self._send(workflow_id, name, {"x-execution-mode": "async"})
        if answer.status_code == 202:
            self.counts.accepted[name] = answer.json()["jobId"]
        else:
            self._judge(answer, name)

    async def ended(self, *, seconds: float) -> dict[str, JsonObject]:
        """Return every accepted job at its end, by name. Raises TimeoutError."""
        askers = asyncio.Semaphore(ASKERS)
        async with asyncio.timeout(seconds):
            ends = await asyncio.gather(*(self._ended(job_id, askers) for job_id in self.counts.accepted.values()))
        return dict(zip(self.counts.accepted, ends, strict=True))

    async def _ended(self, job_id: str, askers: asyncio.Semaphore) -> JsonObject:
        while True:
            async with askers:
                answer = await self._request("GET", f"/api/jobs/{job_id}")
            if answer.is_success and answer.json()["status"] in TERMINAL:
                found: JsonObject = answer.json()
                return found
            await asyncio.sleep(0.1)

    async def _send(self, workflow_id: str, name: str, headers: dict[str, str]) -> httpx2.Response:
        path = f"/api/workflows/{workflow_id}/execute"
        return await self._request("POST", path, headers=headers, json={"run": name})

    async def _request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Retry as a balancer would: only requests that no gateway can have received."""
        async with asyncio.timeout(TRY_SECONDS):
            while True:
                for url in self._random.sample(self._urls, len(self._urls)):
                    if url in self._unready and not await self._is_ready(url):
                        continue
                    self._unready.discard(url)
                    try:
                        answer = await self._http.request(method, url + path, **options)
                    except httpx2.ConnectError:
                        self._unready.add(url)
                        continue
                    if answer.headers.get("connection") == "close":
                        self._unready.add(url)
                    return answer
                await asyncio.sleep(0.05)

    async def _is_ready(self, url: str) -> bool:
        try:
            return (await self._http.get(f"{url}/readyz", timeout=PROBE_SECONDS)).is_success
        except httpx2.TransportError:
            return False

    def _judge(self, answer: httpx2.Response, name: str) -> None:
        if answer.status_code == 200:
            self.counts.finished += 1
            return
        time_of_day = f"{datetime.now(UTC):%H:%M:%S.%f}"  # as in the logs of services, which name the reason
        failure = f"{name}: {answer.status_code} {answer.text} of {answer.url} at {time_of_day}"
        (self.counts.refused if answer.status_code in (429, 503) else self.counts.broken).append(failure)
