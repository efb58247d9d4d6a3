"""Permissions of each service on the internal API."""

import re

import httpx2
import pytest
from tests.support.jobs.system import System

from shared.errors import Forbidden, InvalidRequest, Unauthenticated
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens

RUN = "/internal/runs/{run_id}"
RUN_ID = "/internal/run-ids/{run_id}"
CONVERSATIONS = "/internal/conversations/{workspace_id}"
WEBHOOKS = "/internal/webhooks/{workspace_id}"
SUBSCRIPTION = f"{WEBHOOKS}/subscriptions/{{subscription_id}}"
RECORDINGS = "/internal/recordings/{workspace_id}"
REPLAY_SETS = "/internal/replay-sets/{workspace_id}/{workflow_id}"
GATEWAYS = [
    ("POST", "/internal/runs"),
    ("POST", "/internal/runs/batch"),
    ("GET", "/internal/runs"),
    ("POST", "/internal/runs/cancel"),
    ("GET", RUN),
    ("GET", f"{RUN}/events"),
    ("POST", f"{RUN}/cancel"),
    ("POST", f"{RUN}/resume"),
    ("POST", f"{RUN}/redrive"),
    ("POST", f"{RUN}/repair"),
    ("POST", "/internal/repairable-runs"),
    ("GET", "/internal/jobs/{job_id}"),
    ("POST", RUN_ID),
    ("DELETE", RUN_ID),
    ("GET", "/internal/spend/{workspace_id}"),
    ("GET", "/internal/queues/{workspace_id}"),
    ("POST", "/internal/logs/search"),
    ("POST", "/internal/tallies/search"),
    ("POST", "/internal/statistics/search"),
    ("POST", "/internal/erasures"),
    ("GET", "/internal/dead-letters"),
    ("GET", "/internal/dead-letters/{letter_id}"),
    ("POST", "/internal/dead-letters/{letter_id}/redrive"),
    ("DELETE", "/internal/dead-letters/{letter_id}"),
    ("GET", f"{WEBHOOKS}/subscriptions"),
    ("POST", f"{WEBHOOKS}/subscriptions"),
    ("GET", SUBSCRIPTION),
    ("PUT", SUBSCRIPTION),
    ("DELETE", SUBSCRIPTION),
    ("POST", f"{SUBSCRIPTION}/test"),
    ("GET", f"{WEBHOOKS}/deliveries"),
    ("POST", f"{WEBHOOKS}/deliveries/{{delivery_id}}/resend"),
    ("GET", f"{WEBHOOKS}/callback-secret"),
    ("GET", RECORDINGS),
    ("POST", f"{RECORDINGS}/delete"),
    ("POST", "/internal/replay-sets"),
    ("GET", REPLAY_SETS),
    ("GET", f"{REPLAY_SETS}/{{set_id}}"),
    ("GET", f"{REPLAY_SETS}/{{set_id}}/runs"),
    ("POST", f"{REPLAY_SETS}/{{set_id}}/cancel"),
]
EXECUTORS = [
    ("POST", f"{RUN}/claim"),
    ("POST", f"{RUN}/lease"),
    ("POST", f"{RUN}/journal"),
    ("GET", f"{RUN}/journal"),
    ("POST", f"{RUN}/pause"),
    ("POST", f"{RUN}/finish"),
    ("POST", f"{RUN}/release"),
    ("GET", CONVERSATIONS),
    ("GET", f"{CONVERSATIONS}/messages"),
    ("POST", f"{CONVERSATIONS}/messages"),
    ("DELETE", f"{CONVERSATIONS}/messages"),
    ("POST", "/internal/recordings/packs"),
    ("POST", f"{REPLAY_SETS}/{{set_id}}/model-calls"),
    ("POST", f"{REPLAY_SETS}/{{set_id}}/model-costs"),
]
BLOBS = [
    ("POST", "/internal/blobs/{workspace_id}"),
    ("PUT", "/internal/blobs/{workspace_id}/{blob_id}"),
    ("GET", "/internal/blobs/{workspace_id}/{blob_id}"),
]
SHARED = [("GET", f"{RECORDINGS}/{{run}}")]
"""Routes of the gateway, and of a worker that replays this recording (test_recordings.py)."""
ROUTES = [*GATEWAYS, *EXECUTORS, *BLOBS, *SHARED]


async def test_every_route_is_in_one_of_these_lists(system: System) -> None:
    found = [(method.upper(), path) for path, methods in system.app.openapi()["paths"].items() for method in methods]
    assert sorted(found) == sorted(ROUTES)


async def test_the_gateways_routes_are_closed_to_others(system: System) -> None:
    await _are_forbidden(system, GATEWAYS, ServiceName.EXECUTOR, ServiceName.DEPLOY)


async def test_the_executors_routes_are_closed_to_others(system: System) -> None:
    await _are_forbidden(system, EXECUTORS, ServiceName.GATEWAY, ServiceName.DEPLOY)


async def test_blobs_and_shared_routes_are_closed_to_deploy_service(system: System) -> None:
    await _are_forbidden(system, [*BLOBS, *SHARED], ServiceName.DEPLOY)


async def test_requests_without_a_token_are_rejected(system: System) -> None:
    assert await _codes(system, ROUTES, "Bearer wrong") == {Unauthenticated.code}


async def test_a_body_that_is_not_a_message_is_refused(system: System) -> None:
    with pytest.raises(InvalidRequest):
        await system.gateway.client.call("POST", "/internal/runs", body=b'{"run":1}')


async def test_the_service_is_ready_while_store_and_broker_answer(system: System) -> None:
    assert b'"ready"' in await system.gateway.client.fetch("GET", "/readyz")


async def _are_forbidden(system: System, routes: list[tuple[str, str]], *callers: ServiceName) -> None:
    tokens = ServiceTokens.of(system.settings)
    for caller in callers:
        assert await _codes(system, routes, tokens.header(caller)) == {Forbidden.code}


async def _codes(system: System, routes: list[tuple[str, str]], shown: str) -> set[str]:
    """Return the error codes of the answers for this token."""
    headers = {"authorization": shown}
    async with httpx2.AsyncClient(transport=system.transport, base_url="http://jobs", headers=headers) as http:
        return {(await http.request(method, filled(path))).json()["code"] for method, path in routes}


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "1", path)
