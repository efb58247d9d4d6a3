"""A webhook's path may be its secret: members with read access see scheme and host only."""

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.visitor import Visitor, enroll

from gateway.access.credentials import Scope
from gateway.access.models import Role
from shared.contracts.webhooks import Delivery, DeliveryState

WEBHOOKS = "/api/workspaces/WS1/notifications"
DELIVERIES = "/api/workspaces/WS1/deliveries"
SECRET_PATHS = (
    "https://hooks.slack.com/services/T0/B0/s3cret",
    "https://hooks.slack.com//services/s3cret",
    "https://hooks.slack.com/%73ervices/s3cret;v=s3cret",
    "https://hooks.slack.com:443/?token=s3cret",
    "https://hooks.slack.com/#s3cret",
    "https://s3cret:s3cret@hooks.slack.com/hook",
    "https://hooks.slack.com/a@s3cret",
)


@pytest.mark.parametrize("url", SECRET_PATHS)
async def test_a_reader_sees_scheme_and_host(system: System, url: str) -> None:
    system.webhooks.sent = [
        Delivery(id="D", workspace_id="WS1", run_id="E1", url=url, state=DeliveryState.FAILED, created_at=NOON)
    ]
    made = await system.send("POST", WEBHOOKS, {"allWorkflows": True, "webhookConfig": {"url": url}})
    assert made.status == 201, made.body
    keys = [
        system.tenants.issue(scopes=frozenset(Scope) - {Scope.ADMIN}),
        system.tenants.issue(scopes=frozenset({Scope.READ})),
        system.tenants.issue_personal(enroll(system, "reader", Role.READ)),
    ]
    for path in (WEBHOOKS, f"{WEBHOOKS}/{made.json['data']['id']}", DELIVERIES):
        for key in keys:
            seen = await system.get(path, key=key)
            assert (seen.status, b"s3cret" in seen.body) == (200, False), (path, seen.body)
            assert b"https://hooks.slack.com" in seen.body


@pytest.mark.parametrize("url", SECRET_PATHS)
async def test_no_audit_row_and_no_delivery_shows_it_to_an_admin(system: System, url: str) -> None:
    admin = await Visitor.with_role(system, Role.ADMIN)
    system.webhooks.sent = [
        Delivery(id="D", workspace_id="WS1", run_id="E1", url=url, state=DeliveryState.FAILED, created_at=NOON)
    ]
    made = await admin.send("POST", WEBHOOKS, {"allWorkflows": True, "webhookConfig": {"url": url}})
    await admin.send("DELETE", f"{WEBHOOKS}/{made.json['data']['id']}")
    for path in ("/api/workspaces/WS1/audit", "/api/v1/audit-logs?workspaceId=WS1", DELIVERIES):
        seen = await system.get(path)
        assert (seen.status, b"s3cret" in seen.body) == (200, False), seen.body
