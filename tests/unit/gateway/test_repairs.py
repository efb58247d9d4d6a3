"""Repairs over the v2 API."""

import msgspec
from tests.support.gateway.system import System

from shared.contracts.files import FileScope
from shared.contracts.runs import Trigger

RUNS = "/api/v2/workflows/W/runs"


async def test_a_failed_run_continues_as_a_run_of_the_caller_on_the_live_version(system: System) -> None:
    answer = await system.send("POST", f"{RUNS}/E1/repair")
    assert answer.status == 202
    data = answer.json["data"]
    assert (data["runId"], data["repairOf"]) == ("E1-again", "E1")
    assert data["statusUrl"].endswith("/api/v2/workflows/W/runs/E1-again")
    request = system.repairs.requests["E1"]
    assert request.snapshot.version == system.deployments.compared[0][1]
    assert request.resume_map.bodies
    assert (request.workspace_id, request.file_scope) == ("WS1", FileScope.WORKSPACE)
    assert request.log_retention_ms > 0
    assert [(entry.action, entry.target_id) for entry in system.audit.entries] == [("run.repaired", "E1")]


async def test_an_unknown_run_is_not_found(system: System) -> None:
    assert (await system.send("POST", f"{RUNS}/E9/repair")).status == 404


async def test_a_refusal_names_the_block(system: System) -> None:
    system.repairs.failed = ["R9"]
    answer = await system.send("POST", f"{RUNS}/R9/repair")
    assert answer.status == 409
    assert answer.json["error"] == {
        "code": "CONFLICT",
        "message": "The version cannot continue the run",
        "details": {"blockId": "b", "blockName": "B"},
    }
    assert system.audit.entries == []


async def test_a_workflow_that_stores_no_data_has_no_repairs(system: System) -> None:
    known = system.deployments.endpoints["W"]
    system.deployments.endpoints["W"] = msgspec.structs.replace(known, stores_data=False)
    answer = await system.send("POST", f"{RUNS}/E1/repair")
    assert answer.status == 409
    assert "does not store inputs and outputs" in answer.json["error"]["message"]


async def test_all_failed_runs_continue_with_one_call_and_one_comparison(system: System) -> None:
    system.repairs.failed = ["R1", "R2", "R9", "R8", "R3"]
    answer = await system.send("POST", f"{RUNS}/repair", body={"since": "2026-01-01T00:00:00Z"})
    assert answer.status == 202
    data = answer.json["data"]
    assert [(each["repairOf"], each["runId"]) for each in data["repaired"]] == [
        ("R1", "R1-again"),
        ("R2", "R2-again"),
        ("R3", "R3-again"),
    ]
    assert [(each["runId"], each["error"]["code"]) for each in data["refused"]] == [
        ("R9", "CONFLICT"),
        ("R8", "CONFLICT"),
    ]
    assert data["nextCursor"] is None
    assert system.deployments.compared == [(1, system.repairs.requests["R1"].snapshot.version, Trigger.API)]
    assert system.repairs.searches[0].only.since is not None
    assert [(entry.action, entry.after) for entry in system.audit.entries] == [
        ("runs.repaired", {"version": system.repairs.requests["R1"].snapshot.version, "repaired": 3, "refused": 2})
    ]


async def test_an_error_between_pages_loses_no_result(system: System) -> None:
    system.repairs.failed, system.repairs.down_at = ["R1", "R2", "R3"], "2"
    answer = await system.send("POST", f"{RUNS}/repair", body={})
    assert answer.status == 202
    data = answer.json["data"]
    assert ([each["repairOf"] for each in data["repaired"]], data["nextCursor"]) == (["R1", "R2"], "2")
    assert [entry.after["repaired"] for entry in system.audit.entries if entry.after] == [2]


async def test_an_error_before_the_first_result_is_the_response(system: System) -> None:
    system.repairs.down_at = ""
    assert (await system.send("POST", f"{RUNS}/repair", body={})).status == 503
    assert system.audit.entries == []


async def test_a_version_that_cannot_be_compared_refuses_only_its_own_runs(system: System) -> None:
    system.repairs.failed, system.repairs.versions = ["R1", "R2", "R3"], {"R1": 9}
    data = (await system.send("POST", f"{RUNS}/repair", body={})).json["data"]
    assert [each["repairOf"] for each in data["repaired"]] == ["R2", "R3"]
    assert [(each["runId"], each["error"]["code"]) for each in data["refused"]] == [("R1", "NOT_FOUND")]


async def test_a_version_may_be_named_and_must_exist(system: System) -> None:
    assert (await system.send("POST", f"{RUNS}/E1/repair", body={"version": 77})).status == 404
    assert (await system.send("POST", f"{RUNS}/E1/repair", body={"versions": 1})).status == 400
