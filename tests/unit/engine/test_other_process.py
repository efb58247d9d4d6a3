"""Another process can resume a run: its state and journal hold everything."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.engine.building import Document, Recorder, Scripted, engine_of, execution
from tests.support.engine.random_graphs import Step, as_document, bodies
from tests.support.engine.scripts import script, summary
from tests.support.eventually import PATIENCE_SECONDS

from executor_service.engine import RunState


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """A process that has no state of the run."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        processes.submit(started).result(4 * PATIENCE_SECONDS)
        yield processes


@given(steps=bodies(), data=st.data())
def test_a_run_stopped_after_any_block_ends_the_same_in_another_process(
    elsewhere: ProcessPoolExecutor, steps: list[Step], data: st.DataObject
) -> None:
    document = as_document(steps)
    recorder = Recorder()
    run = execution(_engine(), document, recorder, journal=True)
    states: list[bytes] = []
    recorder.on_record = lambda: states.append(msgspec.json.encode(run.state))
    undisturbed = summary(asyncio.run(run.run()))

    stopped = data.draw(st.integers(0, len(states) - 1))
    journal = [bytes(entry) for entry in recorder.entries[:stopped]]
    from_state = elsewhere.submit(finished, document, states[stopped], [])
    from_journal = elsewhere.submit(finished, document, None, journal)
    assert from_state.result(PATIENCE_SECONDS) == undisturbed
    assert from_journal.result(PATIENCE_SECONDS) == undisturbed


def finished(document: Document, state: bytes | None, journal: list[bytes]) -> Any:
    """Return the end of a run that is resumed here."""
    left = None if state is None else msgspec.json.decode(state, type=RunState)
    entries = [msgspec.Raw(entry) for entry in journal]
    return summary(asyncio.run(execution(_engine(), document, state=left, entries=entries).run()))


def started() -> None:
    """Do nothing. To call it, the process imports this module, and with it the engine."""


def _engine() -> Any:
    handler = Scripted(script)
    return engine_of({"function": handler, "condition": handler})
