"""`GET /api/models`: language models by provider, for editors."""

from datetime import date
from functools import lru_cache
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from gateway.access.domain.credentials import Caller
from gateway.web.bodies import Data, Wire, raw_json
from gateway.web.routes import AUTHORING, WorkspaceAccess, legacy_router
from gateway.workflows.ports import ModelProviders
from shared.clock import Clock
from shared.web.struct_bodies import StructResponse
from shared.workflow.catalog.models import Model, ModelProvider, model_providers
from shared.workflow.format.model_names import FALLBACK

_ANSWERS = 4
"""Answers in memory: one, and those of rolling updates and of the day before."""


class Pricing(Wire):
    """Prices in US dollars for a million tokens."""

    input: float
    output: float


class ListedModel(Wire):
    """A model."""

    id: str = Field(description="Value of a block's `model`.")
    label: str
    context_window: int | None = Field(description="Limit on input tokens; null if unknown.")
    pricing: Pricing
    settings: list[str] = Field(description="Model-dependent settings of a block that the model takes.")


class Provider(Wire):
    """A provider and its models."""

    id: str
    label: str
    prefix: str = Field(description="Start of the names of models that are not listed; may be empty.")
    needs_key: bool
    is_configured: bool = Field(description="Whether the operator configured it: blocks then need no API key.")
    variables: list[str] = Field(description="Variables of executor-service that configure it.")
    settings: list[str] = Field(description="Model-dependent settings that its models take, if not listed.")
    models: list[ListedModel]


def models_router(access: WorkspaceAccess, providers: ModelProviders, clock: Clock) -> APIRouter:
    """Return the route, for callers with any read access."""
    router = legacy_router("Workflows", *AUTHORING)

    @router.get("/api/models", response_model=Data[list[Provider]], summary="List the language models by provider")
    async def models(_caller: Annotated[Caller, Depends(access.caller)]) -> Response:
        configured = await providers.configured_providers()
        return StructResponse(_answer(frozenset(configured.names), clock.now().date()))

    return router


@lru_cache(_ANSWERS)
def _answer(configured: frozenset[str], day: date) -> msgspec.Raw:
    return raw_json(Data(data=[_provider(each, configured, day) for each in model_providers()]))


def _provider(provider: ModelProvider, configured: frozenset[str], day: date) -> Provider:
    is_builtin = not provider.variables or provider.id == FALLBACK
    return Provider(
        id=provider.id,
        label=provider.label,
        prefix=provider.prefix,
        needs_key=provider.needs_key,
        is_configured=is_builtin or provider.id in configured,
        variables=list(provider.variables),
        settings=list(provider.settings),
        models=[_model(each, provider, day) for each in provider.models],
    )


def _model(model: Model, provider: ModelProvider, day: date) -> ListedModel:
    price = model.price_on(day)
    return ListedModel(
        id=model.id,
        label=model.label,
        context_window=model.context_window,
        pricing=Pricing(input=price.input, output=price.output),
        settings=list(provider.settings if model.settings is None else model.settings),
    )
