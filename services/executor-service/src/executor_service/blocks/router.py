"""Chooses the next block with a model: among described routes, or (older form) among connected blocks."""

from collections.abc import Sequence
from typing import Final

from executor_service.blocks.condition import path_to
from executor_service.blocks.model_query import ModelAnswer, ModelHandler, query_model
from executor_service.blocks.values import parse_answer, text_of
from executor_service.engine import BlockFailure, BlockResult, Call, Inputs
from shared.workflow.compile.blocks import CompiledBlock, Option
from shared.workflow.compile.graph import EdgeCondition
from shared.workflow.format.js_values import JsonObject, to_string
from shared.workflow.format.response_format import ResponseFormat

NO_MATCH: Final = "NO_MATCH"
TEMPERATURE: Final = 0.1
_FORMAT: Final = ResponseFormat(
    "router_response",
    {
        "type": "object",
        "properties": {"route": {"type": "string"}, "reasoning": {"type": "string"}},
        "required": ["route", "reasoning"],
        "additionalProperties": False,
    },
)


class RouterHandler(ModelHandler):
    """Routes with ids, titles and descriptions; the model gives the id and its reason."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Choose a route, and take it."""
        routes = call.block.options
        if call.block.options_problem is not None or not routes:
            raise BlockFailure(call.block.options_problem or "No routes defined for router")
        context = text_of(inputs.params.get("context"))
        answer = await query_model(
            self._models,
            call,
            inputs.params,
            system=_instructions(routes, [text_of(call.resolver.render(route.description)) for route in routes]),
            user=context,
            response_format=_FORMAT,
            temperature=TEMPERATURE,
        )
        route, reasoning = _chosen(answer, routes)
        target = call.target_of(EdgeCondition.ON_ROUTE, route)
        output: JsonObject = {
            "context": context,
            **answer.facts,
            "selectedRoute": route,
            "reasoning": reasoning,
            "selectedPath": None if target is None else path_to(target),
        }
        return BlockResult(output)


class LegacyRouterHandler(ModelHandler):
    """The model answers with the id of the next block."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Choose a block, and continue there."""
        targets = _targets(call)
        prompt = text_of(inputs.params.get("prompt"))
        answer = await query_model(
            self._models,
            call,
            inputs.params,
            system=_target_instructions(targets),
            user=prompt,
            temperature=TEMPERATURE,
        )
        wanted = answer.text.strip().lower()
        target = next((block for block in targets if block.id == wanted), None)
        if target is None:
            raise BlockFailure(f"Invalid routing decision: {wanted}")
        output: JsonObject = {
            "prompt": prompt,
            **answer.facts,
            "selectedPath": path_to(target),
            "selectedRoute": target.id,
        }
        return BlockResult(output)


def _chosen(answer: ModelAnswer, routes: Sequence[Option]) -> tuple[str, str]:
    decision = parse_answer(answer.text) or {}
    route, reasoning = to_string(decision.get("route") or ""), to_string(decision.get("reasoning") or "")
    if route == NO_MATCH:
        raise BlockFailure(f"Router could not determine a matching route: {reasoning or 'no reason given'}")
    ids = [option.id for option in routes]
    if route not in ids:
        raise BlockFailure(
            f"Router could not determine a valid route. LLM response: {answer.text} "
            f"Available route IDs: {', '.join(ids)}"
        )
    return route, reasoning


def _instructions(routes: Sequence[Option], descriptions: Sequence[str]) -> str:
    listed = "\n".join(
        f"- id: {route.id}\n  title: {route.title}\n  use it for: {description}"
        for route, description in zip(routes, descriptions, strict=True)
    )
    return (
        "You choose exactly one route for the user's message.\n"
        f"Routes:\n{listed}\n"
        'Answer with one JSON object {"route": "<id of the route>", "reasoning": "<one sentence>"} and nothing else. '
        f'If no route fits, the route is "{NO_MATCH}".'
    )


def _targets(call: Call) -> list[CompiledBlock]:
    return [
        call.workflow.blocks[call.body.nodes[edge.target].block_id]
        for edge in call.node.edges
        if edge.fires is EdgeCondition.ON_ROUTE
    ]


def _target_instructions(targets: Sequence[CompiledBlock]) -> str:
    listed = "\n".join(f"- {block.id}: {block.name} ({block.type})" for block in targets)
    return (
        f"You choose the block that handles the user's message next.\nBlocks:\n{listed}\n"
        "Answer with the id of one of these blocks and nothing else."
    )
