"""Stored paused runs: nothing of them is lost, and each answer is accepted once."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.system import WORKSPACE, System, a_spec, asks, json_payload, waits

from shared.contracts.claims import JournalEntry
from shared.contracts.messages import RunBegan
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunFromBlock, RunMode, RunStatus
from shared.errors import Conflict, NotFound


async def test_a_paused_run_occupies_no_worker_and_continues_with_its_answer(system: System) -> None:
    accepted = await system.gateway.accept()
    granted = await system.executor.begin()
    entry = JournalEntry(0, "block", msgspec.Raw(b'{"done":1}'))
    await system.executor.journal(accepted.run_id, 1, entry)
    await system.executor.pause(accepted.run_id, 1, asks())
    shown = await system.gateway.run(accepted.run_id)
    assert (shown.status, [each.context_id for each in shown.pauses]) == (RunStatus.PAUSED, ["form"])
    assert shown.paused_at is not None

    await system.gateway.resume(accepted.run_id, answer=b'{"approved":true}')
    again = await system.executor.begin()

    assert (again.attempt, again.run, again.journal) == (2, granted.run, (entry,))
    assert {name: bytes(value) for name, value in again.answers.items()} == {"form": b'{"approved":true}'}
    await system.executor.finish(accepted.run_id, 2)
    ended = await system.gateway.run(accepted.run_id)
    assert (ended.status, ended.pauses, ended.paused_at) == (RunStatus.COMPLETED, (), None)


async def test_one_of_many_concurrent_answers_is_accepted(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.pause(accepted.run_id, 1, asks())

    answers = [system.gateway.resume(accepted.run_id, answer=b'{"n":%d}' % n) for n in range(20)]
    results = await asyncio.gather(*answers, return_exceptions=True)

    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 19
    assert (await system.executor.begin()).attempt == 2
    assert await system.executor.idle()


async def test_a_wait_ends_although_jobs_service_was_unavailable(start: Start) -> None:
    async with start() as system:
        await system.executor.listen()
        accepted = await system.gateway.accept()
        await system.executor.begin()
        await system.executor.pause(accepted.run_id, 1, waits(0.3))
    async with start() as system:
        await system.executor.listen()
        granted = await system.executor.begin()

    assert (granted.run.run_id, list(granted.answers)) == (accepted.run_id, ["wait"])


async def test_a_paused_attached_run_becomes_durable(system: System) -> None:
    spec = a_spec("attached-1", mode=RunMode.SYNC)
    await system.executor.hand_over(spec, b'{"left":"here"}', asks())
    shown = await system.gateway.run("attached-1")
    assert (shown.status, shown.attempt, shown.job_id is None) == (RunStatus.PAUSED, 1, False)

    await system.gateway.resume("attached-1")
    granted = await system.executor.begin()

    assert (granted.run, granted.attempt) == (spec, 2)
    assert granted.state == json_payload(b'{"left":"here"}')
    assert 5_390_000 < granted.remaining_ms <= 5_400_000


async def test_handing_an_attached_run_over_twice_is_harmless(system: System) -> None:
    spec = a_spec("attached-1", mode=RunMode.SYNC)
    await system.executor.hand_over(spec, b"{}", asks())
    await system.executor.hand_over(spec, b"{}", asks())
    await system.executor.record(RunBegan(spec, asks().registered_at))
    await system.gateway.resume("attached-1")
    await system.executor.hand_over(spec, b"{}", asks())

    assert (await system.executor.begin()).attempt == 2


async def test_a_cancel_that_was_remembered_reaches_the_pause(system: System) -> None:
    await system.gateway.cancel("attached-1")
    await system.executor.hand_over(a_spec("attached-1", mode=RunMode.SYNC), b"{}", asks())

    assert (await system.gateway.run("attached-1")).status is RunStatus.CANCELLED


async def test_an_attached_run_that_is_to_be_cancelled_is_not_stored_to_wait(system: System) -> None:
    spec = a_spec("attached-1", mode=RunMode.SYNC)
    await system.executor.record(RunBegan(spec, datetime.now(UTC)))

    async def is_known() -> bool:
        return await system.collection("runs").find_one({"_id": spec.run_id}) is not None

    await until(is_known)
    await system.gateway.cancel("attached-1")
    with pytest.raises(Conflict, match="is being cancelled"):
        await system.executor.hand_over(spec, b"{}", asks())


async def test_a_large_state_and_input_live_as_long_as_the_pause(system: System) -> None:
    large = json_payload(b'"' + b"x" * 2_000_000 + b'"')
    spec = a_spec("attached-1", mode=RunMode.SYNC)
    await system.executor.hand_over(spec, bytes(large.inline), asks())
    lives = await system.collection("blob_lives").find({}).to_list()

    days = {round((life["until_ms"] / 1000 - asks().registered_at.timestamp()) / 86_400) for life in lives}
    assert days == {74}


@pytest.mark.parametrize("is_attached", [True, False])
async def test_input_and_shown_output_live_as_long_as_the_pause(system: System, is_attached: bool) -> None:
    large = b'{"question":"%b"}' % (b"x" * 2_000_000)
    await system.executor.client.call("PUT", f"/internal/blobs/{WORKSPACE}/left", body=large)
    run_from = RunFromBlock("block-1", Payload(blob_id="left", size=len(large)))
    spec = a_spec("run-1", mode=RunMode.SYNC if is_attached else RunMode.ASYNC, run_from=run_from)
    if is_attached:
        await system.executor.hand_over(spec, b"{}", asks(), output=large)
    else:
        await system.gateway.accept(spec)
        await system.executor.begin()
        await system.executor.pause("run-1", 1, asks(), output=large)

    now = datetime.now(UTC)
    lives = await system.collection("blob_lives").find().to_list()
    days = [round((life["until_ms"] / 1000 - now.timestamp()) / 86_400) for life in lives]
    assert days == [74, 74]


@pytest.mark.parametrize("is_attached", [True, False])
async def test_files_of_a_paused_run_are_available_when_it_resumes(system: System, is_attached: bool) -> None:
    files = ("file_1", "file_2")
    for file_id in (*files, "file_3"):
        await system.executor.client.call("PUT", f"/internal/blobs/{WORKSPACE}/{file_id}", body=b"content")
    if is_attached:
        await system.executor.hand_over(a_spec("attached-1", mode=RunMode.SYNC), b"{}", asks(), files=files)
    else:
        accepted = await system.gateway.accept()
        await system.executor.begin()
        await system.executor.pause(accepted.run_id, 1, asks(), files=files)

    now = datetime.now(UTC)
    named = {each["_id"]: each["filename"] for each in await system.collection("blobs.files").find().to_list()}
    lives = await system.collection("blob_lives").find().to_list()
    days = {named[life["_id"]]: round((life["until_ms"] / 1000 - now.timestamp()) / 86_400) for life in lives}
    assert days == {f"{WORKSPACE}/file_1": 74, f"{WORKSPACE}/file_2": 74, f"{WORKSPACE}/file_3": 7}


async def test_a_repeated_pause_report_is_stored_again(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.journal(accepted.run_id, 1, JournalEntry(0, "block", msgspec.Raw(b"{}")))
    journal, entries = system.collection("journal"), {"run_id": accepted.run_id}
    await system.executor.pause(accepted.run_id, 1, asks())
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    await journal.update_many(entries, {"$set": {"written_at": an_hour_ago}})  # as if storing it had failed
    await system.executor.pause(accepted.run_id, 1, asks())
    entry = await journal.find_one(entries)
    assert entry is not None
    assert entry["written_at"] > an_hour_ago + timedelta(minutes=59)


async def test_a_cancelled_pause_leaves_no_journal_behind(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.journal(accepted.run_id, 1, JournalEntry(0, "block", msgspec.Raw(b"{}")))
    await system.executor.pause(accepted.run_id, 1, asks())
    await system.gateway.cancel(accepted.run_id)

    async def is_deleted() -> bool:
        return await system.collection("journal").find_one({"run_id": accepted.run_id}) is None

    await until(is_deleted)


async def test_another_workspaces_pause_is_not_found(system: System) -> None:
    await system.executor.hand_over(a_spec("attached-1", workspace_id="workspace-2", mode=RunMode.SYNC), b"{}", asks())

    with pytest.raises(NotFound):
        await system.gateway.resume("attached-1")


async def test_resumed_runs_wait_for_concurrency_slots_of_their_workspace(start: Start) -> None:
    async with start(dispatch_unclaimed_seconds=60) as system:
        await system.executor.listen()
        paused = [await system.gateway.accept(concurrency=1) for _ in range(3)]
        for _ in paused:
            granted = await system.executor.begin()
            await system.executor.pause(granted.run.run_id, 1, asks())
        for accepted in paused:
            await system.gateway.resume(accepted.run_id)

        first = await system.executor.begin()
        await asyncio.sleep(0.2)
        assert system.executor.unread() == 0
        await system.executor.finish(first.run.run_id, 2)
        assert (await system.executor.begin()).attempt == 2
