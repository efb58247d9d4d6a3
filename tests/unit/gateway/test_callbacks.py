"""Callers can request a notification of their run's end."""

from typing import Any

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.visitor import Visitor

from gateway.access.credentials import Scope
from gateway.access.models import Role
from shared.contracts.webhooks import Delivery, DeliveryState

URL = "https://example.com/done?x=1"
ASYNC = {"X-Execution-Mode": "async"}


async def test_a_queued_run_stores_its_callback(system: System) -> None:
    assert (await system.execute({}, headers={**ASYNC, "X-Callback-Url": URL})).status == 202
    answer = await system.send("POST", "/api/v2/workflows/W/execute", {"async": True}, headers={"X-Callback-Url": URL})
    assert answer.status == 202
    assert [accepted.run.callback_url for accepted in system.jobs.accepted] == [URL, URL]


async def test_a_callback_requires_an_async_run(system: System) -> None:
    answer = await system.execute({}, headers={"X-Callback-Url": URL})
    assert (answer.status, answer.json["error"]) == (400, "X-Callback-Url is supported only for async runs")


@pytest.mark.parametrize("url", ["", "ftp://a", "https://", "https:///x", "https://a b", f"https://a/{'x' * 2048}"])
async def test_an_invalid_url_is_400(system: System, url: str) -> None:
    answer = await system.execute({}, headers={**ASYNC, "X-Callback-Url": url})
    assert (answer.status, answer.json["error"]) == (400, "Invalid callback URL header")


URL_WITH_SECRETS = "https://user:s3cret@example.com:8443/hooks/done?token=s3cret#s3cret"
SHOWN_URL = "https://example.com:8443"


def delivery_about(workflow_id: str | None) -> Delivery:
    return Delivery(
        id=f"D-{workflow_id}",
        workspace_id="WS1",
        run_id="E1",
        url=URL_WITH_SECRETS,
        state=DeliveryState.DELIVERED,
        created_at=NOON,
        workflow_id=workflow_id,
    )


async def test_deliveries_show_only_the_scheme_and_host_of_their_url(system: System) -> None:
    system.webhooks.sent = [delivery_about("W")]
    admin = await Visitor.with_role(system, Role.ADMIN)
    assert [each["url"] for each in (await admin.get("/api/workspaces/WS1/deliveries"))["data"]] == [SHOWN_URL]


async def test_a_key_limited_to_workflows_sees_only_their_deliveries(system: System) -> None:
    system.webhooks.sent = [delivery_about("W"), delivery_about("V"), delivery_about(None)]

    async def seen(**limits: Any) -> list[str]:
        key = system.tenants.issue(scopes=frozenset({Scope.READ}), **limits)
        answer = await system.send("GET", "/api/workspaces/WS1/deliveries", key=key)
        return [each["id"] for each in answer.json["data"]]

    assert await seen(workflow_ids=("W",)) == ["D-W"]
    assert await seen() == ["D-W", "D-V", "D-None"]


async def test_only_admins_see_the_full_url_of_a_webhook(system: System) -> None:
    path = "/api/workspaces/WS1/notifications"
    body = {"allWorkflows": True, "webhookConfig": {"url": URL_WITH_SECRETS}}
    made = (await system.send("POST", path, body)).json["data"]["id"]
    for role, url in ((Role.ADMIN, URL_WITH_SECRETS), (Role.WRITE, SHOWN_URL)):
        visitor = await Visitor.with_role(system, role, f"another-{role}")
        shown = [(await visitor.get(path))["data"][0], (await visitor.get(f"{path}/{made}"))["data"]]
        assert [each["webhookConfig"]["url"] for each in shown] == [url, url]
