"""An accepted run is stored; a full queue refuses exactly."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.system import WORKSPACE, System, a_spec, json_payload

from shared.contracts.jobs import QueueStatus, RunAccepted
from shared.contracts.runs import RunStatus
from shared.errors import AtCapacity, FullQueue, RunIdTaken


async def test_an_accepted_run_is_in_the_store_before_the_answer(system: System) -> None:
    accepted = await system.gateway.accept(a_spec("mine"))

    stored = await system.collection("runs").find_one({"_id": "mine"})
    assert stored is not None
    assert stored["job_id"] == accepted.job_id
    assert accepted.job_id.startswith("run_")


async def test_an_accepted_run_is_found_by_both_its_ids(start: Start) -> None:
    async with start() as system:
        accepted = await system.gateway.accept()

        by_job, by_run = await system.gateway.job(accepted.job_id), await system.gateway.run(accepted.run_id)
        assert by_job == by_run
        assert (by_run.status, by_run.version, by_run.started_at) == (RunStatus.QUEUED, 3, None)
        assert by_run.created_at == accepted.created_at


async def test_the_queue_reports_its_length_to_its_own_workspace(start: Start) -> None:
    async with start(dispatch_max_queue_per_workspace=7) as system:
        for _ in range(3):
            await system.gateway.accept()

        assert await _standing(system, WORKSPACE) == QueueStatus(3, 7, None)
        assert await _standing(system, "another") == QueueStatus(0, 7, 0.0)


async def _standing(system: System, workspace_id: str) -> QueueStatus:
    return await system.gateway.client.call("GET", f"/internal/queues/{workspace_id}", returns=QueueStatus)


def _refused(queue: FullQueue) -> float:
    return REGISTRY.get_sample_value("flowport_jobs_refusals_total", {"limit": queue}) or 0.0


@pytest.mark.parametrize(
    ("limits", "text", "queue"),
    [
        ({"dispatch_max_queue_per_workspace": 100}, "Workspace queue is at capacity (100/100)", FullQueue.WORKSPACE),
        ({"dispatch_max_queue_global": 100}, "Global dispatch queue is at capacity (100/100)", FullQueue.GLOBAL),
    ],
)
async def test_of_five_hundred_concurrent_runs_exactly_the_threshold_is_accepted(
    start: Start, limits: dict[str, int], text: str, queue: FullQueue
) -> None:
    before = {each: _refused(each) for each in FullQueue}
    async with start(**limits) as system:
        answers = await asyncio.gather(*(system.gateway.accept() for _ in range(500)), return_exceptions=True)

        accepted = [answer for answer in answers if isinstance(answer, RunAccepted)]
        refused = [answer for answer in answers if isinstance(answer, AtCapacity)]
        assert (len(accepted), len(refused)) == (100, 400)
        assert await system.stored() == 100, "a refusal leaves nothing behind"
        assert await system.queued() == 100
        assert {refusal.details["message"] for refusal in refused} == {text}
        assert {refusal.retry_after for refusal in refused} == {10}
        assert {refusal.full_queue for refusal in refused} == {queue}, "who asked knows whose limit it was"
        assert {each: _refused(each) - before[each] for each in FullQueue} == {
            each: 400 * (each is queue) for each in FullQueue
        }


async def test_two_replicas_share_the_limit_exactly(start: Start) -> None:
    limits = {"dispatch_max_queue_per_workspace": 50}
    async with start(**limits) as one, start(**limits) as other:
        requests = [replica.gateway.accept() for replica in (one, other) for _ in range(100)]
        answers = await asyncio.gather(*requests, return_exceptions=True)

        assert sum(isinstance(answer, RunAccepted) for answer in answers) == 50
        assert await one.stored() == 50


async def test_one_workspace_at_its_limit_leaves_the_others_alone(start: Start) -> None:
    async with start(dispatch_max_queue_per_workspace=1) as system:
        await system.gateway.accept(a_spec(workspace_id="full"))
        with pytest.raises(AtCapacity):
            await system.gateway.accept(a_spec(workspace_id="full"))

        await system.gateway.accept(a_spec(workspace_id="other"))


async def test_a_claimed_run_makes_room_for_the_next(start: Start) -> None:
    async with start(dispatch_max_queue_per_workspace=1) as system:
        await system.executor.listen()
        await system.gateway.accept()
        await system.executor.begin()
        await until(lambda: _is_empty(system))

        await system.gateway.accept()


async def test_a_full_queue_reports_when_to_retry(start: Start) -> None:
    async with start(dispatch_max_queue_per_workspace=1) as system:
        await system.executor.listen()
        for _ in range(3):
            await system.gateway.accept()
            granted = await system.executor.begin()
            await system.executor.finish(granted.run.run_id, granted.attempt)
            await until(lambda: _is_empty(system))
        await system.gateway.accept()

        with pytest.raises(AtCapacity) as refusal:
            await system.gateway.accept()
        assert refusal.value.retry_after is not None
        assert 1 <= refusal.value.retry_after < 10


async def test_a_run_id_can_be_used_only_once(system: System) -> None:
    await system.gateway.accept(a_spec("mine"))

    with pytest.raises(RunIdTaken):
        await system.gateway.accept(a_spec("mine"))
    with pytest.raises(RunIdTaken):
        await system.gateway.reserve("mine")
    with pytest.raises(RunIdTaken):
        await system.gateway.accept(a_spec("mine", workspace_id="another"))


async def test_one_of_many_concurrent_uses_of_an_id_wins_without_affecting_other_runs(system: System) -> None:
    same = [system.gateway.accept(a_spec("mine")) for _ in range(10)]
    others = [system.gateway.accept() for _ in range(10)]
    answers = await asyncio.gather(*same, *others, return_exceptions=True)

    assert sum(isinstance(answer, RunAccepted) for answer in answers[:10]) == 1
    assert all(isinstance(answer, RunIdTaken) for answer in answers[:10] if not isinstance(answer, RunAccepted))
    assert all(isinstance(answer, RunAccepted) for answer in answers[10:])


async def test_an_id_that_is_already_stored_does_not_spoil_its_batch(system: System) -> None:
    await system.gateway.accept(a_spec("mine"))

    requests = [system.gateway.accept(a_spec("mine")), *(system.gateway.accept() for _ in range(20))]
    taken, *rest = await asyncio.gather(*requests, return_exceptions=True)

    assert isinstance(taken, RunIdTaken)
    assert all(isinstance(answer, RunAccepted) for answer in rest)


async def test_a_reserved_id_is_taken_until_it_is_released(system: System) -> None:
    await system.gateway.reserve("mine")
    with pytest.raises(RunIdTaken):
        await system.gateway.reserve("mine", "another-workspace")
    with pytest.raises(RunIdTaken):
        await system.gateway.accept(a_spec("mine"))

    await system.gateway.unreserve("mine", "another-workspace")
    with pytest.raises(RunIdTaken):
        await system.gateway.reserve("mine")

    await system.gateway.unreserve("mine")
    await system.gateway.accept(a_spec("mine"))


async def test_giving_an_id_back_does_not_touch_a_run(system: System) -> None:
    await system.gateway.accept(a_spec("mine"))
    await system.gateway.unreserve("mine")

    assert (await system.gateway.run("mine")).run_id == "mine"


async def test_an_input_larger_than_a_store_document_is_stored_whole(system: System) -> None:
    large = b'"' + b"x" * (18 * 1024 * 1024) + b'"'
    await system.gateway.accept(a_spec(input=json_payload(large)))

    granted = await system.executor.begin()
    blob_id = granted.run.input.blob_id
    assert blob_id is not None
    assert await system.executor.client.fetch("GET", f"/internal/blobs/{WORKSPACE}/{blob_id}") == large


async def _is_empty(system: System) -> bool:
    return await system.queued() == 0
