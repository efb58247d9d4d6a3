"""A caller queues a job and polls it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import JOB
from tests.support.gateway.jobs import a_view as view
from tests.support.gateway.system import BASE, System
from tests.support.gateway.tenants import OTHER

from gateway.sim.models import Accepted, JobStatus
from gateway.web.routes import Error
from shared.contracts.jobs import RunView
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunStatus
from shared.errors import OutcomeUncertain

ASYNC = {"X-Execution-Mode": "async"}


async def test_the_202_serves_old_and_new_clients(system: System) -> None:
    answer = await system.execute({"q": 1}, headers={**ASYNC, "X-Execution-Id": "E1"})
    assert answer.status == 202
    assert answer.headers["x-execution-id"] == "E1"
    assert answer.json == {
        "success": True,
        "async": True,
        "jobId": JOB,
        "executionId": "E1",
        "message": "Workflow execution queued",
        "statusUrl": f"{BASE}/api/jobs/{JOB}",
        "taskId": JOB,
        "status": "queued",
        "createdAt": "2026-11-24T12:00:00.000Z",
        "links": {"status": f"/api/jobs/{JOB}"},
    }
    Accepted.model_validate(answer.json)
    run = system.jobs.accepted[0].run
    assert (run.mode, run.time_limit_ms, bytes(run.input.inline)) == (RunMode.ASYNC, 5_400_000, b'{"q":1}')
    assert system.jobs.accepted[0].concurrency_limit == 5


async def test_async_wins_over_stream(system: System) -> None:
    assert (await system.execute({"stream": True}, headers=ASYNC)).status == 202


@pytest.mark.parametrize(("requested", "granted"), [("60", 60_000), ("604800", 5_400_000), ("5400.0", 5_400_000)])
async def test_a_caller_may_lower_the_time_limit_and_not_raise_it(system: System, requested: str, granted: int) -> None:
    await system.execute({}, headers={**ASYNC, "X-Execution-Timeout-Seconds": requested})
    assert system.jobs.accepted[0].run.time_limit_ms == granted


async def test_a_used_id_is_409(system: System) -> None:
    await system.execute({}, headers={**ASYNC, "X-Execution-Id": "E1"})
    answer = await system.execute({}, headers={**ASYNC, "X-Execution-Id": "E1"})
    assert (answer.status, answer.json["code"]) == (409, "EXECUTION_ID_CONFLICT")


async def test_a_run_that_may_have_been_queued_is_named_so_that_its_caller_can_look(system: System) -> None:
    system.jobs.shows_accepted = True
    system.jobs.lost_answer = OutcomeUncertain()
    answer = await system.execute({}, headers=ASYNC)
    run_id = system.jobs.accepted[0].run.run_id
    assert (answer.status, "retry-after" in answer.headers) == (503, False)
    assert answer.json == {
        "error": "Async execution queue acceptance could not be confirmed",
        "code": "ASYNC_ENQUEUE_AMBIGUOUS",
        "executionId": run_id,
    }
    assert answer.headers["x-execution-id"] == run_id
    assert (await system.get(f"/api/workflows/W/executions/{run_id}")).json["status"] == "queued"


STARTED = NOON + timedelta(seconds=1)
ENDED = NOON + timedelta(seconds=5)
CREATED = {"createdAt": "2026-11-24T12:00:00.000Z"}
IDS = {"workflowId": "W", "executionId": "E1"}
RUNNING = {**CREATED, "startedAt": "2026-11-24T12:00:01.000Z"}
OVER = {**RUNNING, "completedAt": "2026-11-24T12:00:05.000Z", "duration": 4000, **IDS}
OUTPUT = Payload(inline=msgspec.Raw(b'{"result":"..."}'), size=16)
BOOM = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "boom", block_name="Fn")
TIMED_OUT = RunError(ErrorCode.TIMEOUT, "Execution timed out after 5 minutes")

STATES = [
    (view(RunStatus.QUEUED), {"status": "queued", "metadata": {**CREATED, **IDS}, "estimatedDuration": 300000}),
    (
        view(RunStatus.PROCESSING, started_at=STARTED),
        {"status": "processing", "metadata": {**RUNNING, **IDS}, "estimatedDuration": 300000},
    ),
    (
        view(RunStatus.PAUSED, started_at=STARTED),
        {"status": "processing", "metadata": {**RUNNING, **IDS}, "estimatedDuration": 300000},
    ),
    (
        view(RunStatus.COMPLETED, started_at=STARTED, ended_at=ENDED, output=OUTPUT),
        {"status": "completed", "metadata": OVER, "output": {"result": "..."}},
    ),
    (
        view(RunStatus.FAILED, started_at=STARTED, ended_at=ENDED, error=BOOM),
        {"status": "failed", "metadata": OVER, "error": "Fn: boom"},
    ),
    (
        view(RunStatus.CANCELLED, started_at=STARTED, ended_at=ENDED),
        {"status": "failed", "metadata": OVER, "error": "Cancelled"},
    ),
    (
        view(RunStatus.FAILED, started_at=STARTED, ended_at=ENDED, error=TIMED_OUT, time_limit_ms=300_000),
        {
            "status": "failed",
            "metadata": {**OVER, "maxDurationSeconds": 300},
            "error": "Execution timed out after 5 minutes",
        },
    ),
    (
        view(RunStatus.FAILED, ended_at=ENDED, error=BOOM),
        {
            "status": "failed",
            "metadata": {**CREATED, "completedAt": "2026-11-24T12:00:05.000Z", **IDS},
            "error": "Fn: boom",
        },
    ),
]


@pytest.mark.parametrize(("run", "shown"), STATES)
async def test_a_job_shows_its_state(system: System, run: RunView, shown: dict[str, Any]) -> None:
    system.jobs.views["E1"] = run
    answer = await system.get(f"/api/jobs/{JOB}")
    assert answer.status == 200
    assert answer.json == {"success": True, "taskId": JOB, **shown}
    JobStatus.model_validate(answer.json)


@pytest.mark.parametrize(
    ("key", "path", "status", "error", "code"),
    [
        (None, JOB, 401, "Unauthorized", "UNAUTHORIZED"),
        ("wrong", JOB, 401, "Invalid API key", "INVALID_API_KEY"),
        ("", "run_unknown", 404, "Task not found", "TASK_NOT_FOUND"),
        (
            "other",
            JOB,
            403,
            "API key is not authorized for this workspace",
            "API_KEY_IS_NOT_AUTHORIZED_FOR_THIS_WORKSPACE",
        ),
        ("other", "run_unknown", 404, "Task not found", "TASK_NOT_FOUND"),
    ],
)
async def test_a_look_up_is_refused(
    system: System, key: str | None, path: str, status: int, error: str, code: str
) -> None:
    system.jobs.views["E1"] = view(RunStatus.QUEUED)
    answer = await system.get(f"/api/jobs/{path}", key=system.tenants.issue(OTHER) if key == "other" else key)
    assert answer.status == status
    details = {"details": [{"path": "x-api-key", "message": "Send an API key in the header x-api-key"}]}
    request_id = answer.headers["x-request-id"]
    expected_details = details if key is None else {}
    assert answer.json == {"error": error, "code": code, "requestId": request_id, **expected_details}
    Error.model_validate(answer.json)
