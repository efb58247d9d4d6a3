"""Addresses are not trusted: keys in URLs grant nothing, hosts in headers lead nowhere."""

import logging

import pytest
from tests.support.gateway.system import BASE, System

EVIL = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "javascript"}


@pytest.mark.parametrize(
    "name", ["x-api-key", "X-API-Key", "apiKey", "api_key", "key", "access_token", "authorization"]
)
async def test_a_key_in_a_url_grants_no_access_and_is_not_logged(
    system: System, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    query = f"{name}={system.key}&workspaceId=WS1"
    for method, path in (
        ("POST", "/api/workflows/W/execute"),
        ("POST", "/api/v2/workflows/W/execute"),
        ("GET", "/api/v1/workflows"),
        ("GET", "/v1/models"),
    ):
        assert (await system.send(method, f"{path}?{query}", key=None)).status == 401, path
    assert system.key not in caplog.text


async def test_links_use_the_public_url_for_any_host_header(system: System) -> None:
    queued = await system.execute({}, headers={**EVIL, "x-execution-mode": "async"})
    assert queued.json["statusUrl"].startswith(f"{BASE}/api/jobs/")
    front = await system.request("GET", "/", headers=EVIL)
    assert front.json["openapi"].startswith(BASE)
    for answer in (queued, front):
        assert b"evil.example" not in answer.body + str(answer.headers).encode()
