"""Both log endpoints show a run's output with its secrets masked; results, job status and replays are exact."""

from typing import Any

import msgspec
import pytest
from tests.support.gateway.jobs import JOB, a_view
from tests.support.gateway.system import System
from tests.support.gateway.worker import echoes

from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus

EXACT: dict[str, Any] = {"result": {"token": "s3cret-value", "s3cret-value": 1}}
MASKED: dict[str, Any] = {"result": {"token": "[REDACTED]", "[REDACTED]": 1}}
LOGS = (
    "/api/v1/logs?workspaceId=WS1&details=full&includeFinalOutput=true",
    "/api/v1/logs?workspaceId=WS1&details=full&includeFinalOutput=true&includeTraceSpans=true",
    "/api/v1/logs/E1",
)
RESULTS = (
    f"/api/jobs/{JOB}",
    "/api/workflows/W/executions/E1?includeOutput=true",
    "/api/v2/workflows/W/runs/E1?includeOutput=true",
)


def stored(value: object, **fields: Any) -> Payload:
    document = msgspec.json.encode(value)
    return Payload(inline=msgspec.Raw(document), size=len(document), **fields)


@pytest.fixture(params=["inline", "apart"], autouse=True)
async def ended(system: System, request: pytest.FixtureRequest) -> None:
    """A run whose output holds a secret, as its worker reported it."""
    logged = stored(MASKED)
    if request.param == "apart":
        system.jobs.blobs["masked"] = msgspec.json.encode(MASKED)
        logged = Payload(blob_id="masked", size=logged.size)
    system.jobs.views.clear()
    system.jobs.views["E1"] = a_view(RunStatus.COMPLETED, run_id="E1", job_id=JOB, output=stored(EXACT, logged=logged))


@pytest.mark.parametrize("path", LOGS)
async def test_the_logs_show_no_secret(system: System, path: str) -> None:
    seen = await system.get(path)
    assert seen.status == 200
    assert b"s3cret" not in seen.body
    found = seen.json["data"]
    output = found[0]["finalOutput"] if isinstance(found, list) else found["executionData"]["finalOutput"]
    assert output == MASKED


@pytest.mark.parametrize("path", RESULTS)
async def test_the_result_is_exact(system: System, path: str) -> None:
    seen = await system.get(path)
    assert (seen.status, b"REDACTED" in seen.body) == (200, False)
    assert msgspec.json.encode(EXACT["result"]) in seen.body


async def test_a_replay_is_exact(system: System) -> None:
    system.worker.script = echoes
    shown = {"idempotency-key": "once"}
    answers = [await system.execute(EXACT, headers=shown) for _ in range(2)]
    assert answers[0].json["output"]["result"] == EXACT
    assert answers[1].body == answers[0].body
