"""Statistics of runs in the v2 API."""

from datetime import UTC, datetime

import pytest
from tests.support.gateway.system import System

from gateway.access.credentials import Scope
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus
from shared.contracts.statistics import FindRunSeries, LastRun, RunBucket, RunSeries, RunTotals, WorkflowSeries

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PATH = "/api/v2/logs/statistics?workspaceId=WS1"
NUMBERS = RunTotals(runs=3, errors=1, p50_ms=120.5, p95_ms=900.0, tokens=30, cost_usd=0.25)
EMPTY = {"runs": 0, "errors": 0, "p50Ms": None, "p95Ms": None, "tokens": 0, "cost": 0}
SHOWN = {"runs": 3, "errors": 1, "p50Ms": 120.5, "p95Ms": 900.0, "tokens": 30, "cost": 0.25}


async def test_statistics_have_buckets_and_totals(system: System) -> None:
    system.jobs.series = RunSeries(
        interval_ms=3_600_000,
        buckets=(RunBucket(start=NOON, runs=3, errors=1, p50_ms=120.5, p95_ms=900.0, tokens=30, cost_usd=0.25),),
        totals=NUMBERS,
    )
    answer = await system.get(PATH)

    assert answer.json == {
        "data": {
            "interval": 3_600_000,
            "buckets": [{"start": "2026-11-24T12:00:00.000Z", **SHOWN}],
            "totals": SHOWN,
            "countedFrom": None,
        }
    }
    assert system.jobs.series_queries == [FindRunSeries(runs=FindLogs(workspace_id="WS1"))]


async def test_each_workflow_has_a_series_on_request(system: System) -> None:
    system.jobs.series = RunSeries(
        interval_ms=60_000,
        buckets=(RunBucket(start=NOON),),
        totals=RunTotals(),
        workflows=(
            WorkflowSeries(
                workflow_id="W",
                runs=(3,),
                errors=(1,),
                totals=NUMBERS,
                last_ended_at=NOON,
                last_run=LastRun("run-1", RunStatus.FAILED),
            ),
            WorkflowSeries(workflow_id="V", runs=(0,), errors=(0,), totals=RunTotals()),
        ),
        counted_from=NOON,
    )
    found = (await system.get(f"{PATH}&by=workflow")).json["data"]

    assert found["workflows"] == [
        {
            "workflowId": "W",
            "runs": [3],
            "errors": [1],
            "totals": SHOWN,
            "lastEndedAt": "2026-11-24T12:00:00.000Z",
            "lastRun": {"id": "run-1", "status": "failed"},
        },
        {"workflowId": "V", "runs": [0], "errors": [0], "totals": EMPTY, "lastEndedAt": None, "lastRun": None},
    ]
    assert (found["countedFrom"], found["totals"]) == ("2026-11-24T12:00:00.000Z", EMPTY)
    assert system.jobs.series_queries[-1].by_workflow


async def test_the_range_and_every_filter_are_passed_on(system: System) -> None:
    await system.get(
        f"{PATH}&from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00&interval=3600000&workflowIds=W&triggers=api"
        "&level=error&status=failed&versions=2&draft=false&q=ORD-4711&minDurationMs=1&maxDurationMs=2&minCost=3"
        "&maxCost=4&model=gpt-5&executionId=mine"
    )
    assert system.jobs.series_queries[-1] == FindRunSeries(
        runs=FindLogs(
            workspace_id="WS1",
            workflow_ids=("W",),
            triggers=("api",),
            level="error",
            status=RunStatus.FAILED,
            run_id="mine@WS1",
            min_duration_ms=1,
            max_duration_ms=2,
            min_cost_usd=3,
            max_cost_usd=4,
            model="gpt-5",
            versions=(2,),
            draft=False,
            text="ORD-4711",
        ),
        since=datetime(2026, 11, 24, tzinfo=UTC),
        until=datetime(2026, 11, 25, tzinfo=UTC),
        interval_ms=3_600_000,
    )


@pytest.mark.parametrize("query", ["from=soon", "interval=0", "interval=86400001", "by=day", "versions=1,x"])
async def test_a_query_out_of_shape_is_refused(system: System, query: str) -> None:
    answer = await system.get(f"{PATH}&{query}")
    assert (answer.status, answer.json["error"]["code"]) == (400, "BAD_REQUEST")


async def test_a_key_for_some_workflows_counts_runs_of_no_other(system: System) -> None:
    key = system.tenants.issue(workflow_ids=("W", "V"))
    assert (await system.send("GET", PATH, key=key)).status == 200
    assert system.jobs.series_queries[-1].runs.workflow_ids == ("V", "W")


async def test_folders_narrow_to_their_workflows(system: System) -> None:
    await system.get(f"{PATH}&folderIds=nowhere")
    assert system.jobs.series_queries[-1].runs.workflow_ids == ()


async def test_statistics_are_for_readers_of_the_workspace(system: System) -> None:
    assert (await system.send("GET", PATH, key=None)).status == 401
    runner = system.tenants.issue(scopes=frozenset({Scope.EXECUTE}))
    assert (await system.send("GET", PATH, key=runner)).status == 403
