"""A block's own vLLM server is called like every address of a workflow, and never receives the operator's key."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.certificates import Authority
from tests.support.http_stub import Answer, HttpStub
from tests.support.listener import RecordingListener
from tests.support.model_server import ModelServer, Reply
from tests.support.outbound import FakeResolver
from tests.support.raw_http import Received, answer, raw_server, saying

from executor_service.providers import Message, ModelFailure, ModelRequest, Models, ProviderSettings, Role
from executor_service.providers.http import COMPRESSED
from shared.net import BlockedAddress, OutboundClient, OutboundLimits
from shared.net.urls import NOT_HTTPS

OPERATORS = ProviderSettings(vllm_base_url="http://127.0.0.1:1", vllm_api_key="operators-key")


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    """Settings of an operator that lets workflows call the machine itself."""
    found = Models(OPERATORS, OutboundClient(["localhost"], limits=OutboundLimits(response_bytes=20_000)))
    yield found
    await found.stop()


def asks(model: str, endpoint: str, **credentials: str) -> ModelRequest:
    given = {"azureEndpoint": endpoint, **credentials}
    return ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),), credentials=given)


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_the_server_that_a_block_names_is_called(server: ModelServer, models: Models, suffix: str) -> None:
    assert (await models.turn(asks("vllm/own", f"{server.url}{suffix}"))).content == "Hi"
    assert server.calls_of("own")[-1].headers["authorization"] == "Bearer empty"


async def test_its_answer_is_streamed(server: ModelServer, models: Models) -> None:
    server.answer("own-stream", Reply.says("One two three"))
    listener = RecordingListener()
    await models.turn(asks("vllm/own-stream", server.url, apiKey="mine"), listener)
    assert listener.chunks == ["One ", "two ", "three"]
    assert server.calls_of("own-stream")[0].headers["authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("http://127.0.0.1:9", NOT_HTTPS),
        ("https://127.0.0.1:9", "url cannot point to private IP addresses"),
        ("https://localhost", "url cannot point to private IP addresses"),
        ("https://0x7f000001", "url cannot point to private IP addresses"),
        ("https://[::ffff:10.0.0.1]", "url cannot point to private IP addresses"),
        ("https://169.254.169.254/latest", "url cannot point to private IP addresses"),
        ("http://8.8.8.8:8000", NOT_HTTPS),
        ("https://8.8.8.8:22", "url uses a blocked port"),
        ("file:///etc/passwd", NOT_HTTPS),
        ("not a url", "url must be a valid URL"),
    ],
)
async def test_addresses_closed_to_workflows_are_closed_to_models(endpoint: str, message: str) -> None:
    models = Models(OPERATORS)
    with pytest.raises(ModelFailure) as failure:
        await models.turn(asks("vllm/x", endpoint))
    assert failure.value.message == message
    await models.stop()


async def test_a_name_that_resolves_to_an_internal_address_is_refused() -> None:
    models = Models(OPERATORS, OutboundClient(resolver=FakeResolver(inner_example=[["10.0.0.7"]])))
    with pytest.raises(ModelFailure, match="url cannot point to private IP addresses"):
        await models.turn(asks("vllm/x", "https://inner.example"))
    await models.stop()


async def test_names_are_resolved_within_the_quota_of_the_blocks_workspace() -> None:
    resolver = FakeResolver(inner_example=[["10.0.0.7"]])
    models = Models(OPERATORS, OutboundClient(resolver=resolver))
    for workspace_id in ("w1", "w2"):
        with pytest.raises(ModelFailure):
            await models.turn(replace(asks("vllm/x", "https://inner.example"), workspace_id=workspace_id))
    await models.stop()
    assert resolver.askers == ["w1", "w2"]


async def test_the_trusted_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    models = Models(OPERATORS, OutboundClient(resolver=FakeResolver()))
    read = 0
    load = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        nonlocal read
        read += 1
        load(self, *args, **kwargs)

    def counted_defaults(self: ssl.SSLContext, *_: object) -> None:
        nonlocal read
        read += 1

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", counted_defaults)
    for number in range(3):
        with pytest.raises(ModelFailure):
            await models.turn(asks("vllm/x", f"https://server{number}.example"))
    await models.stop()
    assert read == 1


@pytest.fixture
async def stub() -> AsyncIterator[HttpStub]:
    async with HttpStub() as running:
        yield running


def whole(text: str) -> str:
    return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(302, headers={"location": "http://127.0.0.1:1/v1"}), "302"),
        (Answer(302, headers={"location": "http://169.254.169.254/"}), "302"),
        (Answer(body=whole("x" * 100_000)), "Response is too large"),
        (Answer(body=whole("x"), headers={"content-encoding": "gzip"}), COMPRESSED),
    ],
)
async def test_a_hostile_server_cannot_harm_the_worker(
    stub: HttpStub, models: Models, answer: Answer, message: str
) -> None:
    stub.answer(answer)
    with pytest.raises(ModelFailure, match=message):
        await models.turn(asks("vllm/x", f"http://127.0.0.1:{stub.port}"))
    assert len(stub.requests) == 1


async def test_the_client_of_one_server_reaches_no_other(stub: HttpStub) -> None:
    network = OutboundClient(["localhost"]).network_to(f"http://127.0.0.1:{stub.port}/v1", "w1")
    for host, port in (("127.0.0.2", stub.port), ("127.0.0.1", 1), ("example.com", 443)):
        with pytest.raises(BlockedAddress, match="to another server"):
            await network.connect_tcp(host, port)


async def test_a_flood_is_cut_off_while_it_streams(stub: HttpStub, models: Models) -> None:
    event: dict[str, Any] = {"choices": [{"delta": {"content": "x" * 1000}}]}
    stub.answer(Answer(body=f"data: {json.dumps(event)}\n\n" * 100, headers={"content-type": "text/event-stream"}))
    with pytest.raises(ModelFailure, match="Response is too large"):
        await models.turn(asks("vllm/x", f"http://127.0.0.1:{stub.port}"), RecordingListener())


async def test_the_number_of_concurrent_calls_is_unlimited(models: Models) -> None:
    many, all_asked = 40, asyncio.Event()

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        if len(own.requests) == many:
            all_asked.set()
        await all_asked.wait()
        writer.write(answer(body=whole("x").encode()))

    async with raw_server(speak) as own:
        asking = [models.turn(asks("vllm/x", own.url)) for _ in range(many)]
        turns = await asyncio.wait_for(asyncio.gather(*asking), 30)
    assert {turn.content for turn in turns} == {"x"}


async def test_a_flood_is_cut_off_behind_tls_too(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file()))
    flood = saying(answer(body=whole("x" * 100_000).encode()))
    async with raw_server(flood, tls=authority.server_context("localhost")) as own:
        with pytest.raises(ModelFailure, match="Response is too large"):
            await models.turn(asks("vllm/x", f"https://localhost:{own.port}"))
