"""The first true branch is taken; later ones are not evaluated."""

import asyncio
import threading
from typing import Any

from tests.support.blocks.runs import INPUT, NullSink, echo, engine_of, failure, names, request
from tests.support.left_behind import without_collections
from tests.support.workflow_states import block, edge, workflow

from executor_service.blocks.condition import ConditionHandler
from executor_service.engine import Call, Execution, RunResult
from executor_service.sandbox import ConditionResult, Conditions, ErrorKind, ScriptError
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import Json, JsonObject


class Sandbox:
    """`true` is true, `fail` fails, everything else is false; a bound name is true if its value is."""

    def __init__(self) -> None:
        self.requests: list[Conditions] = []

    async def evaluate(self, conditions: Conditions) -> ConditionResult:
        self.requests.append(conditions)
        for index, expression in enumerate(conditions.expressions):
            if expression == "fail":
                return ConditionResult(
                    failed=index, error=ScriptError(kind=ErrorKind.THROWN, message="no", reason="no")
                )
            if expression == "true" or conditions.bindings.get(expression):
                return ConditionResult(matched=index)
        return ConditionResult()


ENVIRONMENT = {"LIMIT": "3", "NAME": "x", "NAN": "NaN", "INFINITE": "-Infinity"}


async def choose(
    *options: tuple[str, str], sandbox: Sandbox | None = None, body: Any = None, retry: JsonObject | None = None
) -> RunResult:
    """Run start → condition → a block for each option, `A`, `B` …"""
    entries: list[Json] = [
        {"id": f"o{index}", "title": title, "value": text} for index, (title, text) in enumerate(options)
    ]
    targets = [echo("ABC"[index], title) for index, (title, _) in enumerate(options)]
    edges = [edge("start", "c"), *(edge("c", "ABC"[index], f"condition-o{index}") for index in range(len(options)))]
    condition = {**block("c", "condition", "C", settings={"conditions": entries}), "retry": retry}
    document = workflow(INPUT, condition, *targets, edges=(*edges,))
    engine = engine_of({"condition": ConditionHandler(sandbox or Sandbox())})
    return await Execution(
        engine, compile_workflow(document), request(body or {}), environment=ENVIRONMENT, sink=NullSink()
    ).run()


def chosen(result: RunResult) -> str:
    return names(result)[-1]


async def test_the_first_true_expression_wins() -> None:
    assert chosen(await choose(("if", "false"), ("else if", "true"), ("else if", "true"))) == "B"


async def test_else_matches_when_it_is_reached_even_first() -> None:
    assert chosen(await choose(("if", "false"), ("Else ", ""))) == "B"
    assert chosen(await choose(("else", ""), ("if", "true"))) == "A"


async def test_a_condition_without_a_match_takes_no_branch_and_does_not_fail() -> None:
    result = await choose(("if", "false"))
    assert (chosen(result), result.output) == ("C", {})
    assert result.blocks[-1].output == {"conditionResult": False, "selectedPath": None, "selectedOption": None}


async def test_an_error_names_its_branch() -> None:
    result = await choose(("if", "false"), ("else if", "fail"), ("else", ""))
    assert failure(result) == 'C: Evaluation error in condition "else if": no'


async def test_an_invalid_reference_fails_only_if_it_is_evaluated() -> None:
    assert chosen(await choose(("if", "true"), ("else if", "<variable.nope>"))) == "A"
    result = await choose(("if", "false"), ("else if", "<variable.nope>"), ("else", ""))
    assert failure(result) == (
        'C: Evaluation error in condition "else if": Variable "nope" doesn\'t exist. Available: none'
    )


async def test_values_are_bound_and_environment_numbers_are_numbers() -> None:
    sandbox = Sandbox()
    await choose(
        ("if", "{{LIMIT}}"), ("else if", "{{NAME}}"), ("else if", "<start.input>"), sandbox=sandbox, body={"input": "t"}
    )
    assert list(sandbox.requests[0].bindings.values()) == [3, "x", "t"]


async def test_the_input_is_passed_on_with_the_choice() -> None:
    result = await choose(("if", "true"), body={"input": "x", "cost": 1})
    (condition,) = [log for log in result.blocks if log.block_name == "C"]
    assert condition.output == {
        "input": "x",
        "conditionResult": True,
        "selectedPath": {"blockId": "A", "blockType": "api", "blockTitle": "A"},
        "selectedOption": "o0",
    }


async def test_the_source_is_available_to_later_blocks() -> None:
    sandbox = Sandbox()
    await choose(("if", "context.input"), sandbox=sandbox, body={"input": "x"})
    await choose(("if", "true"), sandbox=sandbox, body={"input": "x"})
    assert [request.bindings.get("context") for request in sandbox.requests] == [{"input": "x"}, None]


async def test_unreadable_options_are_reported() -> None:
    document = workflow(
        INPUT, block("c", "condition", "C", settings={"conditions": "{not json"}), edges=(edge("start", "c"),)
    )
    engine = engine_of({"condition": ConditionHandler(Sandbox())})
    result = await Execution(engine, compile_workflow(document), request(), environment={}, sink=NullSink()).run()
    assert failure(result) == "C: Invalid conditions format: Expected property name or '}' in JSON at position 1"


async def test_a_bad_reference_is_not_retried() -> None:
    result = await choose(("if", "<variable.nope>"), retry={"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0})
    assert [log.tries for log in result.blocks if not log.success] == [None]


async def test_a_bad_reference_is_freed_without_a_garbage_collection() -> None:
    with without_collections() as remains:
        await choose(("if", "<variable.nope>"))
        await asyncio.sleep(0)
        assert remains.of(Call) == []


async def test_an_environment_value_that_is_a_number_only_in_python_is_text() -> None:
    sandbox = Sandbox()
    await choose(("if", "{{NAN}}"), ("else if", "{{INFINITE}}"), sandbox=sandbox)
    assert list(sandbox.requests[0].bindings.values()) == ["NaN", "-Infinity"]


async def test_a_value_that_several_ways_ask_for_is_sent_once() -> None:
    sandbox = Sandbox()
    ways = [("if", "<start.input> === 'a'"), ("else if", "<Start.input> === 'b'"), ("else if", "<start.more> > 1")]
    await choose(*ways, sandbox=sandbox, body={"input": "text", "more": 1})
    (request,) = sandbox.requests
    assert sorted(map(str, request.bindings.values())) == ["1", "text"]


async def test_each_way_that_fails_is_quoted_as_its_own_author_spelled_it() -> None:
    class Failing(Sandbox):
        async def evaluate(self, conditions: Conditions) -> ConditionResult:
            error = ScriptError(kind=ErrorKind.THROWN, message=conditions.expressions[1], reason="no")
            return ConditionResult(failed=1, error=error)

    result = await choose(("if", "<start.input> > 1"), ("else if", "<START.input> > 2"), sandbox=Failing())
    assert failure(result) == 'C: Evaluation error in condition "else if": <START.input> > 2'


async def test_large_code_with_an_unset_environment_value_is_compiled_outside_the_event_loop(
    compiling_threads: list[int],
) -> None:
    await choose(("if", "true || {{NONE}}" + 5_000 * " "), ("else", ""))
    assert len(compiling_threads) == 1
    assert compiling_threads[0] != threading.get_ident()
