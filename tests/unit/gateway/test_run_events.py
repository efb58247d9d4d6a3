"""v2 streams: every event has an id, and a reader that reconnects, to any gateway, misses nothing."""

import asyncio

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.gateway.followed_worker import FollowedWorker
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import Answer, Call, System
from tests.support.gateway.worker import outcome
from tests.support.left_behind import without_collections

from gateway.runs import followed as run_reader
from gateway.streams.durable_stream import RunEventStream
from shared.contracts.events import Chunk, RunEnded, RunStarted, SelectedOutput, StreamReset
from shared.contracts.runs import RunError, RunMode, RunStatus
from shared.errors import Unavailable

EXECUTE = "/api/v2/workflows/W/execute"
EVENTS = "/api/v2/workflows/W/runs/R1/events"


@pytest.fixture
async def worker(system: System) -> FollowedWorker:
    return FollowedWorker.of(system)


async def begun(system: System, **headers: str) -> Call:
    body = msgspec.json.encode({"stream": True, "selectedOutputs": ["a.result.v"]})
    sent = {"x-api-key": system.key, "content-type": "application/json", "x-run-id": "R1", **headers}
    call = system.call("POST", EXECUTE, headers=sent, body=body)
    await asyncio.wait_for(call.spoke.wait(), 30)
    return call


async def read(system: System, path: str = EVENTS, **headers: str) -> Answer:
    return await system.request("GET", path, headers={"x-api-key": system.key, **headers})


VALUE = SelectedOutput("BLOCK_A", "result.v", msgspec.Raw(b'"one"'))
FINAL = 'data: {"event":"final","data":{"success":true,"output":{"BLOCK_A":{"result.v":"one"}}}}\n\ndata: "[DONE]"\n\n'


async def test_a_stream_has_the_known_frames_each_with_an_id(system: System, worker: FollowedWorker) -> None:
    call = await begun(system)
    await worker.report(RunStarted(), VALUE, Chunk("BLOCK_A", "one"))
    worker.ends()
    await worker.report(RunEnded(outcome()))
    answer = await call.done()
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-run-id"] == "R1"
    assert answer.body.decode() == 'id: 1-2\ndata: {"blockId":"BLOCK_A","chunk":"one"}\n\n' + FINAL


async def test_such_a_run_is_stored_with_its_events(system: System, worker: FollowedWorker) -> None:
    await begun(system)
    run = system.jobs.accepted[0].run
    assert (run.mode, run.keep_events) == (RunMode.STREAM, True)


async def test_a_disconnected_reader_does_not_stop_the_run(system: System, worker: FollowedWorker) -> None:
    call = await begun(system)
    await call.disconnect()
    assert system.jobs.cancels == []


async def test_a_returning_reader_gets_the_new_events_and_the_whole_end(system: System, worker: FollowedWorker) -> None:
    call = await begun(system)
    await worker.report(RunStarted(), VALUE, Chunk("BLOCK_A", "on"))
    await call.disconnect()
    await worker.report(Chunk("BLOCK_A", "e"), live=False)
    worker.ends()
    await worker.report(RunEnded(outcome()), live=False)

    answer = await read(system, **{"last-event-id": "1-2"})
    assert answer.body.decode() == 'id: 1-3\ndata: {"blockId":"BLOCK_A","chunk":"e"}\n\n' + FINAL
    assert (await read(system)).body.startswith(b'id: 1-2\ndata: {"blockId":"BLOCK_A","chunk":"on"}\n\n')


async def test_a_run_taken_over_by_another_worker_reports_it(system: System, worker: FollowedWorker) -> None:
    call = await begun(system)
    await worker.report(RunStarted(), Chunk("BLOCK_A", "lost"))
    worker.number = 0
    await worker.report(StreamReset(2), VALUE, Chunk("BLOCK_A", "one"), attempt=2)
    worker.ends()
    await worker.report(RunEnded(outcome()), attempt=2)
    assert (await call.done()).body.decode() == (
        'id: 1-1\ndata: {"blockId":"BLOCK_A","chunk":"lost"}\n\n'
        'id: 2-0\ndata: {"event":"reset","attempt":2}\n\n'
        'id: 2-2\ndata: {"blockId":"BLOCK_A","chunk":"one"}\n\n' + FINAL
    )


async def test_a_run_that_failed_ends_its_stream_with_why(system: System, worker: FollowedWorker) -> None:
    call = await begun(system)
    error = RunError("BLOCK_EXECUTION_FAILED", "boom", block_name="Fn")
    worker.ends(status=RunStatus.FAILED, error=error)
    await worker.report(RunStarted(), RunEnded(outcome()))
    assert (await call.done()).body.decode() == 'data: {"event":"error","error":"Fn: boom"}\n\ndata: "[DONE]"\n\n'


async def test_head_on_a_stream_does_not_wait_for_the_run(system: System, worker: FollowedWorker) -> None:
    call = await begun(system)
    answer = await system.request("HEAD", EVENTS, headers={"x-api-key": system.key})
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "text/event-stream", b"")
    assert system.jobs.cancels == []
    assert not call.task.done(), "who reads it goes on"


async def test_any_run_can_be_read_by_its_end(system: System) -> None:
    system.jobs.views["R1"] = a_view(
        RunStatus.COMPLETED, run_id="R1", mode=RunMode.SYNC, output=outcome({"a": 1}).output
    )
    assert (await read(system)).body.decode() == (
        'data: {"event":"final","data":{"success":true,"output":{"a":1}}}\n\ndata: "[DONE]"\n\n'
    )


async def unavailable(*arguments: object) -> object:
    raise Unavailable("GET http://jobs:8082/internal/x: TimeoutError")


async def test_the_location_of_an_externally_stored_part_stays_in_the_log(
    system: System, worker: FollowedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_reader, "MAX_UNAVAILABLE_SECONDS", 0.0)
    monkeypatch.setattr(system.jobs, "events", unavailable)
    answer = await read(system)
    assert answer.body == b'data: {"event":"error","error":"Service temporarily unavailable"}\n\ndata: "[DONE]"\n\n'


async def test_a_run_that_is_not_there_is_404(system: System) -> None:
    answer = await read(system)
    assert (answer.status, answer.json["error"]["message"]) == (404, "Run not found")


async def test_an_invalid_id_is_refused(system: System, worker: FollowedWorker) -> None:
    answer = await read(system, **{"last-event-id": "17"})
    assert answer.status == 400
    assert answer.json["error"]["message"] == "Last-Event-ID must be the id of an event of this run, such as 1-12"


@pytest.mark.parametrize("heartbeat", ["0", "61", "1.5", "nan", ""])
async def test_both_streams_take_the_same_heartbeats(system: System, worker: FollowedWorker, heartbeat: str) -> None:
    begun = await system.send("POST", f"/api/v2/workflows/W/execute?heartbeat={heartbeat}", {"stream": True})
    read = await system.get(f"{EVENTS}?heartbeat={heartbeat}")
    assert (begun.status, read.status) == (400, 400)


async def test_heartbeats_are_sent_during_silence_on_request(system: System, worker: FollowedWorker) -> None:
    call = system.call("GET", f"{EVENTS}?heartbeat=1", headers={"x-api-key": system.key})
    await eventually(lambda: call.answer.chunks)
    worker.ends()
    worker.number = 0
    beat, *rest = (await call.done()).body.split(b"\n\n")
    assert beat.startswith(b": ")
    assert len(beat) > 2_000
    assert rest[-2] == b'data: "[DONE]"'


@pytest.mark.parametrize("query", ["", "?heartbeat=60"])
async def test_a_disconnected_reader_is_freed_without_a_garbage_collection(
    system: System, worker: FollowedWorker, query: str
) -> None:
    with without_collections() as remains:
        call = system.call("GET", f"{EVENTS}{query}", headers={"x-api-key": system.key})
        await eventually(lambda: remains.of(RunEventStream))
        await call.disconnect()
        await eventually(lambda: remains.of(RunEventStream) == [])


async def test_streams_of_one_run_are_bounded_and_a_closed_one_makes_room(worker: FollowedWorker) -> None:
    system = worker.system
    call = await begun(system)
    readers = [system.call("GET", EVENTS, headers={"x-api-key": system.key}) for _ in range(50)]
    for reader in readers:
        await asyncio.wait_for(reader.spoke.wait(), 30)
    refused = await read(system)
    assert (refused.status, refused.headers["retry-after"]) == (429, "5")
    assert refused.json["error"]["code"] == "RATE_LIMITED"
    await readers[0].disconnect()
    again = system.call("GET", EVENTS, headers={"x-api-key": system.key})
    await asyncio.wait_for(again.spoke.wait(), 30)
    for reader in (*readers[1:], again, call):
        await reader.disconnect()
