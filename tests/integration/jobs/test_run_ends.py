"""A run's document at its end: alone, and among many that end at the same time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError, WriteConcernError, WTimeoutError
from pymongo.results import UpdateResult
from tests.support.jobs.makers import NOW, RULES, in_progress
from tests.support.jobs.system import a_spec

from jobs_service.runs.documents import (
    BARE_SPEC,
    PENDING_NOTICE,
    RUNS,
    WANTS_NOTICE,
    RunHooks,
    RunResult,
    encode_spec,
    new_document,
    spec_fields,
)
from jobs_service.runs.repository import MAX_BYTES, MAX_CHANGES, GroupedRuns
from jobs_service.runs.run import Phase, Run, end
from shared.contracts.runs import ErrorCode, RunError, Usage
from shared.errors import Unavailable
from shared.store.client import Collection, Document, Store

AT_WORK: Final[Document] = {"state": {"inline": b"{}"}}
"""Checkpoint of the engine."""


@pytest.fixture
async def runs(store: Store) -> AsyncIterator[GroupedRuns]:
    runs = GroupedRuns(store, RULES, RunHooks(has_subscribers=lambda workspace_id: workspace_id == "curious"))
    await runs.start()
    yield runs
    await runs.stop()


async def _put(
    store: Store, n: int, more: Document | None = None, *, workspace_id: str = "workspace-1", stores_data: bool = True
) -> Run:
    run: Run = in_progress(id=f"run-{n}", workspace_id=workspace_id)
    spec = a_spec(run.id, stores_data=stores_data)
    await store.collection(RUNS).insert_one(new_document(run, spec, order=n) | spec_fields(spec) | (more or {}))
    return run


async def _end(runs: GroupedRuns, *ending: Run, result: RunResult | None = None) -> None:
    made = await asyncio.gather(*(runs.replace(run, _over(run), result) for run in ending))
    assert all(made)


def _over(run: Run) -> Run:
    return end(run, Phase.COMPLETED, NOW, RULES, by=run.attempt)


async def _stored(store: Store) -> list[Document]:
    return await store.collection(RUNS).find().sort("_id").to_list()


@pytest.mark.parametrize("together", [1, 6])
async def test_the_input_is_deleted_by_default(store: Store, runs: GroupedRuns, together: int) -> None:
    ending = [await _put(store, n, stores_data=False) for n in range(together)]
    await _end(runs, *ending)

    for document in await _stored(store):
        assert document["spec"] == encode_spec(a_spec(document["_id"], stores_data=False).without_input())
        assert BARE_SPEC not in document


@pytest.mark.parametrize("together", [1, 6])
async def test_the_input_is_stored_if_configured(store: Store, runs: GroupedRuns, together: int) -> None:
    await _end(runs, *[await _put(store, n) for n in range(together)])

    for document in await _stored(store):
        assert document["spec"] == encode_spec(a_spec(document["_id"]))


@pytest.mark.parametrize("together", [1, 6])
async def test_the_checkpoint_of_the_engine_is_deleted(store: Store, runs: GroupedRuns, together: int) -> None:
    await _end(runs, *[await _put(store, n, AT_WORK) for n in range(together)])
    assert not [document for document in await _stored(store) if "state" in document]


@pytest.mark.parametrize("together", [1, 6])
async def test_subscriptions_to_the_end_are_stored(store: Store, runs: GroupedRuns, together: int) -> None:
    callers = [await _put(store, n, {WANTS_NOTICE: True}) for n in range(together)]
    subscribed = [await _put(store, 10 + n, workspace_id="curious") for n in range(together)]
    nobodys = [await _put(store, 20 + n) for n in range(together)]
    await _end(runs, *callers, *subscribed, *nobodys)

    stored = await _stored(store)
    assert {document["_id"] for document in stored if document.get(PENDING_NOTICE)} == {
        run.id for run in (*callers, *subscribed)
    }
    assert not [document for document in stored if WANTS_NOTICE in document]
    assert {document["_id"] for document in stored if PENDING_NOTICE not in document} == {run.id for run in nobodys}


async def test_concurrent_ends_and_changes_are_applied_as_requested(store: Store, runs: GroupedRuns) -> None:
    going_on = [await _put(store, n, AT_WORK) for n in range(3)]
    ending = [await _put(store, 3 + n, AT_WORK) for n in range(3)]
    moved = (runs.replace(run, replace(run, worker_id=f"of {run.id}")) for run in going_on)
    ended = (runs.replace(run, _over(run)) for run in ending)
    assert all(await asyncio.gather(*moved, *ended))

    stored = await _stored(store)
    assert [document.get("worker_id") for document in stored] == [f"of run-{n}" for n in range(3)] + ["worker-1"] * 3
    assert [document["phase"] for document in stored] == ["processing"] * 3 + ["completed"] * 3
    assert ["state" in document for document in stored] == [True] * 3 + [False] * 3


async def test_values_that_look_like_store_expressions_are_stored_literally(store: Store, runs: GroupedRuns) -> None:
    ending = [await _put(store, n) for n in range(3)]
    named = [replace(run, worker_id="$spec") for run in ending]
    await asyncio.gather(*(runs.replace(run, after) for run, after in zip(ending, named, strict=True)))
    used = Usage(models={"$$ROOT": {}})
    await _end(runs, *(replace(run, revision=1) for run in named), result=RunResult(usage=used))

    for document in await _stored(store):
        assert document["worker_id"] == "$spec"
        assert document["models"] == ["$$ROOT"]


async def test_large_concurrent_changes_are_all_applied(store: Store, runs: GroupedRuns) -> None:
    """Together they exceed the maximum size of a statement, which the driver refuses."""
    message = "x" * (MAX_BYTES // 2)
    going_on = [await _put(store, n) for n in range(MAX_CHANGES)]
    broken = RunError(code=ErrorCode.EXECUTION_FAILED, message=message)
    made = await asyncio.gather(*(runs.replace(run, replace(run, error=broken)) for run in going_on))

    assert all(made)
    assert {len(document["error"]) > len(message) for document in await _stored(store)} == {True}


async def test_one_of_many_large_changes_of_a_run_is_applied(store: Store, runs: GroupedRuns) -> None:
    run = await _put(store, 0)
    errors = [RunError(code=ErrorCode.EXECUTION_FAILED, message=str(n) * (MAX_BYTES // 4)) for n in range(10)]
    made = await asyncio.gather(*(runs.replace(run, replace(run, error=error)) for error in errors))

    assert made.count(True) == 1
    (document,) = await _stored(store)
    assert str(made.index(True)) * 100 in document["error"].decode()


@pytest.mark.parametrize(
    "lost", [AutoReconnect("connection closed"), WriteConcernError("the primary steps down", 11602)], ids=type
)
async def test_a_group_whose_answer_was_lost_is_not_made_twice_and_not_given_up(
    store: Store, runs: GroupedRuns, monkeypatch: pytest.MonkeyPatch, lost: PyMongoError
) -> None:
    going_on = [await _put(store, n) for n in range(4)]
    stale = await _put(store, 4)
    assert await runs.replace(stale, replace(stale, worker_id="quicker"))
    update_many = AsyncCollection[Document].update_many
    calls: list[UpdateResult] = []

    async def cut_once(self: Collection, wanted: Document, update: list[Document]) -> UpdateResult:
        calls.append(await update_many(self, wanted, update))
        if len(calls) == 1:
            raise lost
        return calls[-1]

    monkeypatch.setattr(AsyncCollection, "update_many", cut_once)
    made = await asyncio.gather(
        *(runs.replace(run, replace(run, worker_id=f"of {run.id}")) for run in (*going_on, stale))
    )

    assert made == [True] * 4 + [False]
    assert len(calls) == 2
    stored = await _stored(store)
    assert [document["worker_id"] for document in stored] == [f"of run-{n}" for n in range(4)] + ["quicker"]
    assert [document["revision"] for document in stored] == [1] * 5


async def test_a_group_waits_for_a_majority_only_once(
    store: Store, runs: GroupedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = [await _put(store, n) for n in range(3)]
    calls: list[Document] = []

    async def time_out(self: Collection, wanted: Document, update: list[Document]) -> UpdateResult:
        calls.append(wanted)
        raise WTimeoutError("no majority in time", 50)

    monkeypatch.setattr(AsyncCollection, "update_many", time_out)
    changes = ((run, replace(run, worker_id="told so")) for run in going_on)
    answers = await asyncio.gather(*(runs.replace(*change) for change in changes), return_exceptions=True)

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(calls) == 1


async def test_a_statement_that_fails_fails_its_batch_once_all_of_it_has_ended(
    store: Store, runs: GroupedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = [await _put(store, n) for n in range(3)]
    ending = [await _put(store, 3 + n) for n in range(3)]
    update_many = AsyncCollection[Document].update_many

    async def refuse_ends(self: Collection, wanted: Document, update: list[Document]) -> UpdateResult:
        if ending[0].id in wanted["_id"]["$in"]:
            raise OperationFailure("not today")
        await asyncio.sleep(0.05)
        return await update_many(self, wanted, update)

    monkeypatch.setattr(AsyncCollection, "update_many", refuse_ends)
    after = [replace(run, worker_id="told so") for run in going_on] + [_over(run) for run in ending]
    changes = zip((*going_on, *ending), after, strict=True)
    answers = await asyncio.gather(*(runs.replace(*change) for change in changes), return_exceptions=True)

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert [document["worker_id"] for document in await _stored(store)] == ["told so"] * 3 + ["worker-1"] * 3
