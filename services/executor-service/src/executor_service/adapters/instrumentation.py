"""Metrics and traces of models, scripts and blocks."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from executor_service.engine import BlockHandler
from executor_service.engine.handlers import BlockResult, Call, Inputs
from executor_service.engine.state import Output, Pause
from executor_service.metrics import MODEL_FAILURES, MODEL_SECONDS, TOKENS
from executor_service.providers import Listener, ModelFailure, ModelRequest, Models, Turn
from shared.observe.spans import SpanKind, span


class InstrumentedModels:
    """Implements ModelServer."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def provider_of(self, model: str) -> str:
        return self._models.provider_of(model)

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        provider, started = self.provider_of(request.model), time.perf_counter()
        name = f"model {provider}"
        with span(
            name, SpanKind.CLIENT, gen_ai__request__model=request.model, gen_ai__provider__name=provider
        ) as model_span:
            try:
                turn = await self._models.turn(request, listener)
            except ModelFailure:
                MODEL_FAILURES.labels(provider).inc()
                raise
            if model_span is not None:
                model_span.set_attribute("gen_ai.usage.input_tokens", turn.tokens.input)
                model_span.set_attribute("gen_ai.usage.output_tokens", turn.tokens.output)
        MODEL_SECONDS.labels(provider).observe(time.perf_counter() - started)
        TOKENS.labels(provider, "input").inc(turn.tokens.input)
        TOKENS.labels(provider, "output").inc(turn.tokens.output)
        return turn


class TracedHandler(BlockHandler):
    """Wraps a block type; each execution is a span."""

    def __init__(self, handler: BlockHandler) -> None:
        self._handler = handler

    def prepare(self, call: Call) -> Inputs:
        return self._handler.prepare(call)

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        block = call.block
        with span(f"block {block.type}", flowport__block__id=block.id, flowport__block__name=block.name):
            return await self._handler.run(call, inputs)

    def resume(self, pause: Pause, answer: dict[str, Any], at: datetime) -> Output:
        return self._handler.resume(pause, answer, at)

    @property
    def recovers(self) -> bool:
        return self._handler.recovers


def trace_handlers(handlers: Mapping[str, BlockHandler]) -> Mapping[str, BlockHandler]:
    """Wrap the block types so that each execution is a span."""
    return {name: TracedHandler(handler) for name, handler in handlers.items()}
