"""Who may call a workflow: with a key, with another one, without one."""

from datetime import timedelta

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.worker import echoes

from gateway.access.credentials import Scope
from shared.broker.queue_topology import EXPRESS, INTERACTIVE
from shared.contracts.events import RunEnded
from shared.contracts.runs import worker_lost

NO_KEY = {
    "error": "Unauthorized",
    "details": [{"path": "x-api-key", "message": "Send an API key in the header x-api-key"}],
}


class TestCredentials:
    async def test_no_key_is_401(self, system: System) -> None:
        answer = await system.execute({}, key=None)
        assert (answer.status, answer.json) == (401, NO_KEY)

    async def test_without_a_key_unknown_workflows_are_indistinguishable(self, system: System) -> None:
        answer = await system.execute({}, key=None, workflow="nowhere")
        assert (answer.status, answer.json) == (401, NO_KEY)

    @pytest.mark.parametrize("key", ["wrong", "sk-sim-" + "a" * 38])
    async def test_a_wrong_key_is_401(self, system: System, key: str) -> None:
        answer = await system.execute({}, key=key)
        assert (answer.status, answer.json) == (401, {"error": "Invalid API key"})

    async def test_an_expired_key_is_401(self, system: System) -> None:
        answer = await system.execute({}, key=system.tenants.issue(expires_at=NOON - timedelta(days=1)))
        assert (answer.status, answer.json) == (401, {"error": "Invalid API key"})

    async def test_a_bearer_token_is_a_key(self, system: System) -> None:
        answer = await system.execute({}, key=None, headers={"Authorization": f"Bearer {system.key}"})
        assert answer.status == 200

    async def test_a_wrong_key_is_not_made_good_by_a_right_token(self, system: System) -> None:
        answer = await system.execute({}, key="wrong", headers={"Authorization": f"Bearer {system.key}"})
        assert answer.status == 401

    async def test_the_key_of_another_workspace_is_403(self, system: System) -> None:
        answer = await system.execute({}, key=system.tenants.issue(OTHER))
        assert (answer.status, answer.json) == (403, {"error": "API key is not authorized for this workspace"})

    async def test_a_key_needs_the_execute_scope(self, system: System) -> None:
        answer = await system.execute({}, key=system.tenants.issue(scopes=frozenset({Scope.READ})))
        assert (answer.status, answer.json) == (403, {"error": "API key lacks the execute scope"})

    async def test_an_unavailable_key_store_is_503_and_not_401(self, system: System) -> None:
        system.tenants.is_down = True
        answer = await system.execute({})
        assert (answer.status, answer.json) == (503, {"error": "Service temporarily unavailable"})
        assert answer.headers["retry-after"] == "5"


class TestPublicWorkflows:
    async def test_public_workflows_accept_every_caller(self, system: System) -> None:
        system.deployments.put("P", public=True)
        answer = await system.execute({"x": 1}, workflow="P", key=None)
        assert (answer.status, answer.json["output"]["result"]) == (200, {"x": 1})
        assert (system.worker.runs[0].actor_id, system.worker.runs[0].caller_name) == (None, None)

    async def test_a_wrong_key_is_still_wrong(self, system: System) -> None:
        system.deployments.put("P", public=True)
        assert (await system.execute({}, workflow="P", key="wrong")).status == 401

    async def test_undeployed_they_are_like_any_other(self, system: System) -> None:
        system.deployments.undeployed("P", public=True)
        answer = await system.execute({}, workflow="P", key=None)
        assert (answer.status, answer.json) == (401, NO_KEY)

    async def test_the_public_gets_no_jobs(self, system: System) -> None:
        system.deployments.put("P", public=True)
        answer = await system.execute({}, workflow="P", key=None, headers={"X-Execution-Mode": "async"})
        assert (answer.status, answer.json) == (400, {"error": "Async execution requires an API key"})

    async def test_the_public_cannot_pose_as_a_client_session(self, system: System) -> None:
        system.deployments.put("P", public=True)
        answer = await system.execute({"isClientSession": True}, workflow="P", key=None)
        assert answer.json == {"error": "Public API callers cannot set isClientSession"}

    async def test_draft_controls_of_the_public_are_ignored(self, system: System) -> None:
        system.deployments.put("P", public=True)
        body = {"useDraftState": True, "workflowStateOverride": {"blocks": {}, "edges": []}, "q": 1}
        answer = await system.execute(body, workflow="P", key=None)
        assert answer.json["output"]["result"] == {"q": 1}


async def test_a_nested_run_uses_a_separate_queue(system: System) -> None:
    await system.execute({})
    await system.execute({}, headers={"X-Sim-Via": "wf-1"})
    assert system.worker.queues == ["runs.express", "runs.nested"]
    assert system.worker.runs[1].call_chain == ("wf-1",)


async def test_a_run_without_a_free_worker_waits_in_the_durable_queue(system: System) -> None:
    await system.worker.taking[EXPRESS].stop_consuming()
    waiting = [system.execute_call({"q": number}) for number in range(3)]
    answers = [await call.done() for call in waiting[1:]]
    assert [answer.status for answer in answers] == [200, 200]
    assert system.worker.queues == [INTERACTIVE, INTERACTIVE]

    await system.worker.start()
    assert (await waiting[0].done()).json["output"]["result"] == {"q": 0}
    assert system.worker.queues[2] == EXPRESS


async def test_a_run_that_a_worker_returns_is_put_into_the_durable_queue(system: System) -> None:
    full = [RunEnded(worker_lost(NOON, NOON))]
    system.worker.script = lambda run: [full] if len(system.worker.runs) == 1 else echoes(run)
    answer = await system.execute({"q": 1})
    assert answer.json["output"]["result"] == {"q": 1}
    assert system.worker.queues == [EXPRESS, INTERACTIVE]
