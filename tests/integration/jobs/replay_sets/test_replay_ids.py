"""Ids of replays can be computed from the Idempotency-Key of their set. Runs of callers that have one prove nothing."""

from typing import Any

import pytest
from tests.support.jobs.replay_sets import a_set, ended, record, results
from tests.support.jobs.system import WORKSPACE, System, a_spec, an_outcome

from jobs_service.replay_sets.rules import RUN_ID_TAKEN, replay_id
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.contracts.recording_policy import ReplayRun
from shared.contracts.replay_sets import ReplaySetStatus

FORGED = b'{"replayOf":"R1","verdict":"same"}'


@pytest.mark.parametrize(
    "others",
    [{"workspace_id": "another-workspace"}, {"workspace_id": WORKSPACE}, {"replay": ReplayRun(f"R1@{WORKSPACE}")}],
    ids=["of another workspace", "of the workflow", "a single replay"],
)
async def test_a_run_of_a_caller_with_the_id_of_a_replay_passes_no_set_and_keeps_its_output(
    system: System, replays: HttpReplaySetClient, others: dict[str, Any]
) -> None:
    await record(system, "R1")
    request = a_set()
    forged = a_spec(replay_id(f"{request.id}/0"), **others)
    await system.gateway.accept(forged)
    granted = await system.executor.begin()
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(output=FORGED))
    await replays.create(request)
    done = await ended(replays, request.id)
    assert (done.status, done.counts.failed, done.counts.done) == (ReplaySetStatus.REFUSED, 1, 1)
    (row,) = await results(replays, request.id)
    assert (row.reason, row.result) == (RUN_ID_TAKEN, None)
    stored = (await system.gateway.run(forged.run_id, "?output=true")).output
    assert stored is not None
    assert bytes(stored.inline) == FORGED
