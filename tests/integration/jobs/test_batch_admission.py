"""Runs of one batch are accepted or refused individually, in order."""

from collections.abc import Sequence

from tests.integration.jobs.conftest import Start
from tests.support.jobs.system import System, a_spec

from shared.contracts.jobs import AcceptAnswer, AcceptAnswers, AcceptRun, AcceptRuns
from shared.contracts.runs import RunSpec, RunStatus
from shared.errors import AtCapacity, RunIdTaken


async def accept(system: System, *specs: RunSpec) -> Sequence[AcceptAnswer]:
    body = AcceptRuns(tuple(AcceptRun(spec, 100) for spec in specs))
    found = await system.gateway.client.call("POST", "/internal/runs/batch", body=body, returns=AcceptAnswers)
    return found.answers


def outcomes(answers: Sequence[AcceptAnswer]) -> list[str]:
    return [each.refused.code if each.refused else each.accepted.run_id if each.accepted else "" for each in answers]


async def test_runs_of_several_workspaces_are_stored_in_one_call(system: System) -> None:
    answers = await accept(system, a_spec("a", workspace_id="one"), a_spec("b", workspace_id="two"))

    assert outcomes(answers) == ["a", "b"]
    for answer in answers:
        assert answer.accepted is not None
        assert (await system.gateway.job(answer.accepted.job_id)).status is RunStatus.QUEUED


async def test_a_run_that_is_refused_refuses_no_other(start: Start) -> None:
    async with start(dispatch_max_queue_per_workspace=2) as system:
        await system.gateway.accept(a_spec("taken", workspace_id="other"))

        answers = await accept(
            system,
            a_spec("first"),
            a_spec("taken", workspace_id="other"),
            a_spec("second"),
            a_spec("third"),
            a_spec("fourth", workspace_id="another"),
        )

        assert outcomes(answers) == ["first", RunIdTaken.code, "second", AtCapacity.code, "fourth"]
        full = answers[3].refused
        assert full is not None
        assert full.details["message"] == "Workspace queue is at capacity (2/2)"
        assert (full.retry_after or 0) >= 1


async def test_an_id_requested_twice_is_granted_once(system: System) -> None:
    assert outcomes(await accept(system, a_spec("same"), a_spec("same"))) == ["same", RunIdTaken.code]
