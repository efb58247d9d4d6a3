"""Paused runs in the public API: who sees their questions, and who may answer."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import JOB, a_view
from tests.support.gateway.system import BASE, System

from gateway.sim.models import PausedContext, PausedExecution, PausedExecutions, Resumed
from gateway.v2.models import CancelledRuns, QueuedRun
from gateway.web.bodies import Data
from shared.contracts.jobs import PauseKind, PausePoint, RunFilter, RunView
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus

ISO = "2026-11-24T12:00:00.000Z"
FORM = b'{"data":{"operation":"human"},"status":200,"headers":{}}'
TWO = b'{"pausedBlocks":[{"contextId":"b_loop0","blockId":"b","data":1},{"contextId":"c","blockId":"c","data":2}]}'


def asks(context_id: str) -> PausePoint:
    return PausePoint(context_id, context_id.partition("_")[0], PauseKind.HUMAN, NOON)


def waiting(*points: PausePoint, output: bytes = FORM, **fields: Any) -> RunView:
    shown = Payload(inline=msgspec.Raw(output), size=len(output))
    return a_view(RunStatus.PAUSED, paused_at=NOON, pauses=points, output=shown, **fields)


@pytest.fixture
def paused(system: System) -> System:
    system.jobs.views["E1"] = waiting(asks("b"))
    return system


async def test_a_paused_run_has_its_questions(paused: System) -> None:
    answer = await paused.get("/api/resume/W/E1")

    PausedExecution.model_validate(answer.json)
    (point,) = answer.json["pausePoints"]
    assert (answer.json["status"], point["contextId"], point["response"]["data"]) == (
        "paused",
        "b",
        {"operation": "human"},
    )
    assert point["resumeLinks"]["apiUrl"] == f"{BASE}/api/resume/W/E1/b"
    assert (await paused.get("/api/workflows/W/paused/E1")).json == answer.json


async def test_each_of_several_pauses_shows_its_own(system: System) -> None:
    system.jobs.views["E1"] = waiting(asks("b_loop0"), asks("c"), output=TWO)
    answer = await system.get("/api/resume/W/E1/c")

    PausedContext.model_validate(answer.json)
    assert answer.json["pausePoint"]["response"] == {"data": 2}
    assert [point["contextId"] for point in answer.json["execution"]["pausePoints"]] == ["b_loop0", "c"]


async def test_paused_runs_are_listed(paused: System) -> None:
    paused.jobs.views["E2"] = a_view(RunStatus.COMPLETED, run_id="E2")
    answer = await paused.get("/api/workflows/W/paused")

    PausedExecutions.model_validate(answer.json)
    assert [run["executionId"] for run in answer.json["pausedExecutions"]] == ["E1"]


@pytest.mark.parametrize("route", ["/api/workflows/W/executions/E1", "/api/v2/workflows/W/runs/E1"])
async def test_the_status_of_a_paused_run_is_paused(paused: System, route: str) -> None:
    body = (await paused.get(route)).json
    shown = body.get("data", body)

    assert shown["status"] == "paused"
    assert shown["paused"] == {
        "pausedAt": ISO,
        "pausePoints": [
            {"contextId": "b", "blockId": "b", "pauseKind": "human", "registeredAt": ISO, "resumeAt": None}
        ],
    }


@pytest.mark.parametrize(
    ("route", "name"), [("/api/workflows/W/executions/E1", "finalOutput"), ("/api/v2/workflows/W/runs/E1", "output")]
)
async def test_the_output_shown_by_a_pause_is_not_the_output_of_the_resumed_run(
    paused: System, route: str, name: str
) -> None:
    before = (await paused.get(f"{route}?includeOutput=true")).json
    assert before.get("data", before)[name] == msgspec.json.decode(FORM)
    shown = paused.jobs.views["E1"]
    paused.jobs.views["E1"] = msgspec.structs.replace(shown, status=RunStatus.PROCESSING, paused_at=None, pauses=())
    after = (await paused.get(f"{route}?includeOutput=true")).json
    assert (after.get("data", after)["status"], after.get("data", after)[name]) == ("running", None)


@pytest.mark.parametrize("body", [{"input": {"ok": True}}, {"ok": True}])
async def test_an_answer_lets_the_run_continue_as_a_job(paused: System, body: object) -> None:
    answer = await paused.send("POST", "/api/resume/W/E1/b", body)

    Resumed.model_validate(answer.json)
    assert (answer.status, answer.json["status"]) == (202, "started")
    assert answer.json["statusUrl"] == f"{BASE}/api/jobs/{JOB}"
    assert paused.jobs.resumed == {"b": {"ok": True}}


ASKING = b"""{"data": {"operation": "human", "inputFormat": [
    {"name": "approved", "type": "boolean", "required": true},
    {"name": "limit", "type": "number", "required": false},
    {"name": "note", "type": "string"}
]}, "status": 200, "headers": {}}"""


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "approved is required: true or false"),
        ({"aproved": True}, "approved is required: true or false"),
        ({"approved": None}, "approved is required: true or false"),
        ({"approved": "maybe"}, "approved must be true or false"),
        ({"approved": True, "limit": "much"}, "limit must be a number"),
        (
            {"limit": True, "note": [1]},
            "approved is required: true or false; limit must be a number; note must be text",
        ),
    ],
)
@pytest.mark.parametrize("version", ["legacy", "v2"])
async def test_an_answer_that_does_not_fill_in_the_form_is_refused_and_the_run_waits_on(
    system: System, body: object, error: str, version: str
) -> None:
    system.jobs.views["E1"] = waiting(asks("b"), output=ASKING)
    if version == "legacy":
        answer = await system.send("POST", "/api/resume/W/E1/b", {"input": body})
        assert answer.json["error"] == error
    else:
        answer = await system.send("POST", "/api/v2/workflows/W/runs/E1/resume", {"contextId": "b", "input": body})
        assert answer.json["error"]["message"] == error
    assert answer.status == 400
    assert system.jobs.resumed == {}


async def test_an_answer_may_omit_optional_fields(system: System) -> None:
    system.jobs.views["E1"] = waiting(asks("b"), output=ASKING)
    answer = await system.send("POST", "/api/resume/W/E1/b", {"input": {"approved": False, "note": None}})
    assert answer.status == 202
    assert system.jobs.resumed == {"b": {"approved": False, "note": None}}


async def test_an_answer_without_a_body_is_an_empty_form(paused: System) -> None:
    assert (await paused.send("POST", "/api/resume/W/E1/b")).status == 202
    assert paused.jobs.resumed == {"b": {}}


@pytest.mark.parametrize("body", [[1], {"input": "yes"}, {"input": None}])
async def test_an_answer_is_an_object(paused: System, body: object) -> None:
    answer = await paused.send("POST", "/api/resume/W/E1/b", body)

    assert (answer.status, answer.json["error"]) == (400, "Resume input must be a JSON object")


async def test_an_oversized_answer_is_refused_with_the_limit(paused: System) -> None:
    answer = await paused.send("POST", "/api/resume/W/E1/b", {"text": "x" * 300_000})
    assert (answer.status, answer.json) == (413, {"error": "An answer may have at most 262144 bytes"})


async def test_a_second_answer_is_refused(paused: System) -> None:
    await paused.send("POST", "/api/resume/W/E1/b", {})
    answer = await paused.send("POST", "/api/resume/W/E1/b", {})

    assert (answer.status, answer.json["error"]) == (409, "Pause context has already been resumed")


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/api/resume/W/E9", "Paused execution not found"),
        ("GET", "/api/resume/W/E1/other", "Pause context not found"),
        ("POST", "/api/resume/W/E9/b", "Paused execution not found"),
    ],
)
async def test_a_run_without_a_pause_is_not_found(paused: System, method: str, path: str, error: str) -> None:
    answer = await paused.send(method, path)
    assert (answer.status, answer.json["error"]) == (404, error)


async def test_another_workspaces_run_is_not_found(paused: System) -> None:
    paused.jobs.views["E1"] = waiting(asks("b"), workspace_id="WS2")
    assert (await paused.send("POST", "/api/resume/W/E1/b")).status == 404


async def test_an_answer_requires_a_key(paused: System) -> None:
    answer = await paused.call("POST", "/api/resume/W/E1/b").done()
    assert (answer.status, paused.jobs.resumed) == (401, {})


async def test_v2_resumes_too(paused: System) -> None:
    answer = await paused.send("POST", "/api/v2/workflows/W/runs/E1/resume", {"contextId": "b", "input": {"ok": 1}})

    Data[QueuedRun].model_validate(answer.json)
    assert answer.status == 202
    assert answer.json["data"] == {"runId": "E1", "statusUrl": f"{BASE}/api/v2/workflows/W/runs/E1"}
    assert paused.jobs.resumed == {"b": {"ok": 1}}
    again = await paused.send("POST", "/api/v2/workflows/W/runs/E1/resume", {"contextId": "b"})
    assert (again.status, again.json["error"]["code"]) == (409, "CONFLICT")


async def test_runs_are_listed_by_status_and_time(system: System) -> None:
    system.jobs.views |= {"E1": a_view(RunStatus.QUEUED), "E2": a_view(RunStatus.PROCESSING, run_id="E2")}
    answer = await system.get(
        "/api/v2/workflows/W/runs?status=running&since=2026-11-24T12:00:00Z&until=2026-11-24T12:01:00Z"
    )

    assert [run["runId"] for run in answer.json["data"]] == ["E2"]
    assert system.jobs.filters == [RunFilter(RunStatus.PROCESSING, NOON, NOON + timedelta(minutes=1))]


@pytest.mark.parametrize("query", ["status=processing", "since=yesterday", "until=2026-11-24T12:00:00"])
async def test_a_filter_that_means_nothing_is_refused(system: System, query: str) -> None:
    assert (await system.get(f"/api/v2/workflows/W/runs?{query}")).status == 400


async def test_bulk_cancel_cancels_many_runs(system: System) -> None:
    answer = await system.send("POST", "/api/v2/workflows/W/runs/cancel", {"status": "queued", "until": ISO})

    Data[CancelledRuns].model_validate(answer.json)
    assert answer.json == {"data": {"runIds": ["E1", "E2"], "hasMore": True}}
    assert system.jobs.filters == [RunFilter(RunStatus.QUEUED, until=NOON)]
    assert (await system.send("POST", "/api/v2/workflows/W/runs/cancel", {"status": "completed"})).status == 400
