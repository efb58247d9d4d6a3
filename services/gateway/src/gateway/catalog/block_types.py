"""`GET /api/block-types`: the block types for editors, whose forms come from this catalog."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from gateway.access.domain.credentials import Caller
from gateway.web.bodies import Data, Wire
from gateway.web.routes import AUTHORING, WorkspaceAccess, legacy_router
from shared.workflow.catalog import BlockSpec, Catalog, Category, SubBlockSpec
from shared.workflow.format.models import Block


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
