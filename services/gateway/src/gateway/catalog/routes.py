"""`GET /api/block-types`: the block types for editors, whose forms come from this catalog."""

import asyncio
from datetime import date
from functools import cache, lru_cache
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from gateway.access.credentials import Caller, Scope
from gateway.web.bodies import Data, RequestBody, Wire, json_of, raw_json
from gateway.web.routes import AUTHORING, Error, WorkspaceAccess, answers, described, legacy_router
from gateway.workflows.drafts import DraftService
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clock import Clock
from shared.contracts.deployments import SaveDraft
from shared.web.struct_bodies import StructResponse
from shared.workflow.catalog import BlockSpec, Catalog, Category, SubBlockSpec
from shared.workflow.catalog.models import Model, ModelProvider, model_providers
from shared.workflow.files.schema import SCHEMA_PATH, file_schema
from shared.workflow.format.model_names import FALLBACK
from shared.workflow.format.models import Block
from shared.workflow.transfer.conversions import with_api_start, with_replacements


class Condition(Wire):
    """Condition of a setting: another one's value is, or is not, among these."""

    field: str
    is_in: list[Any]
    negated: bool


class Setting(Wire):
    """Setting of a block type."""

    id: str
    title: str
    type: str = Field(description="The editor's control.")
    required: bool
    condition: Condition | None
    default: Any
    options: list[str]
    password: bool
    mode: Literal["basic", "advanced"]


class Output(Wire):
    name: str
    type: str
    description: str


class BlockType(Wire):
    """A block type."""

    type: str
    title: str
    category: Category
    description: str
    settings: list[Setting]
    outputs: list[Output] = Field(description="Outputs of a newly added block; some settings add outputs.")
    retryable: bool
    has_error_port: bool


def block_types_router(access: WorkspaceAccess, catalog: Catalog) -> APIRouter:
    """Return the catalog route, for callers with any read access."""
    router = legacy_router("Workflows", *AUTHORING, prefix="/api/block-types")

    @router.get("", summary="List block types")
    async def block_types(_caller: Annotated[Caller, Depends(access.caller)]) -> Data[list[BlockType]]:
        return Data(data=[_type(spec) for spec in catalog])

    return router


def _type(spec: BlockSpec) -> BlockType:
    outputs = spec.declared_outputs(Block(id="", type=spec.type, name=spec.title))
    return BlockType(
        type=spec.type,
        title=spec.title,
        category=spec.category,
        description=spec.description,
        settings=[_setting(each) for each in spec.sub_blocks],
        outputs=[
            Output(name=name, type=output.type, description=output.description) for name, output in outputs.items()
        ],
        retryable=spec.retryable,
        has_error_port=spec.has_error_port,
    )


def _setting(spec: SubBlockSpec) -> Setting:
    when = spec.condition
    return Setting(
        id=spec.id,
        title=spec.title,
        type=spec.type,
        required=spec.required,
        condition=Condition(field=when.field, is_in=list(when.is_in), negated=when.negated) if when else None,
        default=spec.default,
        options=list(spec.options),
        password=spec.password,
        mode=spec.mode,
    )


_HEADERS: Final = {"cache-control": "public, max-age=3600", "access-control-allow-origin": "*"}


def workflow_schema_router(catalog: Catalog) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @cache
    def document() -> bytes:
        return msgspec.json.encode(file_schema(catalog))

    @router.get(SCHEMA_PATH, include_in_schema=False)
    async def schema() -> Response:
        return Response(document(), media_type="application/schema+json", headers=_HEADERS)

    return router


class ConversionBody(RequestBody):
    """Conversions of the draft."""

    add_start: bool = Field(False, description="Turn a schedule or service trigger into a start for API calls.")
    replace: bool = Field(False, description="Turn blocks of other services into API blocks.")


class ReplacedBlock(Wire):
    """Block that became an API block."""

    name: str
    title: str
    secret: str = Field(description="Name of the secret to set.")


class Converted(Wire):
    """What changed in the draft."""

    start: str | None = Field(description="Name of the block that became the start; null without a change.")
    replaced: list[ReplacedBlock]


def conversions_router(access: WorkspaceAccess, authoring: HttpDeployClient, editing: DraftService) -> APIRouter:
    """Return the route, for editors."""
    router = legacy_router("Workflows", *AUTHORING, prefix="/api/workflows")
    Known = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.post(
        "/{workflow_id}/state/conversions",
        openapi_extra=described(ConversionBody),
        responses=answers(Error, 409),
        summary="Convert a trigger or blocks of the draft",
    )
    async def convert(
        caller: Known, workflow_id: str, body: Annotated[ConversionBody, Depends(json_of(ConversionBody))]
    ) -> Converted:
        caller.require(Scope.WRITE)
        draft = await authoring.draft(caller.workspace.id, workflow_id)
        state, start = draft.state, None
        if body.add_start:
            state, start = await asyncio.to_thread(with_api_start, state)
        state, replaced = await asyncio.to_thread(with_replacements, state) if body.replace else (state, [])
        if start is not None or replaced:
            await editing.save_draft(caller, workflow_id, SaveDraft(state=state, expected_revision=draft.revision))
        shown = [ReplacedBlock(name=each.name, title=each.title, secret=each.secret) for each in replaced]
        return Converted(start=start, replaced=shown)

    return router


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


def models_router(access: WorkspaceAccess, providers: HttpDeployClient, clock: Clock) -> APIRouter:
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
        models=[_listed_model(each, provider, day) for each in provider.models],
    )


def _listed_model(model: Model, provider: ModelProvider, day: date) -> ListedModel:
    price = model.price_on(day)
    return ListedModel(
        id=model.id,
        label=model.label,
        context_window=model.context_window,
        pricing=Pricing(input=price.input, output=price.output),
        settings=list(provider.settings if model.settings is None else model.settings),
    )
