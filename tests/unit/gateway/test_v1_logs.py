"""Run logs in the v1 API."""

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support.gateway.system import Answer, System
from tests.support.gateway.tenants import OTHER

from gateway.access.credentials import Scope
from shared.contracts.jobs import BlockLog, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunStatus, Trigger, Usage

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FILE = {"id": "file_1", "name": "a.txt", "key": "execution/WS1/W/r/file_1/a.txt", "context": "execution"}


def a_log(block_id: str, kind: str, output: Any) -> BlockLog:
    return BlockLog(
        block_id=block_id,
        block_name=block_id.title(),
        block_type=kind,
        started_at=NOON,
        ended_at=NOON + timedelta(milliseconds=100),
        duration_ms=100.0,
        success=True,
        execution_order=1,
        output=output,
    )


def a_run(run_id: str = "run-1", **fields: Any) -> RunView:
    known: dict[str, Any] = {
        "run_id": run_id,
        "workspace_id": "WS1",
        "workflow_id": "W",
        "version": 1,
        "version_id": "v-1",
        "status": RunStatus.COMPLETED,
        "mode": RunMode.SYNC,
        "trigger": Trigger.API,
        "caller_name": "Production backend",
        "created_at": NOON,
        "started_at": NOON,
        "ended_at": NOON + timedelta(milliseconds=163),
        "duration_ms": 163.4,
        "output": Payload(inline=msgspec.Raw(b'{"answer":42}')),
        "usage": Usage(10, 5, 0.25, {"gpt-5": {"input": 10.0, "output": 5.0, "total": 15.0, "cost": 0.25}}),
        "blocks": (a_log("start", "start_trigger", {"papers": [FILE]}), a_log("agent", "agent", {"content": "x"})),
    }
    return RunView(**(known | fields))


@pytest.fixture
def logged(system: System) -> System:
    failed = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "boom", "b1", "Function 1", "function")
    for run in (a_run(), a_run("run-2", status=RunStatus.FAILED, error=failed, blocks=(), usage=Usage(), output=None)):
        system.jobs.views[run.run_id] = run
    system.jobs.views["hers"] = a_run("hers", workspace_id="WS2")
    return system


async def get(system: System, path: str, *, key: str | None = "") -> Answer:
    return await system.send("GET", f"/api/v1/logs{path}", key=key)


def searched(system: System) -> FindLogs:
    return system.jobs.searches[-1]


async def test_a_row_describes_a_run(logged: System) -> None:
    answer = await get(logged, "?workspaceId=WS1")
    body = answer.json
    assert set(body.pop("limits")) == {"workflowExecutionRateLimit", "usage"}
    assert body.keys() == {"data"}
    succeeded, failed = body["data"]
    assert {**succeeded, "files": None} == {
        "id": "run-1",
        "workflowId": "W",
        "executionId": "run-1",
        "deploymentVersionId": "v-1",
        "level": "info",
        "status": "completed",
        "trigger": "api",
        "version": 1,
        "isDraft": False,
        "caller": "Production backend",
        "startedAt": "2026-11-24T12:00:00.000Z",
        "endedAt": "2026-11-24T12:00:00.163Z",
        "totalDurationMs": 163,
        "cost": {"total": 0.25},
        "files": None,
    }
    assert (failed["level"], failed["cost"], failed["files"]) == ("error", {"total": 0}, None)
    assert b":0.0" not in answer.body, "JavaScript writes 0"
    usage = await logged.get("/api/users/me/usage-limits")
    assert b'"currentPeriodCost":0,' in usage.body


@pytest.mark.parametrize(("query", "found"), [("", ("V", "W")), ("&workflowIds=X,W", ("W",)), ("&workflowIds=X", ())])
async def test_a_key_for_some_workflows_finds_runs_of_no_other(
    logged: System, query: str, found: tuple[str, ...]
) -> None:
    key = logged.tenants.issue(workflow_ids=("W", "V"))
    assert (await get(logged, f"?workspaceId=WS1{query}", key=key)).status == 200
    assert searched(logged).workflow_ids == found


async def test_every_filter_is_passed_on(logged: System) -> None:
    query = (
        "?workspaceId=WS1&workflowIds=W,V&triggers=api,chat&level=error&status=failed&startDate=2026-11-24T00:00:00Z"
        "&endDate=2026-11-25T00:00:00%2B01:00&executionId=mine&minDurationMs=1&maxDurationMs=2.5&minCost=0.1&maxCost=1"
        "&model=gpt-5&versions=2,3&draft=false&q=%20ORD-4711%20&limit=7&order=asc"
    )
    assert (await get(logged, query)).status == 200
    assert searched(logged) == FindLogs(
        workspace_id="WS1",
        workflow_ids=("W", "V"),
        triggers=("api", "chat"),
        level="error",
        status=RunStatus.FAILED,
        since=datetime(2026, 11, 24, tzinfo=UTC),
        until=datetime(2026, 11, 24, 23, tzinfo=UTC),
        run_id="mine@WS1",
        min_duration_ms=1,
        max_duration_ms=2.5,
        min_cost_usd=0.1,
        max_cost_usd=1,
        model="gpt-5",
        versions=(2, 3),
        draft=False,
        text="ORD-4711",
        limit=7,
        oldest_first=True,
    )


@pytest.mark.parametrize("bound", ["minDurationMs", "maxDurationMs", "minCost", "maxCost"])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e400"])
async def test_an_invalid_number_is_refused_instead_of_ignored(logged: System, bound: str, number: str) -> None:
    answer = await get(logged, f"?workspaceId=WS1&{bound}={number}")
    assert (answer.status, answer.json["details"][0]["path"]) == (400, [bound])


async def test_an_unknown_status_is_refused_with_the_allowed_ones(logged: System) -> None:
    answer = await get(logged, "?workspaceId=WS1&status=lost")
    words = '"queued"|"processing"|"paused"|"completed"|"failed"|"cancelled"'
    assert (answer.status, answer.json["error"]) == (400, f"Invalid option: expected one of {words}")


@pytest.mark.parametrize(
    ("flags", "query"),
    [
        ("", (False, False)),
        ("&includeTraceSpans=true&includeFinalOutput=true", (False, False)),
        ("&details=full", (False, False)),
        ("&details=full&includeTraceSpans=true", (False, True)),
        ("&details=full&includeFinalOutput=true&includeTraceSpans=false", (True, False)),
    ],
)
async def test_large_fields_are_read_only_on_request(logged: System, flags: str, query: tuple[bool, bool]) -> None:
    await get(logged, f"?workspaceId=WS1{flags}")
    assert (searched(logged).output, searched(logged).blocks) == query


async def test_full_rows_have_the_workflow_the_trace_and_the_output(logged: System) -> None:
    query = "?workspaceId=WS1&details=full&includeTraceSpans=true&includeFinalOutput=true"
    first = (await get(logged, query)).json["data"][0]
    assert first["workflow"] == {"id": "W", "name": "Workflow W", "description": ""}
    (root,) = first["traceSpans"]
    assert (root["id"], root["cost"], len(root["children"])) == ("workflow-execution", {"total": 0.25}, 2)
    assert first["finalOutput"] == {"answer": 42}
    assert first["files"] == [FILE]


async def test_pages_follow_each_other_by_a_cursor(logged: System) -> None:
    cursor = (await get(logged, "?workspaceId=WS1&limit=1")).json["nextCursor"]
    await get(logged, f"?workspaceId=WS1&limit=1&cursor={cursor}")
    assert searched(logged).cursor == "more"


@pytest.mark.parametrize("cursor", ["%", "bm9uZQ==", base64.urlsafe_b64encode(b'{"at":"1.x","order":"asc"}').decode()])
async def test_an_invalid_cursor_is_refused(logged: System, cursor: str) -> None:
    answer = await get(logged, f"?workspaceId=WS1&cursor={cursor}")
    assert (answer.status, answer.json["error"]) == (400, "Invalid cursor")


async def test_folders_narrow_to_their_workflows(logged: System) -> None:
    await get(logged, "?workspaceId=WS1&folderIds=nowhere")
    assert searched(logged).workflow_ids == ()


async def test_a_date_without_a_zone_is_utc_in_any_server_time_zone(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        await system.get("/api/v1/logs?workspaceId=WS1&startDate=2026-11-24T00:00:00")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert system.jobs.searches[-1].since == datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    "query", ["", "?workspaceId=WS1&level=loud", "?workspaceId=WS1&startDate=soon", "?workspaceId=WS1&minCost=much"]
)
async def test_a_query_out_of_shape_is_refused(logged: System, query: str) -> None:
    answer = await get(logged, query)
    assert answer.status == 400
    assert answer.json["details"]


async def test_a_run_is_returned_with_all_its_data(logged: System) -> None:
    found = (await get(logged, "/run-1")).json["data"]
    assert found["cost"] == {
        "total": 0.25,
        "tokens": {"prompt": 10, "completion": 5, "total": 15},
        "models": {"gpt-5": {"total": 0.25, "tokens": {"prompt": 10, "completion": 5, "total": 15}}},
    }
    data = found["executionData"]
    assert (data["finalOutput"], data["status"], data["trigger"]) == ({"answer": 42}, "completed", "api")
    assert [span["name"] for span in data["traceSpans"][0]["children"]] == ["Start", "Agent"]
    assert (found["workflow"]["name"], found["createdAt"]) == ("Workflow W", "2026-11-24T12:00:00.000Z")


async def test_a_failed_run_has_a_reason(logged: System) -> None:
    data = (await get(logged, "/run-2")).json["data"]["executionData"]
    assert data["error"] == "Function 1: boom"
    assert data["errorDetails"] == {"blockId": "b1", "blockName": "Function 1", "error": "boom"}
    assert data["finalOutput"] is None


async def http_status(system: System, **fields: Any) -> int | None:
    system.jobs.views["run-3"] = a_run("run-3", **fields)
    status: int | None = (await get(system, "/run-3")).json["data"]["httpStatus"]
    return status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"status": RunStatus.CANCELLED}, 200),
        ({"status": RunStatus.FAILED}, 500),
        ({"status": RunStatus.FAILED, "error": RunError(ErrorCode.TIMEOUT, "too slow")}, 408),
        ({"status": RunStatus.FAILED, "error": RunError(ErrorCode.INVALID_INPUT, "no name", http_status=400)}, 400),
        ({"status": RunStatus.PROCESSING}, None),
        ({"mode": RunMode.ASYNC}, None),
        ({"trigger": Trigger.CHAT}, None),
    ],
)
async def test_a_synchronous_run_has_the_status_of_its_response(
    system: System, fields: dict[str, Any], status: int | None
) -> None:
    assert await http_status(system, **fields) == status


async def test_a_response_block_sets_the_status(system: System) -> None:
    output = Payload(inline=msgspec.Raw(b'{"data":{},"status":201,"headers":{}}'))
    assert await http_status(system, output=output, blocks=(a_log("answer", "response", {}),)) == 201
    assert await http_status(system, output=output) == 200


async def test_a_run_has_its_snapshot(logged: System) -> None:
    body = (await get(logged, "/executions/run-1")).json
    assert (body["executionId"], body["workflowId"]) == ("run-1", "W")
    assert set(body["workflowState"]) == {"blocks", "edges", "loops", "parallels"}
    assert body["executionMetadata"]["totalDurationMs"] == 163
    assert "limits" in body


@pytest.mark.parametrize(
    ("path", "error"), [("/nope", "Log not found"), ("/executions/nope", "Workflow execution not found")]
)
async def test_missing_and_foreign_logs_are_not_found(logged: System, path: str, error: str) -> None:
    answer = await get(logged, path)
    assert (answer.status, answer.json) == (404, {"error": error})
    assert (await get(logged, path.replace("nope", "hers"))).status == 404


async def test_logs_are_readable_by_members_of_the_workspace(logged: System) -> None:
    assert (await get(logged, "?workspaceId=WS1", key=None)).status == 401
    assert (await get(logged, f"?workspaceId={OTHER.id}")).status == 403
    runner = logged.tenants.issue(scopes=frozenset({Scope.EXECUTE}))
    for path in ("?workspaceId=WS1", "/run-1", "/executions/run-1"):
        assert (await get(logged, path, key=runner)).status == 403
