"""Subscriptions to the ends of runs: an invalid one is refused, not dropped."""

import time
from typing import Any

import pytest
from tests.support.gateway.system import System, running_system

PATH = "/api/workspaces/WS1/notifications"
WEBHOOK: dict[str, Any] = {"allWorkflows": True, "webhookConfig": {"url": "https://example.com/"}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"alertConfig": {"rule": "consecutive_failures", "consecutiveFailures": 3}}, "alertConfig"),
        ({"alertConfig": {}}, "alertConfig"),
        ({"notificationType": "email"}, "notificationType"),
        ({"notificationType": "slack"}, "notificationType"),
    ],
)
async def test_an_unsupported_event_is_refused_by_name(system: System, body: dict[str, Any], field: str) -> None:
    for method, path in (("POST", PATH), ("PUT", f"{PATH}/S1")):
        refused = await system.send(method, path, {**WEBHOOK, **body})
        assert (refused.status, refused.json["details"][0]["path"]) == (400, [field])
    assert system.webhooks.kept == {}


async def test_a_subscription_is_answered_when_every_process_knows_it() -> None:
    async with running_system(settle_seconds=0.2) as system:
        for method, path in (("POST", PATH), ("PUT", f"{PATH}/S1")):
            began = time.monotonic()
            assert (await system.send(method, path, WEBHOOK)).status < 300
            assert time.monotonic() - began >= 0.2


async def test_missing_alert_rules_are_an_empty_list(system: System) -> None:
    assert (await system.send("POST", PATH, {**WEBHOOK, "alertConfig": None})).status == 201
