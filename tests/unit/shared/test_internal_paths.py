"""Paths between services stay within their route."""

import httpx2
import pytest
from pydantic import SecretStr

from shared.clients.deploy.publications import HttpChatClient
from shared.clients.deploy.worker import WorkerDeployClient
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs.files import JobsFileStore
from shared.clients.jobs.payloads import PayloadStore
from shared.contracts.files import FileKey
from shared.contracts.payloads import Payload
from shared.errors import InvalidRequest, NotFound
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens
from shared.web.paths import path_of


def test_a_path_contains_each_part_and_omits_missing_ones() -> None:
    assert path_of("workflows", "a b?c#d%2e", "endpoint", limit=1, cursor=None, deployed_only=True) == (
        "/internal/workflows/a%20b%3Fc%23d%252e/endpoint?limit=1&deployed_only=true"
    )


@pytest.mark.parametrize("part", ["", ".", "..", "../environment/w1", "W/export"])
def test_an_id_that_would_leave_the_path_is_rejected(part: str) -> None:
    with pytest.raises(NotFound):
        path_of("workflows", part, "endpoint")


@pytest.mark.parametrize("part", ["...", "a.b", "-", "run:1@WS1"])
def test_other_dots_are_ordinary_characters(part: str) -> None:
    assert path_of("runs", part).count("/") == 3


async def test_no_service_is_called_with_such_an_id() -> None:
    paths = list[str]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        paths.append(str(request.url))
        return httpx2.Response(200)

    client = InternalClient(
        "http://service",
        caller=ServiceName.GATEWAY,
        tokens=ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")}),
        timeout=30,
        transport=httpx2.MockTransport(answer),
    )
    calls = (
        HttpDeployClient(client).endpoint(".."),
        WorkerDeployClient(client).endpoint("w1", ".."),
        JobsFileStore(client).get(FileKey("w1", "f1", "r1", "..", "a.txt")),
        PayloadStore(client).get("w1", Payload(blob_id="file_../../w2/blob")),
    )
    for call in calls:
        with pytest.raises(NotFound):
            await call
    with pytest.raises(InvalidRequest):
        await HttpChatClient(client).at("..")
    assert paths == []
