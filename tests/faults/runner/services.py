"""Gateways and jobs-services: killed between accepting a job and dispatching it, full, and read too slowly."""

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Final
from urllib.parse import urlsplit

import httpx2
from tests.faults.harness.journal import runs_without_an_end
from tests.faults.harness.workflows import steps
from tests.faults.runner.figures import Figure, Scenario
from tests.faults.runner.scene import EXECUTORS, GATEWAYS, JOBS, Scene
from tests.support.eventually import until
from tests.support.model_server import Reply
from tests.support.workflow_files import START, agent, start, workflow

JOBS_AT_ONCE: Final = 200
THRESHOLD: Final = 100
CALLERS: Final = 500
REFUSALS: Final = 200
SLOW_READERS: Final = 4
STREAM_MIB: Final = 32
MIB: Final = 1024 * 1024


async def kill_between_store_and_publish(scene: Scene) -> Sequence[Figure]:
    """Both jobs-services and the gateway die while stored jobs wait for their dispatch."""
    async with scene.api() as api, scene.api(GATEWAYS[1]) as other:
        workflow_id = await api.publish(steps(scene.witness.url, "unsent"))
        for name in EXECUTORS:
            scene.stack.kill(name, SIGSTOP)
        try:
            calls = [asyncio.create_task(api.queue(workflow_id, {"run": f"u{n}"})) for n in range(JOBS_AT_ONCE)]
            await until(lambda: _some_are_done(calls))
            await asyncio.gather(*(scene.kill(name) for name in (*JOBS, GATEWAYS[0])))
            results = await asyncio.gather(*calls, return_exceptions=True)
            accepted = [each for each in results if isinstance(each, dict)]
        finally:
            for name in EXECUTORS:
                scene.stack.kill(name, SIGCONT)
            await asyncio.gather(*(scene.revive(name) for name in (*JOBS, GATEWAYS[0])))
        revived = time.monotonic()
        ends = [await other.ended_job(job["jobId"], seconds=60) for job in accepted]
        took = time.monotonic() - revived
        await until(lambda: _nothing_is_left(scene), seconds=60)
    return [
        Figure("jobs accepted before the kill", len(accepted), at_least=1),
        Figure("of them completed", sum(end["status"] == "completed" for end in ends), at_least=len(accepted)),
        Figure("all ended after the restart", took, "s", at_most=30),
        Figure("runs left without an end", runs_without_an_end(scene.stack.mongodb_uri), at_most=0),
    ]


async def full_queue(scene: Scene) -> Sequence[Figure]:
    """More concurrent callers than the queue has slots, while the workers are blocked."""
    name = "FLOWPORT_DISPATCH_MAX_QUEUE_PER_WORKSPACE"
    await asyncio.gather(*(scene.revive(jobs, **{name: str(THRESHOLD)}) for jobs in JOBS))
    async with scene.api() as api:
        workflow_id = await api.publish(workflow("Full", [start()]))
        for worker in EXECUTORS:
            scene.stack.kill(worker, SIGSTOP)
        try:
            headers = {"x-execution-mode": "async"}
            answers = await asyncio.gather(*(api.run(workflow_id, headers=headers) for _ in range(CALLERS)))
            times = [await _timed_refusal(api.http, workflow_id) for _ in range(REFUSALS)]
        finally:
            for worker in EXECUTORS:
                scene.stack.kill(worker, SIGCONT)
        codes = Counter(answer.status_code for answer in answers)
        accepted = [answer.json()["jobId"] for answer in answers if answer.status_code == 202]
        ends = [await api.ended_job(job_id, seconds=60) for job_id in accepted]
    await asyncio.gather(*(scene.revive(jobs, **{name: "1000"}) for jobs in JOBS))
    without = sum("retry-after" not in answer.headers for answer in answers if answer.status_code == 503)
    return [
        Figure("concurrent callers", CALLERS),
        Figure("accepted", codes[202], at_least=THRESHOLD, at_most=THRESHOLD),
        Figure("refused with 503", codes[503], at_least=CALLERS - THRESHOLD),
        Figure("refusals without Retry-After", without, at_most=0),
        Figure("refusal latency, p50", sorted(times)[len(times) // 2] * 1000, "ms"),
        Figure("refusal latency, p99", sorted(times)[int(len(times) * 0.99)] * 1000, "ms", at_most=20),
        Figure("accepted and completed", sum(end["status"] == "completed" for end in ends), at_least=THRESHOLD),
    ]


async def slow_readers(scene: Scene) -> Sequence[Figure]:
    """Streams whose readers read nothing after the head; other callers must not be affected."""
    name, write_seconds = GATEWAYS[1], 3.0
    await scene.revive(name, FLOWPORT_STREAM_WRITE_SECONDS=str(write_seconds))
    scene.models.answer("torrent", Reply(tokens=("x" * 4096,) * (STREAM_MIB * 256), frames_per_write=16))
    async with scene.api(name) as api:
        file = workflow("Torrent", [start(), agent("a1", "vllm/torrent", "go on")], (START, "a1"))
        torrent, quick = await api.publish(file), await api.publish(workflow("Quick", [start()]))
        assert (await api.run(quick)).is_success
        before = _resident(scene.stack.pid(name))
        readers = [await asyncio.to_thread(_begin_to_read, scene, name, torrent) for _ in range(SLOW_READERS)]
        began, peak, failed = time.monotonic(), before, 0
        while time.monotonic() - began < write_seconds + 7:
            failed += not (await api.run(quick)).is_success
            peak = max(peak, _resident(scene.stack.pid(name)))
            await asyncio.sleep(0.1)
        ended = [await asyncio.to_thread(_is_over, reader) for reader in readers]
    await scene.revive(name, FLOWPORT_STREAM_WRITE_SECONDS="30")
    return [
        Figure("unread streams", SLOW_READERS),
        Figure("size of each", STREAM_MIB, "MiB"),
        Figure("gateway memory growth per stream", (peak - before) / SLOW_READERS / MIB, "MiB", at_most=4),
        Figure("streams ended by the gateway", sum(ended), at_least=SLOW_READERS),
        Figure("failed calls of other callers", failed, at_most=0),
    ]


async def _some_are_done(calls: Sequence[asyncio.Task[object]]) -> bool:
    return sum(call.done() for call in calls) > JOBS_AT_ONCE // 4


async def _nothing_is_left(scene: Scene) -> bool:
    return await asyncio.to_thread(runs_without_an_end, scene.stack.mongodb_uri) == 0


async def _timed_refusal(http: httpx2.AsyncClient, workflow_id: str) -> float:
    began = time.perf_counter()
    path = f"/api/workflows/{workflow_id}/execute"
    answer = await http.post(path, json={}, headers={"x-execution-mode": "async"})
    assert answer.status_code == 503, answer.text
    return time.perf_counter() - began


def _begin_to_read(scene: Scene, gateway: str, workflow_id: str) -> socket.socket:
    """Open a stream, read its first bytes, and leave almost no buffer for more."""
    port = urlsplit(scene.stack.url_of(gateway)).port or 0
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(30)
    reader.connect(("127.0.0.1", port))
    body = b'{"stream":true,"selectedOutputs":["agent_1.content"]}'
    head = f"POST /api/workflows/{workflow_id}/execute HTTP/1.1\r\nhost: x\r\nx-api-key: {scene.api_key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    reader.sendall(head.encode() + body)
    assert reader.recv(15).startswith(b"HTTP/1.1 200")
    return reader


def _is_over(reader: socket.socket) -> bool:
    """Return whether the connection ends after the buffered bytes."""
    with contextlib.closing(reader):
        reader.settimeout(5)
        try:
            while reader.recv(MIB):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
    return True


def _resident(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


SCENARIOS: Final = (
    Scenario(
        "unsent", "gateway and jobs-services killed between store and publish (2)", kill_between_store_and_publish
    ),
    Scenario("full-queue", "500 concurrent callers at a threshold of 100 (12)", full_queue),
    Scenario("slow-readers", "unread streams (13)", slow_readers),
)
