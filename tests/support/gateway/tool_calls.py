"""Calls of MCP servers that the gateway publishes."""

from typing import Any

import msgspec
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import Answer, System
from tests.support.workflow_files import START, function, start, workflow

from shared.contracts.deployments import Draft

SERVERS = "/api/mcp/workflow-servers"


JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


async def publish(system: System, **body: Any) -> dict[str, Any]:
    state = workflow("W", [start(a="number"), function("f1", "return 1")], (START, "f1"))["state"]
    system.deployments.drafts["W"] = Draft(state=state, revision=1, saved_at=NOON)
    system.deployments.put("W")
    answer = await system.send("POST", SERVERS, {"name": "Desk", "workflowIds": ["W"], **body})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json["data"]
    return made


async def ask(system: System, method: str, params: dict[str, Any] | None = None, *, key: str | None = "") -> Answer:
    shown = {"x-api-key": system.key if key == "" else key} if key is not None else {}
    headers = {**shown, **JSON}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params})}
    return await system.request("POST", "/api/mcp/serve/S1", headers=headers, body=msgspec.json.encode(body))
