"""Who may call what."""

import pytest
from tests.integration.jobs.system import System

from shared.errors import Forbidden, InvalidRequest, Unauthenticated
from shared.service import ServiceName

GATEWAYS = [
    ("POST", "/internal/runs"),
    ("GET", "/internal/runs?workspace_id=w"),
    ("GET", "/internal/runs/r"),
    ("GET", "/internal/jobs/j"),
    ("POST", "/internal/runs/r/cancel"),
    ("POST", "/internal/run-ids/r?workspace_id=w"),
    ("DELETE", "/internal/run-ids/r?workspace_id=w"),
    ("GET", "/internal/spend/w"),
    ("GET", "/internal/queues/w"),
    ("POST", "/internal/logs/search"),
    ("POST", "/internal/tallies/search"),
]
EXECUTORS = [
    ("POST", "/internal/runs/r/claim"),
    ("POST", "/internal/runs/r/lease"),
    ("POST", "/internal/runs/r/journal"),
    ("POST", "/internal/runs/r/finish"),
    ("POST", "/internal/runs/r/release"),
    ("GET", "/internal/conversations/w"),
    ("GET", "/internal/conversations/w/messages?conversation_id=c"),
    ("POST", "/internal/conversations/w/messages?conversation_id=c"),
    ("DELETE", "/internal/conversations/w/messages?conversation_id=c"),
]
BLOBS = [("PUT", "/internal/blobs/w/b"), ("POST", "/internal/blobs/w"), ("GET", "/internal/blobs/w/b")]


async def test_the_gateways_routes_are_closed_to_others(system: System) -> None:
    await _are_forbidden(system, GATEWAYS, ServiceName.EXECUTOR, ServiceName.DEPLOY)


async def test_the_executors_routes_are_closed_to_others(system: System) -> None:
    await _are_forbidden(system, EXECUTORS, ServiceName.GATEWAY, ServiceName.DEPLOY)


async def test_blobs_are_closed_to_deploy_service(system: System) -> None:
    await _are_forbidden(system, BLOBS, ServiceName.DEPLOY)


async def test_nobody_comes_in_without_a_token(system: System) -> None:
    nobody = system.as_service(ServiceName.JOBS)
    for method, path in (*GATEWAYS, *EXECUTORS, *BLOBS):
        with pytest.raises(Unauthenticated):
            await nobody.fetch(method, path)
    await nobody.stop()


async def test_a_body_that_is_no_message_is_refused(system: System) -> None:
    with pytest.raises(InvalidRequest):
        await system.gateway.client.call("POST", "/internal/runs", body=b'{"run":1}')


async def test_the_service_is_ready_while_store_and_broker_answer(system: System) -> None:
    assert b'"ready"' in await system.gateway.client.fetch("GET", "/readyz")


async def _are_forbidden(system: System, routes: list[tuple[str, str]], *callers: ServiceName) -> None:
    for caller in callers:
        client = system.as_service(caller)
        for method, path in routes:
            with pytest.raises(Forbidden):
                await client.fetch(method, path)
        await client.stop()
