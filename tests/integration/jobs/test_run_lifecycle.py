"""The lifecycle of a durable run, as its workers see it."""

import asyncio

import msgspec
import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import PATIENCE_SECONDS, until
from tests.support.jobs.system import System, a_spec, an_outcome

from shared.contracts.claims import JournalEntry
from shared.contracts.jobs import BlockLog
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunStatus
from shared.errors import InvalidRequest, PayloadTooLarge, StaleAttempt


def entry(index: int, text: str = "done") -> JournalEntry:
    return JournalEntry(index, "block", msgspec.Raw(msgspec.json.encode({"text": text})))


async def test_a_run_unreadable_to_this_version_keeps_no_worker_from_others(start: Start) -> None:
    async with start(dispatch_unclaimed_seconds=60) as system:
        await system.executor.listen()
        messages = []
        for _ in range(8):
            await system.gateway.accept()
            messages.append(await system.executor.next())
        of_a_later_version = {"$set": {"spec": b'{"later":true}'}}
        await system.collection("runs").update_one({"_id": messages[0].run_id}, of_a_later_version)

        claims = [system.executor.claim(message) for message in messages]
        failed, *granted = await asyncio.gather(*claims, return_exceptions=True)

    assert isinstance(failed, Exception)
    assert [getattr(each, "attempt", each) for each in granted] == [1] * 7


async def test_a_run_is_accepted_dispatched_and_completed(system: System) -> None:
    accepted = await system.gateway.accept()
    granted = await system.executor.begin()
    assert granted.run.run_id == accepted.run_id
    assert bytes(granted.run.input.inline) == b'{"question":"why?"}'
    assert (granted.attempt, granted.journal) == (1, ())
    assert 5_390_000 < granted.remaining_ms <= 5_400_000

    processing = await system.gateway.job(accepted.job_id)
    assert processing.status is RunStatus.PROCESSING
    assert processing.started_at is not None

    await system.executor.finish(accepted.run_id, 1)
    ended = await system.gateway.job(accepted.job_id)
    assert ended.status is RunStatus.COMPLETED
    assert ended.output is not None
    assert bytes(ended.output.inline) == b'{"answer":42}'
    assert ended.ended_at is not None
    assert processing.started_at <= ended.ended_at


async def test_a_failed_run_has_its_error(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    error = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "boom", block_id="b", block_name="Fn", block_type="function")

    await system.executor.finish(accepted.run_id, 1, an_outcome(RunStatus.FAILED, error=error))

    assert (await system.gateway.run(accepted.run_id)).error == error


async def test_the_blocks_of_a_run_are_included_on_request(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    outcome = an_outcome()
    block = BlockLog(
        block_id="b",
        block_name="Agent 1",
        block_type="agent",
        started_at=outcome.started_at,
        ended_at=outcome.ended_at,
        duration_ms=1.0,
        success=True,
        execution_order=1,
        output={"content": "x" * 2_000_000, "$odd": 2**70},
    )
    await system.executor.finish(accepted.run_id, 1, outcome, blocks=(block,))

    assert (await system.gateway.run(accepted.run_id)).blocks == ()
    assert (await system.gateway.run(accepted.run_id, "?blocks=true")).blocks == (block,)
    assert (await system.gateway.run(accepted.run_id, "?output=false")).output is None


async def test_a_message_that_is_delivered_twice_runs_once(system: System) -> None:
    await system.gateway.accept()
    message = await system.executor.next()

    assert await system.executor.claim(message, worker="one") is not None
    assert await system.executor.claim(message, worker="two") is None


async def test_one_of_many_concurrent_claims_is_granted(system: System) -> None:
    await system.gateway.accept()
    message = await system.executor.next()

    claims = [system.executor.claim(message, worker=f"worker-{n}") for n in range(20)]
    assert sum(granted is not None for granted in await asyncio.gather(*claims)) == 1


async def test_a_claim_whose_response_was_lost_can_be_repeated(system: System) -> None:
    await system.gateway.accept()
    message = await system.executor.next()

    first = await system.executor.claim(message, redelivered=True, claim_id="one delivery")
    again = await system.executor.claim(message, redelivered=True, claim_id="one delivery")
    assert first is not None
    assert again is not None
    assert (first.attempt, again.attempt) == (1, 1)


async def test_reports_about_an_unknown_run_are_refused(system: System) -> None:
    assert await system.executor.claim(DurableRunDispatched("nobody", "d", "w")) is None
    with pytest.raises(StaleAttempt):
        await system.executor.finish("nobody", 1)
    with pytest.raises(StaleAttempt):
        await system.executor.renew("nobody", 1)


async def test_a_lost_workers_writes_are_all_refused(system: System) -> None:
    accepted = await system.gateway.accept()
    message = await system.executor.next()
    await system.executor.claim(message, worker="one")
    taken_over = await system.executor.claim(message, worker="two", redelivered=True)
    assert taken_over is not None
    assert taken_over.attempt == 2

    with pytest.raises(StaleAttempt):
        await system.executor.renew(accepted.run_id, 1)
    with pytest.raises(StaleAttempt):
        await system.executor.journal(accepted.run_id, 1, entry(0))
    with pytest.raises(StaleAttempt):
        await system.executor.release(accepted.run_id, 1)
    with pytest.raises(StaleAttempt):
        await system.executor.finish(accepted.run_id, 1, an_outcome(output=b'"old"'))

    await system.executor.finish(accepted.run_id, 2, an_outcome(output=b'"new"'))
    output = (await system.gateway.run(accepted.run_id)).output
    assert output is not None
    assert bytes(output.inline) == b'"new"'


async def test_the_next_attempt_gets_the_journal_in_order(system: System) -> None:
    accepted = await system.gateway.accept()
    message = await system.executor.next()
    await system.executor.claim(message, worker="one")
    await system.executor.journal(accepted.run_id, 1, entry(0), entry(1))
    await system.executor.journal(accepted.run_id, 1, entry(1), entry(2))

    second = await system.executor.claim(message, worker="two", redelivered=True)
    assert second is not None
    assert second.journal == (entry(0), entry(1), entry(2))

    await system.executor.journal(accepted.run_id, 2, entry(3))
    third = await system.executor.claim(message, worker="three", redelivered=True)
    assert third is not None
    assert third.journal == (entry(0), entry(1), entry(2), entry(3))


async def test_late_writes_of_a_lost_worker_never_mix_with_the_next_attempt(system: System) -> None:
    accepted = await system.gateway.accept()
    message = await system.executor.next()
    await system.executor.claim(message, worker="one")
    await system.executor.journal(accepted.run_id, 1, entry(0))
    await system.executor.claim(message, worker="two", redelivered=True)
    with pytest.raises(StaleAttempt):
        await system.executor.journal(accepted.run_id, 1, entry(1, "late"), entry(2, "late"))
    await system.executor.journal(accepted.run_id, 2, entry(1, "right"))

    third = await system.executor.claim(message, worker="three", redelivered=True)
    assert third is not None
    assert third.journal == (entry(0), entry(1, "right"))


async def test_an_entry_that_fits_no_document_is_refused(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()

    with pytest.raises(PayloadTooLarge):
        await system.executor.journal(accepted.run_id, 1, entry(0, "x" * 16_000_000))
    await system.executor.journal(accepted.run_id, 1, entry(0, "x" * 15_000_000))


async def test_the_journal_is_deleted_at_the_end_of_its_run(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.journal(accepted.run_id, 1, entry(0))
    await system.executor.finish(accepted.run_id, 1)

    async def is_deleted() -> bool:
        return await system.collection("journal").find_one({"run_id": accepted.run_id}) is None

    await until(is_deleted)


async def test_a_repeated_report_changes_nothing(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.finish(accepted.run_id, 1)
    ended = await system.gateway.run(accepted.run_id)

    await system.executor.finish(accepted.run_id, 1, an_outcome(RunStatus.FAILED))

    assert await system.gateway.run(accepted.run_id) == ended


async def test_an_unstorable_result_affects_no_other_run(system: System) -> None:
    absurd = await system.gateway.accept()
    await system.executor.begin()
    output = Payload(blob_id="somewhere", size=2**70)
    report = msgspec.structs.replace(an_outcome(), output=output)
    with pytest.raises(OverflowError):
        await asyncio.wait_for(system.executor.finish(absurd.run_id, 1, report), PATIENCE_SECONDS)

    accepted = await system.gateway.accept()
    async with asyncio.timeout(PATIENCE_SECONDS):
        granted = await system.executor.begin()
        await system.executor.finish(accepted.run_id, granted.attempt)
    assert (await system.gateway.run(accepted.run_id)).status is RunStatus.COMPLETED


async def test_a_status_that_is_not_an_outcome_is_refused(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()

    with pytest.raises(InvalidRequest):
        await system.executor.finish(accepted.run_id, 1, an_outcome(RunStatus.QUEUED))


async def test_a_released_run_is_redispatched_without_counting_an_attempt(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.release(accepted.run_id, 1)

    assert (await system.gateway.run(accepted.run_id)).status is RunStatus.PROCESSING, "never back to queued"
    again = await system.executor.begin()
    assert (again.run.run_id, again.attempt) == (accepted.run_id, 2)
    stored = await system.collection("runs").find_one({"_id": accepted.run_id})
    assert stored is not None
    assert stored["losses"] == 0


async def test_a_silent_worker_loses_its_run_to_another(short_leases: System) -> None:
    accepted = await short_leases.gateway.accept()
    await short_leases.executor.begin()

    again = await short_leases.executor.begin()
    assert (again.run.run_id, again.attempt) == (accepted.run_id, 2)
    with pytest.raises(StaleAttempt):
        await short_leases.executor.finish(accepted.run_id, 1)


async def test_a_worker_that_renews_its_lease_keeps_its_run(start: Start) -> None:
    async with start(lease_seconds=3.0) as system:
        await system.executor.listen()
        accepted = await system.gateway.accept()
        await system.executor.begin()

        for _ in range(7):
            await asyncio.sleep(0.5)
            assert await system.executor.renew(accepted.run_id, 1) is False
        assert await system.executor.idle()
        await system.executor.finish(accepted.run_id, 1)


async def test_a_run_that_loses_every_worker_fails_with_a_reason(start: Start) -> None:
    async with start(attempt_limit=2, lease_seconds=0.5) as system:
        await system.executor.listen()
        accepted = await system.gateway.accept()
        for attempt in (1, 2):
            assert (await system.executor.begin()).attempt == attempt

        await until(lambda: _has_ended(system, accepted.run_id))
        run = await system.gateway.run(accepted.run_id)
        assert run.status is RunStatus.FAILED
        assert run.error is not None
        assert run.error.code is ErrorCode.ATTEMPTS_EXHAUSTED


async def test_a_run_past_its_time_limit_is_ended_and_its_worker_stopped(short_leases: System) -> None:
    accepted = await short_leases.gateway.accept(a_spec(time_limit_ms=300, time_limit_text_ms=5_400_000))
    await short_leases.executor.begin()
    await short_leases.executor.journal(accepted.run_id, 1, entry(0))

    async def renews_until_the_end() -> bool:
        try:
            await short_leases.executor.renew(accepted.run_id, 1)
        except StaleAttempt:
            return True
        return False

    await until(renews_until_the_end)
    run = await short_leases.gateway.run(accepted.run_id)
    assert run.status is RunStatus.FAILED
    assert run.error == RunError(ErrorCode.TIMEOUT, "Execution timed out after 90 minutes")
    await until(lambda: _was_notified(short_leases, accepted.run_id))

    async def expires_with_the_run() -> bool:
        stored = await short_leases.collection("journal").find_one({"run_id": accepted.run_id})
        return stored is not None and "expires_at" in stored

    await until(expires_with_the_run)


async def test_a_result_of_twenty_megabytes_is_returned_whole(system: System) -> None:
    large = msgspec.json.encode({"text": "ä" * 10_000_000})
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.finish(accepted.run_id, 1, an_outcome(output=large))

    output = (await system.gateway.run(accepted.run_id)).output
    assert output is not None
    assert output.size == len(large)
    fetched = await system.gateway.client.fetch("GET", f"/internal/blobs/workspace-1/{output.blob_id}")
    assert fetched == large


async def _has_ended(system: System, run_id: str) -> bool:
    return (await system.gateway.run(run_id)).status.is_terminal


async def _was_notified(system: System, run_id: str) -> bool:
    return run_id in system.cancels
