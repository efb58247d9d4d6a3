"""Contract of run stores: a run is written only over the version that was read, under any concurrency."""

import asyncio
from dataclasses import replace

from tests.contract.runs.conftest import Storage
from tests.support.jobs.makers import in_progress

from jobs_service.runs.run import Run


async def _stored(storage: Storage, count: int) -> list[Run]:
    runs = [replace(in_progress(), id=f"run-{n}") for n in range(count)]
    for run in runs:
        await storage.put(run)
    return [await storage.found(run.id) for run in runs]


def _held_by(run: Run, worker_id: str) -> Run:
    return replace(run, worker_id=worker_id)


async def test_many_concurrent_changes_are_all_applied(storage: Storage) -> None:
    runs = await _stored(storage, 20)

    made = await asyncio.gather(*(storage.runs.replace(run, _held_by(run, f"of {run.id}")) for run in runs))

    assert all(made)
    found = await asyncio.gather(*(storage.runs.load(run.id) for run in runs))
    assert [seen and seen.run.worker_id for seen in found] == [f"of {run.id}" for run in runs]


async def test_one_of_several_concurrent_changes_of_a_run_is_applied(storage: Storage) -> None:
    run, *others = await _stored(storage, 5)

    wanted = [_held_by(run, f"worker-{n}") for n in range(8)]
    made, made_of_others = await asyncio.gather(
        asyncio.gather(*(storage.runs.replace(run, after) for after in wanted)),
        asyncio.gather(*(storage.runs.replace(each, _held_by(each, "another")) for each in others)),
    )

    assert made.count(True) == 1
    assert all(made_of_others)
    assert (await storage.found(run.id)).worker_id == wanted[made.index(True)].worker_id


async def test_a_run_changed_in_between_is_left_unchanged(storage: Storage) -> None:
    runs = await _stored(storage, 6)
    stale, fresh = runs[:3], runs[3:]
    for run in stale:
        assert await storage.runs.replace(run, _held_by(run, "first"))

    made = await asyncio.gather(*(storage.runs.replace(run, _held_by(run, "second")) for run in runs))

    assert made == [False] * 3 + [True] * 3
    assert {(await storage.found(run.id)).worker_id for run in stale} == {"first"}
    assert {(await storage.found(run.id)).worker_id for run in fresh} == {"second"}


async def test_a_run_that_is_not_there_is_missing_among_the_others(storage: Storage) -> None:
    runs = await _stored(storage, 2)
    found = await asyncio.gather(*(storage.runs.load(run_id) for run_id in (runs[0].id, "nobody", runs[1].id)))
    assert [seen and seen.run.id for seen in found] == ["run-0", None, "run-1"]
