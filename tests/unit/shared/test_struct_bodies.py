"""An unreadable body is its sender's error, whatever is wrong with it."""

from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends
from starlette.responses import Response

from shared.web.app import create_app
from shared.web.struct_bodies import StructResponse, struct_body


async def answer(body: bytes) -> httpx2.Response:
    router = APIRouter()

    @router.post("/read")
    async def read(found: Annotated[dict[str, Any], Depends(struct_body(dict[str, Any]))]) -> Response:
        return StructResponse(found)

    app = create_app("test", components=(), checks={}, routers=[router])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.post("/read", content=body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": "\xff"}', b'{"a": ' + b"[" * 100_000], ids=range(5))
async def test_unreadable_bodies_are_refused(body: bytes) -> None:
    refused = await answer(body)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_REQUEST")


async def test_readable_bodies_are_accepted_unchanged() -> None:
    assert (await answer(b'{"a": 1}')).json() == {"a": 1}
