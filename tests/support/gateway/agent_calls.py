"""Calls of agents over the A2A protocol."""

from typing import Any

from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import Answer, System
from tests.support.workflow_files import START, function, start, workflow

from shared.contracts.deployments import Draft
from shared.contracts.runs import RunStatus, Trigger

AGENTS = "/api/a2a/agents"


SERVE = "/api/a2a/serve/A1"


TASK = {"trigger": Trigger.A2A, "conversation_id": "C1"}


async def publish(system: System, **body: Any) -> dict[str, Any]:
    state = workflow("W", [start(a="number"), function("f1", "return 1")], (START, "f1"))["state"]
    system.deployments.drafts["W"] = Draft(state=state, revision=1, saved_at=NOON)
    system.deployments.put("W")
    answer = await system.send("POST", AGENTS, {"workflowId": "W", **body})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


def message(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": parts or ({"text": "Hello"},), **fields}}


def a_task(system: System, status: RunStatus, **fields: Any) -> None:
    system.jobs.views["T1"] = a_view(status, **{"run_id": "T1", **TASK, **fields})


def error_of(answer: Answer) -> tuple[int, int, str]:
    error = answer.json["error"]
    return answer.status, error["code"], error["data"][0]["reason"]
