"""A model chooses the route: by a route's id, or (older form) by the id of the next block."""

import json
from typing import Any

import pytest
from tests.support.blocks.runs import INPUT, Models, echo, engine_of, failure, names, run
from tests.support.workflow_states import block, edge, workflow

from executor_service.blocks.router import LegacyRouterHandler, RouterHandler
from executor_service.engine import RunResult
from executor_service.providers import ModelFailure, Role
from shared.workflow.format.js_values import Json, JsonObject

ROUTES: list[Any] = [
    {"id": "rt-sales", "title": "Sales", "value": "Wants to buy"},
    {"id": "rt-help", "title": "Help", "value": "Has a problem"},
]


def decision(route: str, reasoning: str = "because") -> str:
    return json.dumps({"route": route, "reasoning": reasoning})


def router(routes: Json = None) -> JsonObject:
    """Return a router between these routes."""
    settings: JsonObject = {
        "context": "<start.input>",
        "routes": ROUTES if routes is None else routes,
        "model": "vllm/test",
    }
    return block("r", "router_v2", "Router", settings=settings)


def routed(routes: Json = None) -> JsonObject:
    """Return a router before a sales and a help block, with one more behind its error edge."""
    return workflow(
        INPUT,
        router(routes),
        echo("sales", "sold"),
        echo("help", "helped"),
        echo("lost", "<router.error>"),
        edges=(
            edge("start", "r"),
            edge("r", "sales", "router-rt-sales"),
            edge("r", "help", "router-rt-help"),
            edge("r", "lost", "error"),
        ),
    )


async def choose(answer: str, document: JsonObject | None = None) -> RunResult:
    engine = engine_of({"router_v2": RouterHandler(Models(answer))})
    return await run(document or routed(), engine, {"input": "my screen is black"})


async def test_only_the_route_that_the_model_chose_is_taken() -> None:
    result = await choose(decision("rt-help"))
    assert names(result) == ["Start", "Router", "help"]
    assert result.output == {"data": "helped"}


async def test_the_output_has_the_route_the_reason_and_the_target() -> None:
    result = await choose(decision("rt-help", "a broken screen"))
    assert result.blocks[1].output == {
        "context": "my screen is black",
        "model": "vllm/test",
        "tokens": {"input": 10, "output": 5, "total": 15},
        "cost": {"input": 0, "output": 0, "total": 0},
        "selectedRoute": "rt-help",
        "reasoning": "a broken screen",
        "selectedPath": {"blockId": "help", "blockType": "api", "blockTitle": "help"},
    }
    assert result.usage.input_tokens == 10


async def test_the_model_gets_every_route_and_a_json_schema() -> None:
    models = Models(decision("rt-help"))
    await run(routed(), engine_of({"router_v2": RouterHandler(models)}), {"input": "my screen is black"})
    system, user = models.prompts
    assert all(text in system for route in ROUTES for text in route.values())
    assert user == "my screen is black"
    (request,) = models.requests
    assert [message.role for message in request.messages] == [Role.SYSTEM, Role.USER]
    assert request.temperature == 0.1
    assert request.response_format is not None


async def test_an_answer_in_a_code_fence_is_understood() -> None:
    assert names(await choose(f"```json\n{decision('rt-sales')}\n```"))[-1] == "sales"


async def test_routes_stored_as_text_are_read() -> None:
    assert names(await choose(decision("rt-sales"), routed(json.dumps(ROUTES))))[-1] == "sales"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (decision("NO_MATCH", "unclear"), "Router could not determine a matching route: unclear"),
        (
            decision("rt-nowhere"),
            "Router could not determine a valid route. LLM response: "
            f"{decision('rt-nowhere')} Available route IDs: rt-sales, rt-help",
        ),
        (
            "Help, I think.",
            "Router could not determine a valid route. LLM response: "
            "Help, I think. Available route IDs: rt-sales, rt-help",
        ),
    ],
)
async def test_an_answer_that_names_no_route_takes_the_error_edge(answer: str, reason: str) -> None:
    assert (await choose(answer)).output == {"data": reason}


async def test_a_router_without_routes_fails() -> None:
    result = await choose(decision("rt-help"), routed([]))
    assert result.output == {"data": "No routes defined for router"}


async def test_an_unconnected_route_ends_the_run_without_an_output() -> None:
    routes = [*ROUTES, {"id": "rt-spam", "title": "Spam", "value": "Advertising"}]
    result = await choose(decision("rt-spam"), routed(routes))
    assert names(result) == ["Start", "Router"]
    assert result.output == {}
    assert result.outcome.error is None


async def test_a_provider_failure_is_passed_on() -> None:
    models = Models(ModelFailure("model exploded"))
    document = workflow(INPUT, router(), edges=(edge("start", "r"),))
    result = await run(document, engine_of({"router_v2": RouterHandler(models)}), {"input": "x"})
    assert failure(result) == "Router: model exploded"


async def test_the_cost_of_a_useless_answer_counts() -> None:
    assert (await choose("Help, I think.")).usage.input_tokens == 10


def older(answer: str) -> tuple[JsonObject, LegacyRouterHandler]:
    document = workflow(
        INPUT,
        block("r", "router", "Router", settings={"prompt": "<start.input>", "model": "vllm/test"}),
        echo("aa", "A"),
        echo("bb", "B", "The other"),
        edges=(edge("start", "r"), edge("r", "aa"), edge("r", "bb")),
    )
    return document, LegacyRouterHandler(Models(answer))


@pytest.mark.parametrize("answer", ["bb", " BB\n"])
async def test_the_older_form_routes_to_the_block_that_the_model_names(answer: str) -> None:
    document, handler = older(answer)
    result = await run(document, engine_of({"router": handler}), {"input": "x"})
    assert names(result) == ["Start", "Router", "The other"]
    assert result.blocks[1].output == {
        "prompt": "x",
        "model": "vllm/test",
        "tokens": {"input": 10, "output": 5, "total": 15},
        "cost": {"input": 0, "output": 0, "total": 0},
        "selectedPath": {"blockId": "bb", "blockType": "api", "blockTitle": "The other"},
        "selectedRoute": "bb",
    }


async def test_the_older_form_refuses_any_other_answer() -> None:
    document, handler = older("the second one")
    result = await run(document, engine_of({"router": handler}), {"input": "x"})
    assert failure(result) == "Router: Invalid routing decision: the second one"


async def test_references_in_descriptions_of_routes_are_filled_in() -> None:
    models = Models(decision("rt-help"))
    routes: Json = [ROUTES[0], {**ROUTES[1], "value": "Says <start.input>"}]
    await run(routed(routes), engine_of({"router_v2": RouterHandler(models)}), {"input": "my screen is black"})
    assert "Says my screen is black" in models.prompts[0]


async def test_every_requested_answer_counts() -> None:
    patient: JsonObject = {**router(), "retry": {"enabled": True, "waitBetweenTriesMs": 0}}
    document = workflow(INPUT, patient, edges=(edge("start", "r"),))
    models = Models("Help, I think.", decision("rt-help"))
    result = await run(document, engine_of({"router_v2": RouterHandler(models)}), {"input": "x"})
    assert result.usage.input_tokens == 20
