"""Load generators: closed-loop calls by wrk, token streams and queued jobs."""

import asyncio
import itertools
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self

import aiohttp

TIMEOUT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.5
JOB_TIMEOUT_SECONDS: Final = 120.0
JOBS: Final = 500
STREAMS: Final = 128
"""Streams of one measurement, read sequentially beyond the number of callers."""
SCRIPT = """
wrk.method = "POST"
wrk.body = %(body)s
wrk.headers["Content-Type"] = "application/json"
%(headers)s
done = function(summary, latency, requests)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '{"requests":%%d,"microseconds":%%d,"failed":%%d,"p50":%%f,"p99":%%f}',
    summary.requests, summary.duration, errors + summary.errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"""
_ENDS = (b'data: "[DONE]"\n\n', b"data: [DONE]\n\n")

Row = dict[str, float]
"""Figures of one measurement, by name. All loads also report the number of their `calls`."""


class BenchmarkFailed(Exception):
    """The measurement is invalid, because the system returned errors."""


@dataclass(frozen=True)
class Target:
    """URL, body and headers of a request."""

    url: str
    body: str
    headers: dict[str, str]


@dataclass(eq=False)
class Answer:
    """Response to one request."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    timestamps: list[float] = field(default_factory=list)
    """Arrival time of each chunk of the body (`time.perf_counter`)."""


class Callers:
    """Bounded pool of keep-alive connections, which use little CPU."""

    def __init__(self, connections: int) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=TIMEOUT_SECONDS),
            timeout=aiohttp.ClientTimeout(sock_connect=TIMEOUT_SECONDS, sock_read=TIMEOUT_SECONDS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def call(self, target: Target, method: str = "POST") -> Answer:
        """Send a request and read the response. Raises aiohttp.ClientError. A GET request is sent without body."""
        async with await self._send(target, method) as response:
            answer = Answer(response.status)
            async for chunk in response.content.iter_any():
                answer.timestamps.append(time.perf_counter())
                answer.body += chunk
        return answer

    async def begin(self, target: Target) -> Callable[[], None]:
        """Start a stream, wait for its first data, and return a function that disconnects.

        Raises BenchmarkFailed if the stream does not start.
        """
        response = await self._send(target, "POST")
        first = await response.content.readany()
        if response.status != 200 or not first:
            response.close()
            raise BenchmarkFailed(f"stream did not start: {response.status} {first[:300]!r}")
        return response.close

    async def _send(self, target: Target, method: str) -> aiohttp.ClientResponse:
        headers = {"content-type": "application/json", **target.headers}
        body = target.body if method == "POST" else None
        return await self._http.request(method, target.url, headers=headers, data=body)


def measure_calls(target: Target, callers: int, seconds: float) -> Row:
    """Send requests from `callers` connections for `seconds`. Raises BenchmarkFailed if any response is an error."""
    headers = (f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in target.headers.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % {"body": json.dumps(target.body), "headers": "\n".join(headers)})
        script.flush()
        options = f"-t1 -c{callers} -d{seconds:.0f}s --timeout 10s -s {script.name}"
        command = ["wrk", *options.split(), target.url]
        output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    found = json.loads(output[output.rindex('{"requests"') :])
    if found["failed"] or not found["requests"]:
        raise BenchmarkFailed(f"{found['failed']} of {found['requests']} responses from {target.url} failed")
    rate = found["requests"] / found["microseconds"] * 1e6
    latency = {"p50_ms": found["p50"] / 1000, "p99_ms": found["p99"] / 1000}
    return {"calls": found["requests"], "per_second": rate, **latency}


async def measure_streams(target: Target, callers: int, tokens: int) -> Row:
    """Read streams to their end. Each must have all its tokens."""
    last = f"w{tokens - 1:03d}".encode()
    arrivals: list[list[float]] = []
    async with Callers(callers) as http:
        began = time.perf_counter()
        for _ in range(max(1, STREAMS // callers)):
            arrivals += await asyncio.gather(*(_read(http, target, last) for _ in range(callers)))
        took = time.perf_counter() - began
    gaps = sorted(later - sooner for each in arrivals for sooner, later in itertools.pairwise(each)) or [0.0]
    return {
        "calls": len(arrivals),
        "first_token_ms": statistics.median(each[0] for each in arrivals) * 1000,
        "gap_p99_ms": gaps[len(gaps) * 99 // 100] * 1000,
        "tokens_per_second": tokens * len(arrivals) / took,
    }


async def _read(http: Callers, target: Target, last: bytes) -> list[float]:
    """Return the arrival times of the chunks, in seconds since the request."""
    began = time.perf_counter()
    answer = await http.call(target)
    if not answer.body.endswith(_ENDS) or last not in answer.body:
        raise BenchmarkFailed(f"incomplete stream: {answer.status} {bytes(answer.body[-300:])!r}")
    return [timestamp - began for timestamp in answer.timestamps]


async def measure_jobs(target: Target, callers: int) -> Row:
    """Submit jobs, and wait until all have completed. The time to the start comes from the jobs' timestamps."""
    async with Callers(callers) as http:
        began = time.perf_counter()
        urls = await asyncio.gather(*(_submit(http, target) for _ in range(JOBS)))
        accepted = time.perf_counter() - began
        # The newest is polled first, so the others need few polls.
        ended = [await _wait_for_job(http, replace(target, url=url)) for url in reversed(urls)]
    created, started, completed = (
        [datetime.fromisoformat(job["metadata"][name]).timestamp() for job in ended]
        for name in ("createdAt", "startedAt", "completedAt")
    )
    return {
        "calls": JOBS,
        "accepted_per_second": JOBS / accepted,
        "start_ms": statistics.median(map(float.__sub__, started, created)) * 1000,
        "completed_per_second": JOBS / (max(completed) - min(created)),
    }


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
