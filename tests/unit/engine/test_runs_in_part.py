"""A run can stop after a block, or start at one."""

from typing import Any

import pytest
from tests.support.engine.building import START, block, chain, document, names, ok, run

from executor_service.engine import Call, RunFrom
from shared.workflow.format.references import parse_text


async def test_a_run_can_stop_after_a_block() -> None:
    result = await run(ok, chain(block("a"), block("b"), block("c")), stop_after_block_id="b")
    assert result.output == {"result": "b"}
    assert names(result) == ["start", "a", "b"]


async def test_a_run_can_start_at_a_block_with_stored_outputs() -> None:
    seen: list[Any] = []

    def looks(call: Call) -> Any:
        seen.append(call.resolver.output_of("a"))
        return ok(call)

    result = await run(
        looks, chain(block("a"), block("b"), block("c")), run_from=RunFrom("b", {"a": {"result": "stored"}})
    )
    assert names(result) == ["b", "c"]
    assert seen[0] == {"result": "stored"}


@pytest.mark.parametrize(
    ("block_id", "message"), [("nobody", "Block not found: nobody"), ("c", "The block before this one has not run: b")]
)
async def test_a_run_cannot_start_where_no_block_ran_before(block_id: str, message: str) -> None:
    result = await run(ok, chain(block("a"), block("b"), block("c")), run_from=RunFrom(block_id, {}))
    assert result.outcome.error is not None
    assert result.outcome.error.message == message


@pytest.mark.parametrize(
    ("body", "seen"), [(None, {"n": "before"}), ({}, {"n": "before"}), ({"n": "now"}, {"n": "now"})]
)
async def test_a_run_from_its_start_has_the_input_that_was_sent_or_else_the_earlier_one(body: Any, seen: Any) -> None:
    outputs: list[Any] = []

    def looks(call: Call) -> dict[str, Any]:
        outputs.append(call.resolver.output_of("start"))
        return ok(call)

    result = await run(looks, chain(block("a")), input=body, run_from=RunFrom("start", {"start": {"n": "before"}}))
    assert names(result) == ["start", "a"]
    assert outputs == [seen]


async def test_unreachable_blocks_need_no_stored_output() -> None:
    blocks = [START, block("off", enabled=False), block("b")]
    workflow = document(blocks, [(source, "source", "b") for source in ("start", "off", "nobody")])
    result = await run(ok, workflow, run_from=RunFrom("b", {"start": {}}))
    assert names(result) == ["b"]


async def test_blocks_that_run_again_have_no_output_yet() -> None:
    outputs: list[Any] = []

    def chooses(call: Call) -> dict[str, Any]:
        if call.block.id == "z":
            outputs.extend(call.resolver.output_of(each) for each in ("a", "y", "n"))
        return {"selectedOption": "n"} if call.block.id == "c" else ok(call)

    options = [{"id": way, "title": "if", "value": "1"} for way in ("y", "n")]
    blocks = [START, block("a"), block("c", "condition", conditions=options), block("y"), block("n"), block("z")]
    ways = [("c", f"condition-{way}", way) for way in ("y", "n")]
    workflow = document(
        blocks, [("start", "source", "a"), ("a", "source", "c"), *ways, ("y", "source", "z"), ("n", "source", "z")]
    )
    before = {each: {"result": "before"} for each in ("start", "a", "c", "y", "z")}
    assert names(await run(chooses, workflow, run_from=RunFrom("c", before))) == ["c", "n", "z"]
    assert outputs == [{"result": "before"}, None, {"result": "n"}]


async def test_a_run_starts_with_the_variables_of_earlier_blocks() -> None:
    variables: list[Any] = []

    def looks(call: Call) -> dict[str, Any]:
        variables.append(dict(call.variables))
        return ok(call)

    workflow = chain(block("first", "variables"), block("then", "variables"), block("b"), block("anew", "variables"))
    workflow["variables"] = {
        key: {"id": key, "name": name, "type": "number", "value": "1"} for key, name in (("v", "count"), ("w", "other"))
    }
    before = {"first": {"count": 5, "other": 6}, "then": {"count": 7, "nobody": 8}, "anew": {"other": 9}}
    await run(looks, workflow, run_from=RunFrom("b", before))
    assert variables[0] == {"v": 7, "w": 6}


@pytest.mark.parametrize(
    ("written", "fails"),
    [
        ("<a.result.token>", True),
        ("<a.result>", True),
        ("<variable.token>", True),
        ("<a.result.user> <b.result>", False),
        ("<start.token>", False),
    ],
)
async def test_a_secret_that_no_log_stores_is_reported_missing_and_never_invented(written: str, fails: bool) -> None:
    def fills_in(call: Call) -> dict[str, Any]:
        return {"result": call.resolver.text(parse_text(written)) if call.block.id == "c" else "[REDACTED]"}

    workflow = chain(block("a"), block("set", "variables"), block("b"), block("c"))
    workflow["variables"] = {"v": {"id": "v", "name": "token", "type": "string", "value": ""}}
    before: dict[str, Any] = {
        "a": {"result": {"token": "[REDACTED]", "user": "Ada"}},
        "set": {"token": "Bearer [REDACTED]"},
    }
    result = await run(fills_in, workflow, run_from=RunFrom("b", before))
    message = result.outcome.error and result.outcome.error.message
    secret = f"{written} is masked in the log of the earlier run. Run the full workflow."
    assert message == (secret if fails else None)


async def test_a_run_from_its_start_makes_no_secret_of_the_earlier_input_up() -> None:
    before = {"start": {"login": {"password": "[REDACTED]"}}}
    result = await run(ok, chain(block("a")), run_from=RunFrom("start", before))
    assert result.outcome.error is not None
    assert (
        result.outcome.error.message == "The stored input of the earlier run has masked secrets. Send the input again."
    )
    assert names(await run(ok, chain(block("a")), input={"n": 1}, run_from=RunFrom("start", before))) == ["start", "a"]
