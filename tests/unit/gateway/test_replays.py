"""Replay sets: what a request replays, who may see results, and reports."""

from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from tests.support.gateway.replays import a_replay
from tests.support.gateway.system import System
from tests.support.gateway.visitor import Visitor

from gateway.access.models import Role
from shared.contracts.recordings import BlockDifference, Difference, ReplayResult, ReplayVerdict
from shared.contracts.replay_sets import (
    ModelBudget,
    ReplayedRun,
    ReplayedVerdict,
    ReplaySetStatus,
    ReplayThresholds,
)

REPLAYS = "/api/v2/workflows/W/replays"
CHANGED = ReplayResult(
    replay_of="R2",
    verdict=ReplayVerdict.DIFFERENT,
    first_difference=BlockDifference(
        path="a", block_id="a", block_name="Ask", reason="The output differs", differences=(Difference("n", 1, "<2>"),)
    ),
    duration_ms=12.0,
)
RUNS = (
    ReplayedRun(run_id="R1", verdict=ReplayedVerdict.SAME),
    ReplayedRun(run_id="R2", verdict=ReplayedVerdict.DIFFERENT, result=CHANGED),
    ReplayedRun(run_id="R3", verdict=ReplayedVerdict.FAILED, reason="no worker"),
    ReplayedRun(run_id="R4", verdict=ReplayedVerdict.SKIPPED, reason="The recording was deleted"),
)


async def test_a_replay_has_a_target_thresholds_and_a_budget(system: System) -> None:
    body = {"version": 1, "last": 5, "ignore": ["*.at"], "maxDifferent": 2, "suggestIgnore": False}
    live = {"models": {"mode": "live", "maxDollars": 2, "maxCalls": 30}}
    answer = await system.send("POST", REPLAYS, {**body, **live})
    assert answer.status == 202
    shown = answer.json["data"]
    assert shown["target"] == {"version": 1, "draft": False, "contentHash": "hash1"}
    assert (shown["status"], shown["total"], shown["done"], shown["suggestedIgnore"]) == ("running", 2, 0, None)
    assert shown["models"] == {"mode": "live", "maxDollars": 2.0, "maxCalls": 30, "calls": 0}
    (request,) = system.replays.requests
    assert (request.last, request.ignore, request.suggest_ignore) == (5, ("*.at",), False)
    assert (request.thresholds, request.budget) == (ReplayThresholds(max_different=2), ModelBudget(2.0, 30))
    assert request.run.record is None
    assert system.audit.entries[-1].action == "replay.created"


async def test_a_replay_of_the_draft_replays_a_snapshot_of_it(system: System) -> None:
    answer = await system.send("POST", REPLAYS, {"draft": True, "runIds": ["R1"]})
    assert answer.json["data"]["target"] == {"version": None, "draft": True, "contentHash": "draft1"}
    assert system.replays.requests[0].run_ids == ("R1@WS1",)


@pytest.mark.parametrize(
    "body",
    [
        {"version": 1, "draft": True},
        {"last": 0},
        {"last": 1001},
        {"runIds": []},
        {"maxFailed": -1},
        {"models": {"mode": "live"}},
        {"models": {"mode": "live", "maxDollars": 1}},
    ],
)
async def test_an_invalid_request_is_refused(system: System, body: Any) -> None:
    assert (await system.send("POST", REPLAYS, body)).status == 400
    assert system.replays.requests == []


async def test_an_idempotency_key_names_the_replay(system: System) -> None:
    headers = {"idempotency-key": "build-7"}
    first = await system.send("POST", REPLAYS, {}, headers=headers)
    again = await system.send("POST", REPLAYS, {}, headers=headers)
    other = await system.send("POST", REPLAYS, {})
    assert first.json["data"]["id"] == again.json["data"]["id"] != other.json["data"]["id"]
    one, two, _ = system.replays.requests
    assert one.fingerprint == two.fingerprint


async def test_replays_are_listed_shown_and_canceled(system: System) -> None:
    system.replays.put(a_replay("S1"))
    system.replays.put(a_replay("S2", status=ReplaySetStatus.RUNNING))
    system.replays.put(a_replay("S3", workspace_id="WS2"))
    assert [each["id"] for each in (await system.get(REPLAYS)).json["data"]] == ["S2", "S1"]
    shown = (await system.get(f"{REPLAYS}/S1")).json["data"]
    assert (shown["done"], shown["suggestedIgnore"]) == (4, ["Ask.at"])
    assert shown["counts"] == {"same": 1, "different": 1, "unrecorded": 0, "failed": 1, "skipped": 1}
    assert (await system.send("POST", f"{REPLAYS}/S2/cancel")).json["data"]["status"] == "canceled"
    assert (await system.get(f"{REPLAYS}/S3")).status == 404


async def test_results_name_the_block_and_reading_them_is_audited(system: System) -> None:
    system.replays.put(a_replay(), *RUNS)
    (row,) = (await system.get(f"{REPLAYS}/S1/results?verdict=different")).json["data"]
    assert (row["runId"], row["reason"], row["firstDifference"]["blockName"]) == ("R2", "The output differs", "Ask")
    assert row["firstDifference"]["differences"] == [{"path": "n", "before": 1, "after": "<2>"}]
    entry = system.audit.entries[-1]
    assert (entry.action, entry.target_id) == ("replay.read", "S1")
    first = (await system.get(f"{REPLAYS}/S1/results?limit=3")).json
    rest = (await system.get(f"{REPLAYS}/S1/results?limit=3&cursor={first['nextCursor']}")).json
    assert [each["runId"] for each in (*first["data"], *rest["data"])] == ["R1", "R2", "R3", "R4"]


async def test_reading_results_from_a_chosen_cursor_is_audited_and_a_report_once(system: System) -> None:
    system.replays.put(a_replay(), *RUNS)
    known = len(system.audit.entries)
    assert (await system.get(f"{REPLAYS}/S1/results?cursor=0")).status == 200
    assert [entry.action for entry in system.audit.entries[known:]] == ["replay.read"]
    assert (await system.get(f"{REPLAYS}/S1/report")).status == 200
    assert [entry.action for entry in system.audit.entries[known:]] == ["replay.read"] * 2


async def test_a_report_has_every_result_as_json_or_junit(system: System) -> None:
    system.replays.put(a_replay(), *RUNS)
    report = (await system.get(f"{REPLAYS}/S1/report")).json["data"]
    assert (report["replay"]["id"], len(report["runs"])) == ("S1", 4)
    answer = await system.get(f"{REPLAYS}/S1/report?format=junit")
    assert answer.headers["content-type"].startswith("application/xml")
    suite = Xml.fromstring(answer.body)
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "1", "1", "1"]
    case = suite[1]
    assert (case.get("name"), case.get("time")) == ("R2", "0.012")
    assert case[0].get("message") == "different: Ask: The output differs"
    assert case[0].text == "n: 1 -> '<2>'"


async def test_readers_of_a_workspace_see_no_replays(system: System) -> None:
    system.replays.put(a_replay(), *RUNS)
    reader = await Visitor.with_role(system, Role.READ)
    for path in (REPLAYS, f"{REPLAYS}/S1", f"{REPLAYS}/S1/results", f"{REPLAYS}/S1/report"):
        assert (await reader.send("GET", path)).status == 403
    assert (await reader.send("POST", REPLAYS, {})).status == 403
