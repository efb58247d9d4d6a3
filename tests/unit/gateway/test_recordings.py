"""Recorded runs: which runs are recorded, and who reads and deletes recordings."""

from typing import Any

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.visitor import Visitor

from gateway.access.models import Role
from gateway.runs.requests import record_run
from shared.contracts.deployments import Endpoint
from shared.contracts.recording_policy import RecordingPolicy, RecordRun
from shared.contracts.recordings import RecordedBlock, Recording
from shared.contracts.runs import RunMode
from shared.errors import OutcomeUncertain

RECORDINGS = "/api/v2/workflows/W/recordings"
DEPLOY = "/api/workflows/W/deploy"
POLICY = {"sample": 0.25, "failures": True, "days": 5}


def recording(run_id: str = "R1", *, workspace_id: str = "WS1", workflow_id: str = "W", **more: Any) -> Recording:
    blocks = (RecordedBlock(path="ask", block_id="ask", inputs={"prompt": "Hi"}, output={"content": "Hello"}),)
    return Recording(
        run_id=run_id,
        workspace_id=workspace_id,
        workflow_id=workflow_id,
        input={"q": 1},
        blocks=blocks,
        started_at=NOON,
        **more,
    )


def endpoint(policy: RecordingPolicy | None, *, stores_data: bool = True) -> Endpoint:
    return Endpoint(
        workflow_id="W", workspace_id="WS1", name="W", revision=4, stores_data=stores_data, recording=policy
    )


@pytest.mark.parametrize(
    ("policy", "chance", "expected"),
    [
        (None, 0.0, None),
        (RecordingPolicy(0.5, days=3), 0.49, RecordRun(3, 4)),
        (RecordingPolicy(0.5, days=3), 0.5, None),
        (RecordingPolicy(0.5, failures=True, days=3), 0.5, RecordRun(3, 4, only_failure=True)),
        (RecordingPolicy(1.0), 0.999, RecordRun(7, 4)),
        (RecordingPolicy(0.0), 0.0, None),
    ],
)
def test_a_sample_of_runs_and_perhaps_all_failures_are_recorded(
    policy: RecordingPolicy | None, chance: float, expected: RecordRun | None
) -> None:
    assert record_run(endpoint(policy), chance) == expected


def test_a_workflow_that_stores_no_data_records_nothing() -> None:
    assert record_run(endpoint(RecordingPolicy(1.0), stores_data=False), 0.0) is None


async def test_recording_is_off_and_is_set_beside_public_access(system: System) -> None:
    assert (await system.get(DEPLOY)).json["recording"] is None
    answer = await system.send("PATCH", DEPLOY, {"recording": POLICY})
    assert answer.json["recording"] == POLICY
    assert (await system.get(DEPLOY)).json["recording"] == POLICY
    assert (await system.send("PATCH", DEPLOY, {"recording": None})).json["recording"] is None


@pytest.mark.parametrize("policy", [{"sample": 1.5}, {"days": 0}, {"sample": -1}, {"failures": "yes"}])
async def test_a_policy_outside_its_limits_is_refused(system: System, policy: Any) -> None:
    assert (await system.send("PATCH", DEPLOY, {"recording": policy})).status == 400


async def test_recordings_stay_at_most_as_long_as_the_plans_logs(system: System) -> None:
    answer = await system.send("PATCH", DEPLOY, {"recording": {"sample": 1, "days": 8}})
    assert answer.status == 400
    assert "at most 7" in answer.json["error"]


async def test_a_run_carries_its_policy(system: System) -> None:
    await system.send("PATCH", DEPLOY, {"recording": {"sample": 1, "days": 5}})
    assert (await system.execute({"q": 1})).status == 200
    (run,) = system.worker.runs
    assert run.record == RecordRun(5, system.deployments.endpoints["W"].revision)


async def test_storing_no_data_deletes_recordings_and_bars_late_ones(system: System) -> None:
    system.recordings.put(recording())
    system.recordings.put(recording("R2", workflow_id="other"))
    assert (await system.send("PATCH", DEPLOY, {"storeInputsAndOutputs": False})).status == 200
    assert list(system.recordings.stored) == ["R2"]
    assert system.recordings.barred["W"] == system.deployments.endpoints["W"].revision


async def test_recordings_of_runs_that_another_gateway_started_during_the_change_are_deleted(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, deletions = system.recordings.delete_of_workflow, []

    async def delete_and_record(workspace_id: str, workflow_id: str, *, before: int) -> None:
        await delete(workspace_id, workflow_id, before=before)
        deletions.append(before)
        if len(deletions) == 2:  # the other gateway does not know the change yet
            system.recordings.put(recording("late"))

    monkeypatch.setattr(system.recordings, "delete_of_workflow", delete_and_record)
    assert (await system.send("PATCH", DEPLOY, {"storeInputsAndOutputs": False})).status == 200
    assert system.recordings.stored == {}


async def test_archiving_a_workflow_deletes_its_recordings(system: System) -> None:
    system.recordings.put(recording())
    assert (await system.send("DELETE", "/api/workflows/W")).status == 200
    assert system.recordings.stored == {}


async def test_a_deletion_that_failed_at_the_recordings_can_be_repeated(system: System) -> None:
    system.recordings.put(recording())
    system.recordings.is_down = True
    assert (await system.send("DELETE", "/api/workflows/W")).status == 503
    system.recordings.is_down = False
    assert (await system.send("DELETE", "/api/workflows/W")).status == 200
    assert system.recordings.stored == {}
    assert [entry.action for entry in system.audit.entries] == ["workflow.deleted"]


async def test_a_deletion_whose_answer_is_lost_is_audited(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = system.deployments.archive

    async def archive_and_disconnect(workspace_id: str, workflow_id: str) -> None:
        await archive(workspace_id, workflow_id)
        raise OutcomeUncertain

    monkeypatch.setattr(system.deployments, "archive", archive_and_disconnect)
    assert (await system.send("DELETE", "/api/workflows/W")).status == 503
    assert [entry.action for entry in system.audit.entries] == ["workflow.deleted"]


async def test_recordings_are_listed_without_contents(system: System) -> None:
    system.recordings.put(recording("R1", conversation_id="c1"))
    system.recordings.put(recording("R2"))
    everything = (await system.get(RECORDINGS)).json
    assert [row["runId"] for row in everything["data"]] == ["R1", "R2"]
    assert "Hello" not in repr(everything)
    (row,) = (await system.get(f"{RECORDINGS}?conversationId=c1")).json["data"]
    assert (row["runId"], row["conversationId"], row["blocks"]) == ("R1", "c1", 1)


async def test_each_reading_is_audited(system: System) -> None:
    system.recordings.put(recording())
    answer = await system.get(f"{RECORDINGS}/R1")
    assert answer.json["data"]["blocks"][0]["output"] == {"content": "Hello"}
    assert "no-store" in answer.headers["cache-control"]
    entry = system.audit.entries[-1]
    assert (entry.action, entry.target_id, entry.after) == ("recording.read", "R1", {"workflowId": "W"})
    assert (await system.get(f"{RECORDINGS}/R9")).status == 404
    assert system.audit.entries[-1] is entry


async def test_another_workflows_recording_is_not_found(system: System) -> None:
    system.recordings.put(recording("R2", workflow_id="other"))
    system.recordings.put(recording("R3", workspace_id="WS2"))
    for run_id in ("R2", "R3"):
        assert (await system.get(f"{RECORDINGS}/{run_id}")).status == 404
        assert (await system.send("DELETE", f"{RECORDINGS}/{run_id}")).status == 404
    assert len(system.recordings.stored) == 2


async def test_recordings_are_deleted_by_run_and_by_conversation(system: System) -> None:
    for run_id, conversation in (("R1", "c1"), ("R2", "c1"), ("R3", None)):
        system.recordings.put(recording(run_id, conversation_id=conversation))
    answer = await system.send("DELETE", f"{RECORDINGS}?conversationId=c1")
    assert answer.json == {"data": {"deleted": 2}}
    assert (await system.send("DELETE", f"{RECORDINGS}/R3")).status == 204
    assert system.recordings.stored == {}
    assert (await system.send("DELETE", RECORDINGS)).status == 400
    assert [entry.action for entry in system.audit.entries[-2:]] == ["recording.deleted"] * 2


async def test_readers_of_a_workspace_read_no_recordings(system: System) -> None:
    system.recordings.put(recording())
    reader = await Visitor.with_role(system, Role.READ)
    writer = await Visitor.with_role(system, Role.WRITE)
    for path in (RECORDINGS, f"{RECORDINGS}/R1"):
        assert (await reader.send("GET", path)).status == 403
        assert (await writer.send("GET", path)).status == 200
    assert (await reader.send("DELETE", f"{RECORDINGS}/R1")).status == 403


async def test_a_recording_is_replayed_as_a_queued_run_of_a_version_or_the_draft(system: System) -> None:
    system.recordings.put(recording())
    for body, expected in (({"version": 1, "ignore": ["*.at"]}, ("hash1", ("*.at",))), ({}, ("hash1", ()))):
        answer = await system.send("POST", f"{RECORDINGS}/R1/replay", body)
        assert answer.status == 202
        assert answer.json["data"]["statusUrl"].endswith(f"/runs/{answer.json['data']['runId']}")
        spec = system.jobs.accepted[-1].run
        assert spec.replay is not None
        assert (spec.snapshot.snapshot_hash, spec.replay.ignore) == expected
        assert (spec.replay.run_id, spec.mode, spec.record) == ("R1@WS1", RunMode.ASYNC, None)
    assert (await system.send("POST", f"{RECORDINGS}/R1/replay", {"draft": True})).status == 202
    assert system.jobs.accepted[-1].run.snapshot.version is None
    assert system.audit.entries[-1].action == "recording.replayed"


async def test_a_replay_needs_the_write_scope(system: System) -> None:
    reader = await Visitor.with_role(system, Role.READ)
    assert (await reader.send("POST", f"{RECORDINGS}/R1/replay", {})).status == 403


@pytest.mark.parametrize("of", [{"workspace_id": "WS2"}, {"workflow_id": "other"}, None])
async def test_a_replay_of_a_missing_or_foreign_recording_is_not_found(
    system: System, of: dict[str, str] | None
) -> None:
    if of is not None:
        system.recordings.put(recording(**of))
    answer = await system.send("POST", f"{RECORDINGS}/R1/replay", {})
    assert (answer.status, answer.json["error"]["message"]) == (404, "Recording not found")
    assert (system.jobs.accepted, system.audit.entries) == ([], [])


async def test_a_replay_is_not_recorded_itself(system: System) -> None:
    system.recordings.put(recording())
    await system.send("PATCH", DEPLOY, {"recording": {"sample": 1, "days": 5}})
    await system.send("POST", f"{RECORDINGS}/R1/replay", {})
    assert system.jobs.accepted[-1].run.record is None
