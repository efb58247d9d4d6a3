"""A trace shows the nesting of spans."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shared.contracts.jobs import BlockLog
from shared.workflow.trace.spans import block_spans, run_span

BEGIN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def log(block_id: str, order: int, *, kind: str = "function", name: str | None = None, **more: Any) -> BlockLog:
    started = BEGIN + timedelta(milliseconds=10 * order)
    given = {"success": True, "started_at": started, "ended_at": started + timedelta(milliseconds=5), **more}
    return BlockLog(
        block_id=block_id,
        block_name=name or block_id,
        block_type=kind,
        duration_ms=5.0,
        execution_order=order,
        **given,
    )


def spans_of(*logs: BlockLog) -> list[Any]:
    """Return the spans of a run of these blocks."""
    return block_spans(logs, BEGIN)


def shape(spans: list[Any]) -> list[Any]:
    """Return the names with their children."""
    return [(span["name"], shape(span["children"])) if span.get("children") else span["name"] for span in spans]


def test_a_run_is_the_root_of_its_blocks() -> None:
    span: dict[str, Any] = run_span(
        [log("b", 2), log("a", 1, input={"x": 1}, output={"result": 2})], BEGIN, BEGIN + timedelta(seconds=1)
    )
    assert (span["id"], span["status"], span["duration"]) == ("workflow-execution", "success", 1000)
    first, second = span["children"]
    assert first == {
        "id": f"a-{round(BEGIN.timestamp() * 1000) + 10}",
        "name": "a",
        "type": "function",
        "duration": 5.0,
        "startTime": "2026-11-24T12:00:00.010Z",
        "endTime": "2026-11-24T12:00:00.015Z",
        "status": "success",
        "blockId": "a",
        "executionOrder": 1,
        "relativeStartMs": 10,
        "input": {"x": 1},
        "output": {"result": 2},
    }
    assert second["name"] == "b"


def test_only_a_failure_that_nothing_handled_fails_the_run() -> None:
    handled = log("a", 1, success=False, error="no", error_handled=True)
    assert run_span([handled], BEGIN, BEGIN)["status"] == "success"
    assert run_span([log("a", 1, success=False, error="no")], BEGIN, BEGIN)["status"] == "error"
    (span,) = spans_of(handled)
    assert (span["status"], span["errorHandled"], span["output"]) == ("error", True, {"error": "no"})


def test_a_run_that_was_lost_is_an_error_without_any_block_that_failed() -> None:
    assert run_span([], BEGIN, BEGIN, has_failed=True)["status"] == "error"


def test_iterations_are_gathered_under_their_container() -> None:
    rounds = [
        log("f", order, name=f"f (iteration {index})", loop_id="L", iteration_index=index)
        for order, index in ((2, 0), (3, 1))
    ]
    spans = spans_of(log("s", 1), *rounds, log("L", 4, kind="loop", name="Each"))
    assert shape(spans) == ["s", ("Each", [("Iteration 0", ["f"]), ("Iteration 1", ["f"])])]
    loop = spans[1]
    assert (loop["id"], loop["type"]) == ("loop-execution-L", "loop")
    first = loop["children"][0]
    assert (first["id"], first["type"]) == ("L-iteration-0", "loop-iteration")


def test_a_container_has_the_reason_of_its_failure_or_end() -> None:
    wrong = {"condition": "conut < 3", "problem": "conut is not defined"}
    failed, ended = spans_of(
        log("P", 1, kind="parallel", name="Par", success=False, error="no list"),
        log("L", 2, kind="loop", name="Each", input=wrong),
    )
    assert (failed["status"], failed["output"]) == ("error", {"error": "no list"})
    assert (ended["status"], ended["input"]) == ("success", wrong)


def test_spans_of_the_same_millisecond_keep_their_order_of_execution() -> None:
    at_once: dict[str, Any] = {"started_at": BEGIN, "ended_at": BEGIN}
    within: dict[str, Any] = {"loop_id": "L", "iteration_index": 0, **at_once}
    spans = spans_of(
        log("s", 1, **at_once),
        log("empty", 2, kind="loop", name="Empty", **at_once),
        log("f", 3, name="f (iteration 0)", **within),
        log("z", 4, **at_once),
        log("L", 5, kind="loop", name="Each", **at_once),
    )
    assert shape(spans) == ["s", "Empty", ("Each", [("Iteration 0", ["f"])]), "z"]


def test_containers_lie_within_containers() -> None:
    around = ({"iterationCurrent": 1, "iterationType": "loop", "iterationContainerId": "L"},)
    inner = log("f₍0₎", 2, name="f (iteration 0)", parallel_id="P", iteration_index=0, parent_iterations=around)
    parallel = log("P", 3, kind="parallel", name="Par", loop_id="L", iteration_index=1)
    spans = spans_of(inner, parallel, log("L", 4, kind="loop", name="Each"))
    assert shape(spans) == [("Each", [("Iteration 1", [("Par", [("Iteration 0", ["f"])])])])]


def test_a_container_that_was_never_left_is_shown_with_what_ran_in_it() -> None:
    failed = log("f", 2, name="f (iteration 0)", loop_id="L", iteration_index=0, success=False, error="no")
    (span,) = spans_of(failed)
    assert (span["name"], span["status"]) == ("Loop 1", "error")


def test_a_container_that_was_left_elsewhere_has_its_name_where_it_was_not() -> None:
    def within(branch: int) -> dict[str, Any]:
        around = {"iterationCurrent": branch, "iterationType": "parallel", "iterationContainerId": "P"}
        return {"loop_id": "L", "iteration_index": 0, "parent_iterations": (around,)}

    left = log("L", 3, kind="loop", name="Each", parallel_id="P", iteration_index=0)
    spans = spans_of(log("f", 1, **within(0)), log("f", 2, **within(1)), left)
    each = [("Each", [("Iteration 0", ["f"])])]
    assert shape(spans) == [("Parallel 1", [("Iteration 0", each), ("Iteration 1", each)])]


def test_turns_and_tool_calls_lie_below_their_agent() -> None:
    at = round(BEGIN.timestamp() * 1000)
    segments = [
        {"type": "model", "name": "m", "startTime": at, "endTime": at + 5, "duration": 5, "finishReason": "tool_calls"},
        {"type": "tool", "name": "custom_add", "startTime": at, "endTime": at, "duration": 0, "toolCallId": "c1"},
        {"type": "model", "name": "m", "startTime": at, "endTime": at, "duration": 0, "finishReason": "stop"},
    ]
    output = {
        "content": "3",
        "model": "m",
        "tokens": {"total": 3},
        "cost": {"total": 0},
        "toolCalls": {"list": [{"name": "add", "arguments": {"a": 1}, "result": 3, "success": True}]},
        "providerTiming": {"duration": 5, "startTime": "s", "endTime": "e", "timeSegments": segments},
    }
    (span,) = spans_of(log("a", 1, kind="agent", output=output))
    assert (span["model"], span["tokens"]) == ("m", {"total": 3})
    turn, tool, answer = span["children"]
    assert (turn["type"], turn["finishReason"], turn["startTime"]) == (
        "model",
        "tool_calls",
        "2026-11-24T12:00:00.000Z",
    )
    assert (tool["name"], tool["input"], tool["output"], tool["toolCallId"]) == ("add", {"a": 1}, {"value": 3}, "c1")
    assert answer["output"] == {"content": "3"}
    assert tool["id"] == f"{span['id']}-segment-1"


def test_a_called_workflow_lies_below_the_block_that_called_it() -> None:
    called = tuple(msgspec.to_builtins(entry) for entry in (log("s", 1), log("d", 2)))
    output = {"success": True, "childWorkflowSnapshotId": "snap-1"}
    (span,) = spans_of(log("w", 1, kind="workflow_input", child_spans=called, output=output))
    assert shape([span]) == [("w", ["s", "d"])]
    assert (span["type"], span["childWorkflowSnapshotId"]) == ("workflow", "snap-1")
