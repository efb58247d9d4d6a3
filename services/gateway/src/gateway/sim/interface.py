"""`/api/workflows/{id}/…` for callers: code samples, OpenAPI, an API page."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.api_page import DOCS_PAGE
from gateway.runs.views import split_names
from gateway.web.bodies import Wire
from gateway.web.routes import WorkspaceAccess, legacy_router
from gateway.workflows.endpoints import Interfaces
from gateway.workflows.interface import BlockOutputs, workflow_openapi
from gateway.workflows.samples import Api, Language, Mode, Step, samples_of
from shared.web.struct_bodies import StructResponse
from shared.workflow.format.input_validation import InputValidation


class Selectable(Wire):
    """Selectable field."""

    path: str
    type: str
    selector: str = Field(description="Value for `selectedOutputs`.")


class SelectableBlock(Wire):
    """Block and its fields."""

    block_id: str
    block_name: str
    block_type: str
    outputs: list[Selectable]


class SampleCode(Wire):
    """Program that makes one call and prints the answer. It reads the key from SIM_API_KEY."""

    mode: Mode
    step: Step
    language: Language
    code: str


class Samples(Wire):
    """Content of an API tab."""

    workflow_id: str
    version: int
    is_public: bool
    masked_key: str
    example_input: dict[str, Any]
    selected_outputs: list[str] = Field(description="Outputs that the streaming samples select.")
    outputs: list[SelectableBlock]
    samples: list[SampleCode]


SOME_KEY: Final = "sk-sim-..."
Version = Annotated[int | None, Query(ge=1, le=2**31, description="Defaults to the live version.")]


def interface_router(access: WorkspaceAccess, interfaces: Interfaces, *, public_url: str) -> APIRouter:
    """Return routes with the access rules of the workflow."""
    router = legacy_router("Interface", 400, 401, 403, 404, 503, prefix="/api/workflows/{workflow_id}")

    @router.get("/samples", summary="Get code samples that call the workflow")
    async def samples(
        request: Request,
        workflow_id: str,
        version: Version = None,
        selected_outputs: Annotated[str | None, Query(alias="selectedOutputs", max_length=10_000)] = None,
        api: Annotated[Api, Query(description="API that the samples call.")] = Api.LEGACY,
    ) -> Samples:
        caller = await access.to_interface(request)
        published = await interfaces.of(workflow_id, version)
        interface, is_public = published.interface, published.endpoint.is_public
        usual = list(interface.default_selection())
        selection = usual if selected_outputs is None else split_names(selected_outputs)
        example, key = interface.example_input(), caller.key.display if caller.key else SOME_KEY
        written = samples_of(
            public_url,
            workflow_id,
            example,
            selected_outputs=selection,
            masked_key=key,
            is_public=is_public,
            api=api,
        )
        return Samples(
            workflow_id=workflow_id,
            version=published.version,
            is_public=is_public,
            masked_key=key,
            example_input=example,
            selected_outputs=selection,
            outputs=list(map(_selectable, interface.outputs)),
            samples=[SampleCode(mode=one.mode, step=one.step, language=one.language, code=one.code) for one in written],
        )

    @router.get("/openapi.json", response_model=dict[str, Any], summary="Get the workflow's OpenAPI document")
    async def openapi(request: Request, workflow_id: str, version: Version = None) -> Response:
        await access.to_interface(request)
        published = await interfaces.of(workflow_id, version)
        endpoint = published.endpoint
        document = workflow_openapi(
            published.interface,
            base_url=public_url,
            workflow_id=workflow_id,
            title=endpoint.name,
            description=published.description,
            version=published.version,
            is_live=published.version == endpoint.version,
            is_public=endpoint.is_public,
            is_strict=endpoint.input_validation == InputValidation.STRICT,
        )
        return StructResponse(document)

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return DOCS_PAGE.file("index.html")

    return router


def _selectable(block: BlockOutputs) -> SelectableBlock:
    return SelectableBlock(
        block_id=block.block_id,
        block_name=block.block_name,
        block_type=block.block_type,
        outputs=[
            Selectable(path=name, type=field.type, selector=f"{block.selector}.{name}")
            for name, field in block.fields.items()
        ],
    )
