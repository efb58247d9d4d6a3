"""`GET /schemas/workflow.json`: the schema of workflow files, which editors load without a key."""

from functools import cache
from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from shared.workflow.catalog import Catalog
from shared.workflow.files.schema import SCHEMA_PATH, file_schema

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
