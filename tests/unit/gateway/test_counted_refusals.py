"""Every endpoint that runs workflows counts its refusals, and the objective covers the same endpoints."""

import re
from collections import Counter
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
import yaml
from prometheus_client import REGISTRY
from tests.support.gateway.published_chat import publish as publish_chat
from tests.support.gateway.system import System
from tests.support.gateway.tool_calls import ask, publish

from gateway.runs.executions import Executions
from shared.errors import Unavailable

SLO = Path(__file__).parents[3] / "deploy/prometheus/rules/slo.yml"
EXECUTE_PATHS = [
    "/api/workflows/W/execute",
    "/api/v2/workflows/W/execute",
    "/v1/chat/completions",
    "/api/chat/nobody",
    "/api/a2a/serve/A1",
    "/api/mcp/serve/S1",
]
POSTED = {"service": "gateway", "method": "POST"}


def refused() -> float:
    """Return the number of refused calls."""
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name == "flowport_gateway_refusals_total")


def routes_of_calls() -> set[str]:
    """Return the objective's selector of calls: one expression, the same in every window."""
    rules = [rule for group in yaml.safe_load(SLO.read_text())["groups"] for rule in group["rules"]]
    return {found for rule in rules for found in re.findall(r'route=~"([^"]+)"', rule["expr"])}


def posted() -> Counter[str]:
    """Return the number of POST answers by route."""
    counts = Counter[str]()
    for sample in (sample for metric in REGISTRY.collect() for sample in metric.samples):
        if sample.name == "flowport_http_requests_total" and POSTED.items() <= sample.labels.items():
            counts[sample.labels["route"]] += int(sample.value)
    return counts


@pytest.mark.parametrize("path", EXECUTE_PATHS)
async def test_an_endpoint_that_runs_workflows_counts_the_call_and_its_refusal(system: System, path: str) -> None:
    (pattern,) = routes_of_calls()
    before = refused()
    counted = posted()
    answer = await system.send("POST", path, {"model": "W", "messages": [{"role": "user", "content": "x"}]}, key="no")
    assert answer.status in (401, 404)
    (route,) = posted() - counted
    assert refused() == before + 1
    assert re.fullmatch(pattern, route), "the failure counts, and the call does not"


@pytest.mark.parametrize("path", ["/v1/models", "/api/chat/nobody", "/api/mcp/serve/S1", "/api/v1/workflows"])
async def test_a_refused_read_counts_as_no_failed_call(system: System, path: str) -> None:
    before = refused()
    assert (await system.get(path, key="no")).status in (401, 404)
    assert refused() == before


async def test_a_tool_that_cannot_be_called_is_a_refusal(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(system)
    monkeypatch.setattr(Executions, "attach", AsyncMock(side_effect=Unavailable("the broker is unavailable")))
    before = refused()
    answer = await ask(system, "tools/call", {"name": "workflow_w", "arguments": {}})
    assert "error" in answer.json
    assert refused() == before + 1


async def test_a_running_chat_counts_no_refusal(system: System) -> None:
    await publish_chat(system)
    before = refused()
    assert (await system.send("POST", "/api/chat/help-desk", {"input": "Hello"}, key=None)).status == 200
    assert refused() == before
