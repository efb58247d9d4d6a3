"""One question to a model, one answer: shared by routers and evaluators."""

from dataclasses import dataclass, replace

from executor_service.blocks.agent import model_request
from executor_service.blocks.agent.usage import cost_json, tokens_json, usage_of
from executor_service.blocks.ports import ModelServer
from executor_service.engine import BlockFailure, BlockHandler, Call
from executor_service.providers import Message, ModelFailure, Role
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.response_format import ResponseFormat


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer with its facts."""

    text: str
    facts: JsonObject
    """`model`, `tokens` and `cost` for outputs."""


class ModelHandler(BlockHandler):
    """Base of block types that ask a model."""

    def __init__(self, models: ModelServer) -> None:
        self._models = models


async def query_model(
    models: ModelServer,
    call: Call,
    params: JsonObject,
    *,
    system: str,
    user: str,
    response_format: ResponseFormat | None = None,
    temperature: float,
) -> ModelAnswer:
    """Ask the block's model. Raises BlockFailure with the model's message."""
    request = replace(
        model_request(call, params),
        messages=(Message(role=Role.SYSTEM, content=system), Message(role=Role.USER, content=user)),
        response_format=response_format,
        temperature=temperature,
    )
    try:
        turn = await models.turn(request)
    except ModelFailure as failure:
        raise BlockFailure(failure.message) from failure
    call.spend(usage_of(request.model, turn.tokens, turn.cost))
    facts: JsonObject = {"model": request.model, "tokens": tokens_json(turn.tokens), "cost": cost_json(turn.cost)}
    return ModelAnswer(turn.content, facts)
