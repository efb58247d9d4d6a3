"""Calls to a service that restarts."""

import httpx2
import pytest
from pydantic import SecretStr

from shared.errors import Unavailable
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens


class Restarting:
    """Refuses so many connections, then answers."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.answered = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.refusals:
            self.refusals -= 1
            raise httpx2.ConnectError("connection refused")
        self.answered += 1
        return httpx2.Response(200, content=b"{}")


class Breaking:
    """Takes the request, and is never heard of again."""

    asked = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        raise httpx2.ReadError("connection reset")


def client(answer: Restarting | Breaking, *, patience: float) -> InternalClient:
    return InternalClient(
        "http://jobs-service",
        caller=ServiceName.GATEWAY,
        tokens=ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")}),
        timeout=1,
        patience=patience,
        transport=httpx2.MockTransport(answer),
    )


async def test_a_refused_connection_is_tried_again() -> None:
    service = Restarting(2)
    await client(service, patience=5).call("POST", "/internal/runs", body={})
    assert service.answered == 1


async def test_without_patience_a_refusal_is_final() -> None:
    service = Restarting(1)
    with pytest.raises(Unavailable):
        await client(service, patience=0).call("POST", "/internal/runs", body={})
    assert service.answered == 0


async def test_what_may_have_been_taken_is_not_sent_again() -> None:
    service = Breaking()
    with pytest.raises(Unavailable):
        await client(service, patience=5).call("POST", "/internal/runs", body={})
    assert service.asked == 1
