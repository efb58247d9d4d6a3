"""Another site cannot use a visitor's session, on any route that starts or changes something."""

from collections.abc import AsyncIterator

import pytest
from tests.support.gateway.system import BASE, System, running_system
from tests.support.gateway.visitor import Visitor
from tests.support.gateway.worker import ends, outcome

from gateway.access.models import Role

ROUTES = [
    ("POST", "/api/workflows/W/execute"),
    ("POST", "/api/v2/workflows/W/execute"),
    ("POST", "/api/workflows/W/deploy"),
    ("DELETE", "/api/workflows/W/deploy"),
    ("POST", "/api/workflows"),
    ("PUT", "/api/workflows/W/state"),
    ("DELETE", "/api/workflows/W"),
    ("POST", "/api/workspaces/WS1/api-keys"),
    ("POST", "/api/auth/change-password"),
    ("POST", "/v1/chat/completions"),
]
CROSS_SITE_HEADERS = {
    "as browsers say it": {"sec_fetch_site": "cross-site"},
    "in other letters": {"sec_fetch_site": " Cross-Site "},
    "with our own origin": {"sec_fetch_site": "cross-site", "origin": BASE},
    "with no origin": {"sec_fetch_site": "cross-site", "origin": "null"},
    "as a followed link": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
}


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with running_system(trusted_origins=("https://console.example",)) as started:
        started.worker.script = ends(outcome({"result": 1}))
        yield started


@pytest.fixture
async def admin(system: System) -> Visitor:
    visitor = await Visitor.with_role(system, Role.ADMIN)
    visitor.origin = ""
    return visitor


@pytest.mark.parametrize("site", CROSS_SITE_HEADERS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_session_that_another_site_uses_is_refused(
    system: System, admin: Visitor, method: str, path: str, site: str
) -> None:
    answer = await admin.send(method, path, {}, **CROSS_SITE_HEADERS[site])
    assert answer.status == 403
    assert "Access denied" in answer.body.decode()
    assert system.worker.runs == []


@pytest.mark.parametrize("site", CROSS_SITE_HEADERS)
async def test_a_key_works_from_every_site(system: System, site: str) -> None:
    headers = {name.replace("_", "-"): value for name, value in CROSS_SITE_HEADERS[site].items()}
    assert (await system.execute({}, headers=headers)).status == 200


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
async def test_a_session_works_from_our_own_pages(admin: Visitor, site: str) -> None:
    answer = await admin.send("POST", "/api/workflows/W/execute", {}, sec_fetch_site=site)
    assert answer.status == 200


async def test_a_session_works_from_an_origin_that_the_operator_trusts(admin: Visitor) -> None:
    headers = {"sec_fetch_site": "cross-site", "origin": "https://console.example"}
    assert (await admin.send("POST", "/api/workflows/W/execute", {}, **headers)).status == 200


async def test_a_public_workflow_works_from_every_site(system: System) -> None:
    system.deployments.put("P", public=True)
    headers = {"sec-fetch-site": "cross-site", "origin": "https://shop.example"}
    answer = await system.request("POST", "/api/workflows/P/execute", headers=headers, body=b"{}")
    assert answer.status == 200
