"""A published chat."""

from typing import Any

from tests.support.gateway.clock import NOON
from tests.support.gateway.system import Answer, System

from shared.contracts.deployments import Draft

CHAT: dict[str, Any] = {
    "workflowId": "W",
    "identifier": "help-desk",
    "title": "Help",
    "customizations": {"welcomeMessage": "Hi!"},
    "authType": "public",
    "outputConfigs": [{"blockId": "a1", "path": "content"}],
}


async def publish(system: System, body: dict[str, Any] = CHAT) -> Answer:
    system.deployments.drafts["W"] = Draft(state={"blocks": {}, "edges": []}, revision=1, saved_at=NOON)
    answer = await system.send("POST", "/api/chat", body)
    assert answer.status == 200, answer.body
    return answer
