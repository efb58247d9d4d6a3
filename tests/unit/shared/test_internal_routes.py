"""A service answers another with the requested resource or an error."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, Path, Query
from pydantic import SecretStr
from structlog.testing import capture_logs

from shared.errors import InvalidRequest, NotFound, Unavailable
from shared.service import ServiceName
from shared.web.app import create_app
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens, only


def client(transport: httpx2.AsyncBaseTransport) -> InternalClient:
    tokens = ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")})
    return InternalClient("http://service", caller=ServiceName.GATEWAY, tokens=tokens, timeout=30, transport=transport)


async def test_no_service_sends_another_somewhere_else() -> None:
    router = APIRouter()

    @router.get("/internal/things")
    async def things() -> dict[str, str]:
        return {}

    app = create_app("service", components=(), checks={}, routers=[router])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service") as caller:
        answers = [(await caller.get(f"/internal/things{end}")).status_code for end in ("", "/")]
    assert answers == [200, 404]


def test_a_token_is_rotated_in_steps_in_any_order_of_restarts() -> None:
    for steps in pairwise(["old", "old,new", "new, old", "new"]):
        first, second = (ServiceTokens({ServiceName.GATEWAY: SecretStr(step)}) for step in steps)
        for caller, called in ((first, second), (second, first)):
            assert called.identify(caller.header(ServiceName.GATEWAY)) is ServiceName.GATEWAY


@pytest.mark.parametrize("known", [{ServiceName.GATEWAY: "another"}, {ServiceName.DEPLOY: "s3cret"}])
async def test_a_rejected_service_token_is_reported_to_the_operator_and_not_as_the_callers_key(
    known: Mapping[ServiceName, str],
) -> None:
    """Otherwise callers of the gateway would receive 401 with a good key while tokens rotate."""
    tokens = ServiceTokens({name: SecretStr(token) for name, token in known.items()})
    router = APIRouter(dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/internal/things")
    async def make() -> None:
        """One resource."""

    app = create_app("service", components=(), checks={}, routers=[router])
    with capture_logs() as logs, pytest.raises(Unavailable, match="does not respond"):
        await client(httpx2.ASGITransport(app)).call("POST", "/internal/things", returns=dict)
    assert [(line["event"], line["log_level"]) for line in logs] == [("internal_token_rejected", "error")]


def test_an_empty_token_identifies_no_caller() -> None:
    for none in ("", ",", " , "):
        tokens = ServiceTokens({ServiceName.GATEWAY: SecretStr(none), ServiceName.JOBS: SecretStr("good")})
        assert [tokens.identify(f"Bearer {shown}") for shown in ("", ",", none)] == [None, None, None]


async def test_an_overlong_id_is_unknown() -> None:
    router = APIRouter()

    @router.get("/internal/things/{thing_id}")
    async def thing(thing_id: Annotated[str, Path(max_length=8)], limit: Annotated[int, Query(ge=1)] = 1) -> None:
        """One resource."""

    app = create_app("service", components=(), checks={}, routers=[router])
    caller = client(httpx2.ASGITransport(app))
    with pytest.raises(NotFound):
        await caller.call("GET", f"/internal/things/{'x' * 9}", returns=dict)
    with pytest.raises(InvalidRequest) as refused:
        await caller.call("GET", "/internal/things/x?limit=0", returns=dict)
    assert refused.value.details[0]["path"] == ["limit"]


async def test_a_redirect_is_refused() -> None:
    elsewhere = httpx2.MockTransport(lambda request: httpx2.Response(307, headers={"location": "/internal/x"}))
    with pytest.raises(Unavailable, match="returned status 307"):
        await client(elsewhere).call("GET", "/internal/x/", returns=dict)
