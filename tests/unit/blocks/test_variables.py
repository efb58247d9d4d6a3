"""Variables keep their type; values of another type are refused."""

from typing import Any

import pytest
from tests.support.blocks.runs import INPUT, echo, engine_of, failure, run
from tests.support.workflow_states import block, chain

from executor_service.blocks.variables import VariablesHandler
from executor_service.engine import RunResult
from shared.workflow.format.js_values import Json, JsonObject

VARIABLES: JsonObject = {
    "v1": {"id": "v1", "name": "count", "type": "number", "value": "5"},
    "v2": {"id": "v2", "name": "list", "type": "array", "value": "[1]"},
}


async def assign(*entries: dict[str, Any]) -> RunResult:
    document = chain(
        INPUT,
        block("set", "variables", "Set", settings={"variables": list(entries)}),
        echo("see", "<variable.count> <variable.list>"),
    )
    document["variables"] = VARIABLES
    return await run(document, engine_of({"variables": VariablesHandler()}), {"input": "9"})


def entry(name: str, value: Json, kind: str = "plain", variable_id: str = "") -> dict[str, Any]:
    return {"id": "x", "variableName": name, "variableId": variable_id, "type": kind, "value": value}


async def test_later_blocks_see_the_new_value_as_its_type() -> None:
    result = await assign(entry("count", "<start.input>", "number"), entry("list", '["a"]', "array"))
    assert result.output == {"data": '9 ["a"]'}
    assert result.blocks[1].output == {"count": 9, "list": ["a"]}


async def test_whitespace_around_a_name_is_ignored() -> None:
    result = await assign(entry(" count ", "7"), entry(" ", "8"))
    assert (result.output, result.blocks[1].output) == ({"data": "7 [1]"}, {"count": 7})


async def test_a_variable_is_meant_by_its_id_first() -> None:
    result = await assign(entry("renamed", "7", "number", "v1"))
    assert result.output == {"data": "7 [1]"}
    assert result.blocks[1].output == {"renamed": 7}, "as references to the block know it"


async def test_an_unknown_variable_is_only_in_the_output() -> None:
    result = await assign(entry("fresh", "hi", "string"))
    assert result.blocks[1].output == {"fresh": "hi"}
    assert result.output == {"data": "5 [1]"}


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        ("number", "abc", 'Invalid number value for variable "x": "abc". Expected a valid number.'),
        ("boolean", "maybe", 'Invalid boolean value for variable "x": "maybe". Expected a valid boolean.'),
        ("array", "{}", 'Invalid JSON value for variable "x": "{}". Expected a valid JSON array.'),
        ("object", "nope", 'Invalid JSON value for variable "x": "nope". Expected a valid JSON object.'),
    ],
)
async def test_a_value_of_another_type_is_refused(kind: str, value: str, complaint: str) -> None:
    assert failure(await assign(entry("x", value, kind))) == f"Set: Variables block execution failed: {complaint}"


async def test_empty_values_are_empty_of_their_type() -> None:
    result = await assign(entry("n", "", "number"), entry("b", None, "boolean"), entry("l", "", "array"))
    assert result.blocks[1].output == {"n": 0, "b": False, "l": []}


async def test_a_variable_may_refer_to_environment_values_and_an_assignment_may_not() -> None:
    see = "<variable.url> <variable.list> <variable.count>"
    settings: JsonObject = {"variables": [entry("url", "<start.input>", "string")]}
    document = chain(INPUT, echo("a", see), block("set", "variables", "Set", settings=settings), echo("b", see))
    document["variables"] = {
        "v1": {"id": "v1", "name": "url", "type": "string", "value": "https://{{HOST}}/"},
        "v2": {"id": "v2", "name": "list", "type": "array", "value": '["{{HOST}}", "{{NOBODY}}", 1]'},
        "v3": {"id": "v3", "name": "count", "type": "number", "value": "{{COUNT}}"},
    }
    environment = {"HOST": 'x"y', "COUNT": "5"}
    engine = engine_of({"variables": VariablesHandler()})
    result = await run(document, engine, {"input": "{{HOST}}"}, environment=environment)
    assert result.blocks[1].output == {"data": 'https://x"y/ ["x\\"y","{{NOBODY}}",1] 5'}
    assert result.output == {"data": '{{HOST}} ["x\\"y","{{NOBODY}}",1] 5'}
