"""What becomes of a run's document at its end: of one alone, and among many that end at the same time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest
from tests.integration.jobs.system import a_spec, json_payload, quick_settings
from tests.unit.jobs.makers import NOW, RULES, at_work

from jobs_service.adapters.grouped_runs import MAX_BYTES, GroupedRuns
from jobs_service.adapters.run_documents import BARE_SPEC, RUNS, TELLS, UNTOLD, encode_spec, new_document, spec_fields
from jobs_service.bootstrap import open_store
from jobs_service.domain.run import Phase, Run, end
from jobs_service.ports import Result
from shared.contracts.runs import Payload
from shared.store.client import Store
from shared.store.documents import Document

AT_WORK: Final[Document] = {"state": {"inline": b"{}"}}
"""Where the engine stood."""


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Store]:
    store = open_store(quick_settings(mongodb_uri, mongodb_prefix))
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def runs(store: Store) -> AsyncIterator[GroupedRuns]:
    runs = GroupedRuns(store, RULES, is_told=lambda workspace_id: workspace_id == "curious")
    await runs.start()
    yield runs
    await runs.stop()


async def _put(
    store: Store, n: int, more: Document | None = None, *, workspace_id: str = "workspace-1", stores_data: bool = True
) -> Run:
    run: Run = at_work(id=f"run-{n}", workspace_id=workspace_id)
    asked = a_spec(run.id, stores_data=stores_data)
    await store.collection(RUNS).insert_one(new_document(run, asked, order=n) | spec_fields(asked) | (more or {}))
    return run


async def _end(runs: GroupedRuns, *ending: Run, result: Result | None = None) -> None:
    made = await asyncio.gather(
        *(runs.replace(run, end(run, Phase.COMPLETED, NOW, RULES, by=run.attempt), result) for run in ending)
    )
    assert all(made)


async def _stored(store: Store) -> list[Document]:
    return await store.collection(RUNS).find().sort("_id").to_list()


@pytest.mark.parametrize("together", [1, 6])
async def test_the_input_goes_unless_it_is_kept(store: Store, runs: GroupedRuns, together: int) -> None:
    ending = [await _put(store, n, stores_data=False) for n in range(together)]
    await _end(runs, *ending)

    for document in await _stored(store):
        assert document["spec"] == encode_spec(a_spec(document["_id"], stores_data=False).without_input())
        assert BARE_SPEC not in document


@pytest.mark.parametrize("together", [1, 6])
async def test_the_input_stays_where_it_is_kept(store: Store, runs: GroupedRuns, together: int) -> None:
    await _end(runs, *[await _put(store, n) for n in range(together)])

    for document in await _stored(store):
        assert document["spec"] == encode_spec(a_spec(document["_id"]))


@pytest.mark.parametrize("together", [1, 6])
async def test_where_the_engine_stood_goes(store: Store, runs: GroupedRuns, together: int) -> None:
    await _end(runs, *[await _put(store, n, AT_WORK) for n in range(together)])
    assert not [document for document in await _stored(store) if "state" in document]


@pytest.mark.parametrize("together", [1, 6])
async def test_whoever_wants_to_be_told_is_remembered(store: Store, runs: GroupedRuns, together: int) -> None:
    callers = [await _put(store, n, {TELLS: True}) for n in range(together)]
    subscribed = [await _put(store, 10 + n, workspace_id="curious") for n in range(together)]
    nobodys = [await _put(store, 20 + n) for n in range(together)]
    await _end(runs, *callers, *subscribed, *nobodys)

    stored = await _stored(store)
    assert {document["_id"] for document in stored if document.get(UNTOLD)} == {
        run.id for run in (*callers, *subscribed)
    }
    assert not [document for document in stored if TELLS in document]
    assert {document["_id"] for document in stored if UNTOLD not in document} == {run.id for run in nobodys}


async def test_ends_and_other_changes_at_once_are_each_what_was_asked(store: Store, runs: GroupedRuns) -> None:
    going_on = [await _put(store, n, AT_WORK) for n in range(3)]
    ending = [await _put(store, 3 + n, AT_WORK) for n in range(3)]
    moved = (runs.replace(run, replace(run, worker_id=f"of {run.id}")) for run in going_on)
    await asyncio.gather(*moved, _end(runs, *ending))

    stored = await _stored(store)
    assert [document.get("worker_id") for document in stored] == [f"of run-{n}" for n in range(3)] + ["worker-1"] * 3
    assert [document["phase"] for document in stored] == ["processing"] * 3 + ["completed"] * 3
    assert ["state" in document for document in stored] == [True] * 3 + [False] * 3


async def test_what_a_user_wrote_is_stored_as_it_is(store: Store, runs: GroupedRuns) -> None:
    """A text that reads like an expression of the store is none."""
    odd = json_payload(b'{"$literal":"$$ROOT","text":"$spec"}')
    ending = [await _put(store, n) for n in range(3)]
    named = [replace(run, worker_id="$spec") for run in ending]
    await asyncio.gather(*(runs.replace(run, after) for run, after in zip(ending, named, strict=True)))
    await _end(runs, *(replace(run, revision=1) for run in named), result=Result(output=odd))

    for document in await _stored(store):
        assert document["worker_id"] == "$spec"
        assert document["output"]["inline"] == bytes(odd.inline)


async def test_large_results_at_once_are_all_stored(store: Store, runs: GroupedRuns) -> None:
    """Together they are more than one statement may hold."""
    large: Payload = json_payload(b'"' + b"x" * (MAX_BYTES // 4) + b'"')
    await _end(runs, *[await _put(store, n) for n in range(20)], result=Result(output=large))

    assert {len(document["output"]["inline"]) for document in await _stored(store)} == {MAX_BYTES // 4 + 2}
