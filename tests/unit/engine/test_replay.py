"""A replay names the first block that differs."""

from typing import Any

import pytest

from executor_service.engine.recorded_answers import CHANGED_INPUTS, OVER_BUDGET, UNRECORDED
from executor_service.engine.replay import NOT_BEFORE, NOT_RUN, judge
from shared.contracts.recordings import (
    CHANGED_OUTPUT,
    Difference,
    RecordedBlock,
    Recording,
    ReplayResult,
    ReplayVerdict,
)
from shared.contracts.runs import RunStatus
from shared.workflow.diff import values
from shared.workflow.diff.values import MAX_DIFFERENCES, MAX_PATH_CHARS, differences


def block(path: str, output: Any, **more: Any) -> RecordedBlock:
    name = path.rpartition("/")[2]
    return RecordedBlock(**{"path": path, "block_id": name, "block_name": name.title(), "output": output, **more})


RECORDED = (block("start", {}), block("a", {"n": 1, "at": "monday"}), block("b", {"text": "x"}))


def judged(*blocks: RecordedBlock, recording: tuple[RecordedBlock, ...] = RECORDED, **more: Any) -> ReplayResult:
    recorded = Recording(run_id="R1", workspace_id="ws", workflow_id="wf", output={"n": 1}, blocks=recording)
    return judge(recorded, blocks, **{"status": RunStatus.COMPLETED, "output": {"n": 1}, **more})


def test_equal_blocks_and_output_are_the_same() -> None:
    result = judged(*RECORDED)
    assert (result.verdict, result.first_difference, result.output) == (ReplayVerdict.SAME, None, ())


def test_the_first_block_that_differs_is_named_with_what_changed() -> None:
    start, _, b = RECORDED
    result = judged(start, block("a", {"n": 2, "at": "monday"}), block("b", {"text": "y"}), output={"n": 2})
    assert result.verdict is ReplayVerdict.DIFFERENT
    first = result.first_difference
    assert first is not None
    assert (first.block_id, first.reason, first.differences) == ("a", CHANGED_OUTPUT, (Difference("n", 1, 2),))
    assert result.output == (Difference("n", 1, 2),)
    assert b.path == "b"


def test_ignored_fields_may_differ_and_others_may_not() -> None:
    start, _, b = RECORDED
    changed = (start, block("a", {"n": 1, "at": "friday"}), b)
    assert judged(*changed).verdict is ReplayVerdict.DIFFERENT
    for ignore in ("A.at", "a.at", "*.at"):
        assert judged(*changed, ignore=[ignore]).verdict is ReplayVerdict.SAME
    assert judged(*changed, ignore=["B.at", "at"]).verdict is ReplayVerdict.DIFFERENT
    assert judged(*RECORDED, output={"n": 2}, ignore=["output.n"]).verdict is ReplayVerdict.SAME


def test_a_block_that_ran_only_once_is_a_difference() -> None:
    start, a, b = RECORDED
    missing = judged(start, a).first_difference
    assert missing is not None
    assert (missing.block_id, missing.reason) == ("b", NOT_RUN)
    added = judged(start, a, b, block("c", {})).first_difference
    assert added is not None
    assert (added.block_id, added.reason) == ("c", NOT_BEFORE)


@pytest.mark.parametrize("reason", [UNRECORDED, CHANGED_INPUTS])
def test_an_unrecorded_call_is_reported_even_if_the_run_handles_it(reason: str) -> None:
    start, _, b = RECORDED
    recording = (start, block("a", {"n": 1}, inputs={"prompt": "old"}), b)
    call = block("a", {"error": reason}, inputs={"prompt": "new"}, error=reason)
    result = judged(start, call, recording=recording)
    assert result.verdict is ReplayVerdict.UNRECORDED
    assert result.unrecorded_call is not None
    assert (result.unrecorded_call.block_id, result.unrecorded_call.reason) == ("a", reason)
    assert result.unrecorded_call.differences == (Difference("prompt", "old", "new"),)


def test_a_changed_block_before_an_unrecorded_call_is_the_first_difference() -> None:
    start, a, b = RECORDED
    call = block("b", {}, error=CHANGED_INPUTS)
    result = judged(start, block("a", {"n": 2, "at": "monday"}), call)
    assert result.first_difference is not None
    assert result.first_difference.block_id == a.block_id
    assert result.unrecorded_call is not None
    assert result.unrecorded_call.block_id == b.block_id


def test_a_failed_replay_has_a_reason() -> None:
    start, a, _ = RECORDED
    result = judged(start, a, block("b", {"error": "no"}, error="no"), status=RunStatus.FAILED, error="B: no")
    assert (result.verdict, result.error) == (ReplayVerdict.FAILED, "B: no")


def test_differences_are_structural_and_bounded() -> None:
    before: Any = {"a": [1, {"b": 1}], "gone": True, "same": "x"}
    after: Any = {"a": [1, {"b": 1.0}, 3], "same": "x", "new": None}
    assert differences(before, after) == (
        Difference("a.1.b", 1, 1.0),
        Difference("a.2", after=3),
        Difference("gone", before=True),
        Difference("new", after=None),
    )
    assert len(differences(list(range(1_000)), list(range(1, 1_001)))) == MAX_DIFFERENCES
    (long,) = differences("x" * 10_000, "y")
    assert len(long.before) < 1_000


def test_equal_values_are_not_matched_with_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_STEPS", 100)
    equal: dict[str, Any] = {f"field{number}": number for number in range(1_000)}
    assert differences(equal | {"at": 1}, equal | {"at": 2}, ignore=["field*", "at"]) == ()


def test_matching_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields beyond the bound are reported, although a pattern matches them."""
    monkeypatch.setattr(values, "MAX_STEPS", 100)
    before: dict[str, Any] = {f"field{number}": 1 for number in range(1_000)}
    found = differences(before, dict.fromkeys(before, 2), ignore=["field*"])
    assert 0 < len(found) <= MAX_DIFFERENCES
    assert found[0].path != "field0"


def test_a_path_is_ignored_up_to_a_length() -> None:
    key = "k" * MAX_PATH_CHARS
    assert differences({key: 1}, {key: 2}, ignore=["*"]) == ()
    assert len(differences({key + "k": 1}, {key + "k": 2}, ignore=["*"])) == 1


def test_a_measurement_reports_every_block_that_differs() -> None:
    changed = (RECORDED[0], block("a", {"n": 1, "at": "friday"}), block("b", {"text": "y"}), block("c", {}))
    assert judged(*changed).changed_blocks == ()
    found = judged(*changed, reports_all=True).changed_blocks
    assert [(each.block_id, each.reason) for each in found] == [
        ("a", CHANGED_OUTPUT),
        ("b", CHANGED_OUTPUT),
        ("c", NOT_BEFORE),
    ]


def test_a_call_beyond_the_budget_is_named() -> None:
    start, a, _ = RECORDED
    assert judged(start, a, block("b", {}, error=OVER_BUDGET)).over_budget
    assert not judged(*RECORDED).over_budget
