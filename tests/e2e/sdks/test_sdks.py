"""Sim's published clients, unmodified, against the running system."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.sdks.programs import HERE, node, run
from tests.support.keys import key_with_limit
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, function, start, workflow

from flowport.local.stack import Stack

CLIENTS = Path(sys.prefix) / "sdks"
LIMIT = "Rate limit exceeded. Retry after"

MEASURE = "return <start.doc>.map(file => [file.name, file.size])"
PROGRAM = HERE / "python_client.py"
Seen = dict[str, Any]


async def use(client: str, api: PublicApi, stack: Stack) -> Seen:
    """Let the client perform every operation once."""
    echo = await api.publish(
        workflow("Echo", [start(q="string"), function("f1", "return <start.q> || <start.input>")], (START, "f1"))
    )
    broken = await api.publish(workflow("Broken", [start(), function("f1", 'throw new Error("boom")')], (START, "f1")))
    measure = await api.publish(
        workflow("Measure", [start(doc="file[]"), function("f1", MEASURE)], (START, "f1")),
    )
    small = await key_with_limit(stack, api, 1)
    arguments = (stack.url, api.http.headers["x-api-key"], small, echo, broken, measure)
    if client == "typescript":
        printed = await run(node(), str(HERE / "typescript_client.mjs"), *arguments)
    else:
        path = {"PYTHONPATH": str(CLIENTS / client)}
        printed = await run(sys.executable, str(PROGRAM), *arguments, environment=path)
    seen: Seen = json.loads(printed)
    return seen


def check_common(seen: Seen, *, file: Path | None = None) -> None:
    """Check the results that every client must show; `file` is the one that it sends, of 1000 bytes unless named."""
    measured = [[file.name, file.stat().st_size]] if file else [["letter.txt", 1000]]
    assert (seen["file"]["output"]["result"], seen["filed"]["output"]["result"]) == (measured, measured)
    assert seen["valid"] is True
    assert (seen["wrong_key"]["raised"], seen["wrong_key"]["status"]) == ("Invalid API key", 401)
    assert (seen["unknown_workflow"]["raised"], seen["unknown_workflow"]["status"]) == ("Workflow not found", 404)
    assert (seen["unknown_status"]["raised"], seen["unknown_status"]["status"]) == ("Workflow not found", 404)
    assert seen["unknown_job"] == {"raised": "Task not found", "code": "TASK_NOT_FOUND", "status": 404}
    usage = seen["usage"]
    rates = usage.get("rate_limit") or usage["rateLimit"]
    assert rates["sync"]["remaining"] <= rates["sync"]["maxBurst"]
    assert usage["usage"].keys() == {"currentPeriodCost", "limit", "plan"}
    assert seen["limit"]["remaining"] <= seen["limit"]["limit"]
    *let_in, refused = seen["small"]  # two at least, and one more for each window that passed between them
    assert [call["success"] for call in let_in] == [True] * max(2, len(let_in))
    assert refused["raised"].startswith(LIMIT)
    assert (refused["code"], refused["status"]) == ("RATE_LIMIT_EXCEEDED", 429)
    assert seen["retried"].get("success") is True, seen["retried"]


async def test_python_0_1_2(api: PublicApi, stack: Stack) -> None:
    seen = await use("python-0.1.2", api, stack)
    check_common(seen, file=PROGRAM)
    assert (seen["fields"]["success"], seen["fields"]["output"]["result"]) == (True, "hello")
    assert seen["text"]["output"]["result"] == "hello"
    assert "boom" in seen["failed"]["raised"]
    assert seen["failed"]["status"] == 500
    queued = seen["queued"]
    assert (queued["success"], queued["status"]) == (True, "queued")
    assert queued["links"] == {"status": f"/api/jobs/{queued['task_id']}"}
    assert (seen["job"]["status"], seen["job"]["output"]["result"]) == ("completed", "later")
    assert (seen["status"]["is_deployed"], seen["status"]["needs_redeployment"]) == (True, False)


async def test_python_0_2_1(api: PublicApi, stack: Stack) -> None:
    seen = await use("python-0.2.1", api, stack)
    check_common(seen, file=PROGRAM)
    assert (seen["fields"]["status"], seen["fields"]["output"]["result"]) == ("completed", "hello")
    assert seen["text"]["output"]["result"] == "hello"
    assert (seen["failed"]["success"], seen["failed"]["status"]) == (False, "failed")
    assert "boom" in seen["failed"]["error"]
    assert seen["queued"]["status_url"].endswith(f"/runs/{seen['queued']['run_id']}")
    assert (seen["run"]["status"], seen["run"]["output"]["result"]) == ("completed", "later")
    assert seen["run"]["blockOutputs"]["f1"]["result"] == "later"
    assert (seen["status"]["is_deployed"], seen["status"]["needs_redeployment"]) == (True, False)


async def test_typescript_0_1_2(api: PublicApi, stack: Stack) -> None:
    seen = await use("typescript", api, stack)
    check_common(seen)
    assert (seen["fields"]["success"], seen["fields"]["output"]["result"]) == (True, "hello")
    assert seen["text"]["output"]["result"] == "hello"
    assert "boom" in seen["failed"]["raised"]
    assert seen["queued"]["taskId"] == seen["job"]["taskId"]
    assert (seen["job"]["status"], seen["job"]["output"]["result"]) == ("completed", "later")
    assert seen["status"].keys() >= {"isDeployed", "deployedAt", "needsRedeployment"}


@pytest.mark.parametrize("client", ["python-0.1.2", "python-0.2.1"])
def test_the_clients_are_the_published_ones(client: str) -> None:
    version = client.removeprefix("python-")
    assert (CLIENTS / client / f"simstudio_sdk-{version}.dist-info" / "RECORD").is_file()
