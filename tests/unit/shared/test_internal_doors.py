"""What one service answers another: what was asked for, or an error."""

from itertools import pairwise

import httpx2
import pytest
from fastapi import APIRouter
from pydantic import SecretStr

from shared.errors import Unavailable
from shared.service import ServiceName
from shared.web.app import create_app
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens


def client(transport: httpx2.AsyncBaseTransport) -> InternalClient:
    tokens = ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")})
    return InternalClient("http://service", caller=ServiceName.GATEWAY, tokens=tokens, timeout=1, transport=transport)


async def test_no_service_sends_another_somewhere_else() -> None:
    router = APIRouter()

    @router.get("/internal/things")
    async def things() -> dict[str, str]:
        return {}

    app = create_app("service", components=(), checks={}, routers=[router])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service") as caller:
        answers = [(await caller.get(f"/internal/things{end}")).status_code for end in ("", "/")]
    assert answers == [200, 404]


def test_a_token_is_changed_in_steps_whoever_starts_anew_first() -> None:
    for steps in pairwise(["old", "old,new", "new, old", "new"]):
        first, second = (ServiceTokens({ServiceName.GATEWAY: SecretStr(step)}) for step in steps)
        for caller, called in ((first, second), (second, first)):
            assert called.identify(caller.header(ServiceName.GATEWAY)) is ServiceName.GATEWAY


def test_an_empty_token_is_nobodys() -> None:
    for none in ("", ",", " , "):
        tokens = ServiceTokens({ServiceName.GATEWAY: SecretStr(none), ServiceName.JOBS: SecretStr("good")})
        assert [tokens.identify(f"Bearer {shown}") for shown in ("", ",", none)] == [None, None, None]


async def test_a_redirect_is_no_answer() -> None:
    elsewhere = httpx2.MockTransport(lambda request: httpx2.Response(307, headers={"location": "/internal/x"}))
    with pytest.raises(Unavailable, match="answered 307"):
        await client(elsewhere).call("GET", "/internal/x/", returns=dict)
