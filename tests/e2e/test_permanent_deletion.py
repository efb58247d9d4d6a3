"""Permanent deletion removes a text from every collection of every database: the test plants it everywhere first."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.e2e.conftest import ADMIN_PASSWORD
from tests.support.eventually import eventually
from tests.support.public_api import PublicApi
from tests.support.store_search import places_of
from tests.support.workflow_files import START, block, function, start, workflow

from flowport.local.stack import Stack
from gateway.access.credentials import Scope
from shared.ids import new_id

FOR_GOOD = {"flowport_gateway.audit"}
"""The audit log: kept on purpose, names included, since it proves deletions."""
ID_ONLY = {"flowport_gateway.erasures", "flowport_gateway.rate_buckets", "flowport_jobs.queues"}
"""Numbers under the id of a deleted workspace."""
OF_THE_WORKSPACE = frozenset({"flowport_jobs.conversations", "flowport_deploy.environment"})
PLANTED = {
    *(f"flowport_jobs.{name}" for name in ("runs", "blobs.chunks", "conversations", "deliveries")),
    *("flowport_deploy.snapshots", "flowport_deploy.drafts", "flowport_gateway.idempotency"),
}
LEASE_SECONDS = 1.5
LARGE = 1_200_000


@pytest.fixture
async def elsewhere(stack: Stack, credentials: tuple[str, str]) -> AsyncIterator[PublicApi]:
    """Client of a second workspace, which the test deletes."""
    async with httpx2.AsyncClient(base_url=stack.url, headers={"origin": stack.url}, timeout=30) as admin:
        signed_in = {"email": "admin@flowport.local", "password": ADMIN_PASSWORD}
        assert (await admin.post("/api/auth/sign-in/email", json=signed_in)).status_code == 200
        made = (await admin.post("/api/workspaces", json={"name": "Elsewhere"})).json()["workspace"]
        path = f"/api/workspaces/{made['id']}/api-keys"
        await asyncio.sleep(LEASE_SECONDS)
        key = (await admin.post(path, json={"name": "all", "scopes": sorted(Scope)})).json()["key"]["key"]
    api = PublicApi(stack.url, key, made["id"])
    yield api
    await api.close()


def leaving(marker: str) -> dict[str, Any]:
    """Return a workflow that writes its input to as many places as it can."""
    remember = block(
        "m1", "memory", "Memory 1", operation="add", id=f"talk-{marker}", role="user", content=f"I am {marker}."
    )
    say = function("f1", f"return {{ said: <start.text>, photos: <start.photos>, own: '{marker}' }}")
    blocks = [start(text="string", photos="file[]"), remember, say]
    return workflow(f"Leave {marker}", blocks, (START, "m1"), ("m1", "f1"))


async def plant(api: PublicApi, marker: str) -> str:
    """Send the marker to every endpoint; return the id of the workflow that received it."""
    here = f"/api/workspaces/{api.workspace_id}"
    hook = {"allWorkflows": True, "includeFinalOutput": True, "webhookConfig": {"url": "https://example.com/hook"}}
    assert (await api.http.post(f"{here}/notifications", json=hook)).status_code < 300
    named = {"value": marker}
    assert (await api.http.put(f"{here}/environment/N_{marker.replace('-', '_')}", json=named)).status_code == 200
    workflow_id = await api.publish(leaving(marker))
    agent = {"workflowId": workflow_id, "description": marker}
    assert (await api.http.post("/api/a2a/agents", json=agent)).status_code == 201
    photo = base64.b64encode(marker.encode()).decode()
    file = {"type": "file", "data": f"data:text/plain;base64,{photo}", "name": f"{marker}.txt", "mime": "text/plain"}
    body = {"text": marker, "photos": [file]}

    once = {"Idempotency-Key": marker}
    assert (await api.run(workflow_id, body, headers=once)).status_code == 200
    large = {"text": marker * (LARGE // len(marker))}
    assert (await api.run(workflow_id, large, headers={"Idempotency-Key": f"large-{marker}"})).status_code == 200
    async with api.stream(workflow_id, body) as frames:
        await frames.rest()
    for queued in (body, large):
        assert (await api.ended_job((await api.queue(workflow_id, queued))["jobId"]))["status"] == "completed"
    events = {"stream": True, "input": body}
    await api.http.post(f"/api/v2/workflows/{workflow_id}/execute", json=events)
    return workflow_id


async def is_planted(marker: str, stack: Stack) -> None:
    """Wait until the marker is everywhere: notifications of a run's end are delivered after it."""
    await eventually(lambda: places_of(marker, stack.mongodb_uri) >= PLANTED)


async def is_deleted(marker: str, stack: Stack, *, but: frozenset[str] = frozenset(), seconds: float = 60) -> None:
    """Wait until the marker is only in the permitted places."""
    left: set[str] = set()

    def nowhere() -> bool:
        left.clear()
        left.update(places_of(marker, stack.mongodb_uri) - FOR_GOOD - but)
        return not left

    try:
        await eventually(nowhere, seconds=seconds)
    except TimeoutError:
        raise AssertionError(f"still in {left}") from None


async def test_nothing_of_a_deleted_workspace_is_left(stack: Stack, elsewhere: PublicApi) -> None:
    marker = f"marker-{new_id()}"
    await plant(elsewhere, marker)
    await is_planted(marker, stack)

    answer = await elsewhere.http.delete(f"/api/workspaces/{elsewhere.workspace_id}")
    assert answer.status_code == 202
    assert (await elsewhere.http.get("/api/workspaces")).status_code == 401
    await is_deleted(marker, stack)
    assert await asyncio.to_thread(places_of, elsewhere.workspace_id, stack.mongodb_uri) <= FOR_GOOD | ID_ONLY


async def test_deleting_a_workflow_leaves_only_data_of_the_workspace(stack: Stack, elsewhere: PublicApi) -> None:
    marker, other = f"marker-{new_id()}", f"other-{new_id()}"
    workflow_id = await plant(elsewhere, marker)
    kept = await plant(elsewhere, other)
    answer = await elsewhere.http.delete(f"/api/workspaces/{elsewhere.workspace_id}/workflows/{workflow_id}")
    assert answer.status_code == 202
    await is_deleted(marker, stack, but=OF_THE_WORKSPACE)
    assert (await elsewhere.http.post(f"/api/workflows/{workflow_id}/execute", json={})).status_code == 404
    assert (await elsewhere.run(kept, {"text": other})).status_code == 200
    assert "flowport_jobs.blobs.chunks" in await asyncio.to_thread(places_of, other, stack.mongodb_uri)
    (row,) = (await elsewhere.http.get(f"/api/workspaces/{elsewhere.workspace_id}/erasures")).json()["erasures"]
    assert (row["workflowId"], row["status"]) == (workflow_id, "settling")
