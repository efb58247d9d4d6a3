"""deploy-service in the test's own process, on a real store, as the gateway and the executor call it."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI
from tests.support.tickets import TICKET_KEY

from deploy_service.bootstrap import build
from deploy_service.settings import DeploySettings
from shared.contracts import deployments as contracts
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

State = dict[str, Any]


def key(key_id: str) -> str:
    """Return a sealing key of this name, in the format of the setting."""
    return f"{key_id}:{b64encode(key_id.encode().ljust(32, b'.')).decode()}"


def settings_for(mongodb_uri: str, mongodb_prefix: str, **changes: Any) -> DeploySettings:
    """Return settings with a database and a memory broker for one test."""
    fields: dict[str, Any] = {
        "mongodb_uri": mongodb_uri,
        "mongodb_prefix": mongodb_prefix,
        "amqp_url": f"memory://{mongodb_prefix}",
        "token_gateway": "gateway-token",
        "token_executor": "executor-token",
        "token_jobs": "jobs-token",
        "environment_keys": key("k1"),
        "ticket_keys": TICKET_KEY,
        "run_tickets": "accept-missing",  # most tests do not concern tickets; those in tests/security do
    }
    return DeploySettings(**{**fields, **changes})


class DeployCaller:
    """Client of deploy-service with the identity of one service."""

    def __init__(self, app: FastAPI, settings: DeploySettings, caller: ServiceName) -> None:
        self.http = InternalClient(
            "http://deploy",
            caller=caller,
            tokens=ServiceTokens.of(settings),
            timeout=30,
            transport=httpx2.ASGITransport(app, raise_app_exceptions=False),
        )

    async def create(
        self, state: State | None = None, *, workspace: str = "ws", name: str = "Demo"
    ) -> contracts.Workflow:
        """Create a workflow."""
        body = contracts.CreateWorkflow(workspace_id=workspace, name=name, state=state)
        return await self.http.call("POST", "/internal/workflows", body=body, returns=contracts.Workflow)

    async def save(
        self, workflow_id: str, state: State, *, expected: int | None = None, workspace: str = "ws"
    ) -> contracts.DraftSaved:
        """Replace the draft."""
        body = contracts.SaveDraft(state=state, expected_revision=expected)
        return await self.http.call("PUT", at(workflow_id, "draft", workspace), body=body, returns=contracts.DraftSaved)

    async def draft(self, workflow_id: str, *, workspace: str = "ws") -> contracts.Draft:
        """Read the draft."""
        return await self.http.call("GET", at(workflow_id, "draft", workspace), returns=contracts.Draft)

    async def deploy(
        self,
        workflow_id: str,
        *,
        workspace: str = "ws",
        name: str | None = None,
        description: str | None = None,
        expected: int | None = None,
        accepted_warnings: tuple[str, ...] | None = None,
        content: str | None = None,
    ) -> contracts.Deployed:
        """Publish the draft."""
        body = contracts.Deploy(
            actor_id="member-1",
            actor_name="Ann",
            snapshot_hash=content,
            name=name,
            description=description,
            expected_revision=expected,
            accepted_warnings=accepted_warnings,
        )
        return await self.http.call("POST", at(workflow_id, "deploy", workspace), body=body, returns=contracts.Deployed)

    async def promote(self, workflow_id: str, number: int, *, workspace: str = "ws") -> contracts.Deployed:
        """Make a version live."""
        path = at(workflow_id, f"versions/{number}/promote", workspace)
        return await self.http.call("POST", path, returns=contracts.Deployed)

    async def endpoint(self, workflow_id: str) -> contracts.Endpoint:
        """Return the endpoint that callers get."""
        path = f"/internal/workflows/{workflow_id}/endpoint"
        return await self.http.call("GET", path, returns=contracts.Endpoint)

    async def numbers(self, workflow_id: str, *, workspace: str = "ws") -> list[int]:
        """Return the numbers of all versions, newest first."""
        path = at(workflow_id, "versions", workspace, limit="500")
        page = await self.http.call("GET", path, returns=contracts.VersionPage)
        return [version.number for version in page.versions]


def at(workflow_id: str, path: str = "", workspace: str = "ws", **query: str) -> str:
    """Return the path of a route of one workflow."""
    ending = f"/{path}" if path else ""
    return f"/internal/workflows/{workflow_id}{ending}?{httpx2.QueryParams({'workspace_id': workspace, **query})}"


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[FastAPI]:
    """Run the application inside the block."""
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def deploy_service(settings: DeploySettings, **parts: Any) -> AsyncIterator[DeployCaller]:
    """Run the service with some parts replaced, as the gateway calls it."""
    async with running(build(settings, **parts)) as app:
        caller = DeployCaller(app, settings, ServiceName.GATEWAY)
        yield caller
        await caller.http.stop()


def state(code: str = "return 1", *, moved: int = 0) -> State:
    """Return a start block and a function. `moved` moves a block, which changes the snapshot but not its execution."""
    return {
        "blocks": {
            "start": {
                "id": "start",
                "type": "start_trigger",
                "name": "Start",
                "position": {"x": 0, "y": 0},
                "subBlocks": {},
                "enabled": True,
            },
            "fn": {
                "id": "fn",
                "type": "function",
                "name": "Fn",
                "position": {"x": 300 + moved, "y": 0},
                "subBlocks": {"code": {"id": "code", "type": "code", "value": code}},
                "enabled": True,
            },
        },
        "edges": [{"id": "e1", "source": "start", "target": "fn"}],
        "loops": {},
        "parallels": {},
        "variables": {},
    }
