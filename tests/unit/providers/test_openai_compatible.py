from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.support.listener import RecordingListener
from tests.support.model_server import ModelServer, Reply, ToolCall
from tests.support.raw_http import answer, raw_server, saying

from executor_service.providers import Message, ModelFailure, ModelRequest, Models, ProviderSettings, Role, Tool
from executor_service.providers import ToolCall as Called
from executor_service.providers.model import CONNECTION_CLOSED, TIMED_OUT
from shared.contracts.runs import MOST_TOKENS
from shared.workflow.format.response_format import ResponseFormat
from shared.workflow.validate.unsupported_settings import not_called

ADD = Tool("add", "adds", {"type": "object", "properties": {"a": {"type": "number"}}})


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
async def models(server: ModelServer) -> AsyncIterator[Models]:
    found = Models(
        ProviderSettings(vllm_base_url=server.url, ollama_url=server.url, litellm_base_url=f"{server.url}/v1")
    )
    yield found
    await found.stop()


def asks(model: str, **more: Any) -> ModelRequest:
    return ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),), **more)


async def test_an_answer_arrives_whole_without_a_listener(server: ModelServer, models: Models) -> None:
    server.answer("whole", Reply.says("Hello there"))
    turn = await models.turn(asks("vllm/whole"))
    assert (turn.content, turn.finish_reason) == ("Hello there", "stop")
    assert turn.tokens.total == turn.tokens.input + turn.tokens.output > 0
    call = server.calls_of("whole")[0]
    assert call.body["model"] == "whole"
    assert not call.streams
    assert call.headers["authorization"] == "Bearer empty"


@pytest.mark.parametrize(("reported", "counted"), [(2**70, MOST_TOKENS), (-5, 0)])
async def test_an_impossible_token_count_is_capped(
    server: ModelServer, models: Models, reported: int, counted: int
) -> None:
    server.answer("boasting", Reply.says("Hello", prompt_tokens=reported))
    assert (await models.turn(asks("vllm/boasting"))).tokens.input == counted


async def test_an_answer_is_streamed_in_chunks(server: ModelServer, models: Models) -> None:
    server.answer("streamed", Reply.says("One two three", thinking=("hm",)))
    listener = RecordingListener()
    turn = await models.turn(asks("vllm/streamed"), listener)
    assert "".join(listener.chunks) == "One two three"
    assert listener.thoughts == ["hm"]
    assert (turn.content, turn.thinking, turn.tokens.output) == ("One two three", "hm", 3)
    assert server.calls_of("streamed")[0].body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("listens", [False, True])
async def test_tool_calls_are_gathered(server: ModelServer, models: Models, listens: bool) -> None:
    server.answer("tools", Reply.calls(ToolCall("add", {"a": 1}, "c1"), ToolCall("add", {"a": 2}, "c2")))
    turn = await models.turn(
        asks("vllm/tools", tools=(ADD,), forced_tool="add"), RecordingListener() if listens else None
    )
    assert [(call.id, call.name, call.arguments) for call in turn.tool_calls] == [
        ("c1", "add", '{"a":1}'),
        ("c2", "add", '{"a":2}'),
    ]
    assert server.calls_of("tools")[-1].body["tool_choice"] == {"type": "function", "function": {"name": "add"}}


async def test_disabled_tools_are_not_sent(server: ModelServer, models: Models) -> None:
    await models.turn(asks("vllm/answers-now", tools=(ADD,), may_call_tools=False))
    assert not server.calls_of("answers-now")[0].body.keys() & {"tools", "tool_choice"}


@pytest.mark.parametrize(
    ("wrote", "sent"), [('{"a": 1}', '{"a": 1}'), ('{"a": [1, ', "{}"), ("[1]", "{}"), ('{"a":1}{"a":2}', "{}")]
)
async def test_arguments_that_are_not_an_object_are_not_sent_back(
    server: ModelServer, models: Models, wrote: str, sent: str
) -> None:
    tool_call = Message(role=Role.ASSISTANT, tool_calls=(Called("c1", "add", wrote),))
    tool_result = Message(role=Role.TOOL, content="{}", tool_call_id="c1", tool_name="add")
    await models.turn(ModelRequest(model="vllm/wrote", messages=(tool_call, tool_result), tools=(ADD,)))
    assert server.calls_of("wrote")[-1].body["messages"][0]["tool_calls"][0]["function"]["arguments"] == sent


async def test_settings_go_along_under_the_servers_own_names(server: ModelServer, models: Models) -> None:
    wanted = ResponseFormat("shape", {"type": "object"})
    for model in ("vllm/set", "set:latest"):
        await models.turn(
            asks(model, temperature=0.3, max_tokens=50, response_format=wanted, tools=(ADD,), forced_tool="add")
        )
    vllm, ollama = server.calls_of("set")[-1].body, server.calls_of("set:latest")[-1].body
    assert (vllm["temperature"], vllm["max_completion_tokens"]) == (0.3, 50)
    assert vllm["response_format"]["json_schema"] == {"name": "shape", "schema": {"type": "object"}, "strict": True}
    assert (ollama["max_tokens"], ollama["response_format"], ollama["tool_choice"]) == (
        50,
        {"type": "json_object"},
        "auto",
    )
    assert '{"type":"object"}' in ollama["messages"][0]["content"]


async def test_the_blocks_key_precedes_the_servers(server: ModelServer, models: Models) -> None:
    await models.turn(asks("vllm/keyed", credentials={"apiKey": "mine"}))
    assert server.calls_of("keyed")[0].headers["authorization"] == "Bearer mine"


@pytest.mark.parametrize("listens", [False, True])
async def test_a_refusal_has_the_providers_text(server: ModelServer, models: Models, listens: bool) -> None:
    server.answer("refuses", Reply.fails(400, "model exploded"))
    with pytest.raises(ModelFailure) as failure:
        await models.turn(asks("vllm/refuses"), RecordingListener() if listens else None)
    assert (failure.value.message, failure.value.status) == ("model exploded", 400)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"no such model","code":404}}', "no such model"),
        (b'{"error":"no such model"}', "no such model"),
        (b'{"message":"no such model"}', "no such model"),
        (b"<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (b'{"error":{"message":7}}', '{"error":{"message":7}}'),
        (b"\xff" * 5000, "\ufffd" * 1000),
        (b"", "Error code: 418"),
    ],
)
async def test_a_refusal_in_any_format_is_reported(body: bytes, message: str) -> None:
    async with raw_server(saying(answer("418 Teapot", body))) as refusing:
        models = Models(ProviderSettings(vllm_base_url=refusing.url))
        with pytest.raises(ModelFailure) as failure:
            await models.turn(asks("vllm/x"), RecordingListener())
        await models.stop()
    assert (failure.value.message, failure.value.status) == (message, 418)


async def test_a_key_that_is_not_a_header_is_refused_unsent_and_not_repeated(
    server: ModelServer, models: Models
) -> None:
    for key in ("a\r\nx-admin: 1", "clé\u2028"):
        with pytest.raises(ModelFailure, match="Invalid request to vllm") as failure:
            await models.turn(asks("vllm/forged", credentials={"apiKey": key}))
        assert key not in failure.value.message
    assert server.calls_of("forged") == []


async def test_azure_is_called_with_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}'
    async with raw_server(saying(answer(body=body))) as azure:
        settings = ProviderSettings(
            azure_openai_endpoint=f"{azure.url}/", azure_openai_api_key="k", azure_openai_api_version="2026-01-01"
        )
        models = Models(settings)
        assert (await models.turn(asks("azure/my gpt"))).content == "Hello"
        await models.stop()
    request = azure.requests[0]
    assert request.target == "/openai/deployments/my%20gpt/chat/completions?api-version=2026-01-01"
    assert request.headers["api-key"] == "k"
    assert "authorization" not in request.headers


async def test_azures_key_does_not_follow_to_another_server(server: ModelServer) -> None:
    moved = answer("308 Permanent Redirect", headers=(f"Location: {server.url}/v1/chat/completions",))
    async with raw_server(saying(moved)) as azure:
        models = Models(ProviderSettings(azure_openai_endpoint=azure.url, azure_openai_api_key="k"))
        with pytest.raises(ModelFailure, match="308"):
            await models.turn(asks("azure/moved"))
        await models.stop()
    assert server.calls_of("moved") == []


async def test_a_server_that_moved_is_followed(server: ModelServer) -> None:
    moved = answer("308 Permanent Redirect", headers=(f"Location: {server.url}/v1/chat/completions",))
    async with raw_server(saying(moved)) as old:
        models = Models(ProviderSettings(vllm_base_url=old.url, vllm_api_key="secret"))
        assert (await models.turn(asks("vllm/moved"))).content == "Hi"
        await models.stop()
    assert "authorization" not in server.calls_of("moved")[0].headers  # the key belongs to the named server


async def test_a_connection_that_breaks_off_is_a_failure(server: ModelServer, models: Models) -> None:
    server.answer("cut", Reply.says("One two three four", cut_after=2))
    listener = RecordingListener()
    with pytest.raises(ModelFailure, match=CONNECTION_CLOSED):
        await models.turn(asks("vllm/cut"), listener)
    assert listener.chunks == ["One ", "two "]


async def test_a_hanging_model_times_out(server: ModelServer, models: Models) -> None:
    gate = server.gate()
    server.answer("hangs", Reply.says("never", gate=gate))
    with pytest.raises(ModelFailure, match=TIMED_OUT):
        await models.turn(asks("vllm/hangs", timeout_seconds=0.1), RecordingListener())
    gate.open()


async def test_an_unreachable_server_is_reported() -> None:
    models = Models(ProviderSettings(vllm_base_url="http://127.0.0.1:1"))
    with pytest.raises(ModelFailure, match="Could not reach vllm"):
        await models.turn(asks("vllm/any"))
    await models.stop()


async def test_an_unknown_model_is_refused_with_the_configured_providers() -> None:
    settings = ProviderSettings(ollama_url="http://127.0.0.1:1", vllm_base_url="http://127.0.0.1:1", openai_api_key="k")
    models = Models(settings)
    message = 'No provider is known for the model "gtp-4o".*Configured providers: openai, vllm.*Did you mean "gpt-4o"'
    with pytest.raises(ModelFailure, match=message):
        await models.turn(asks("gtp-4o"))
    with pytest.raises(ModelFailure, match="Could not reach ollama"):
        await models.turn(asks("llama3:8b"))
    await models.stop()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("vllm/any", "No server is configured for vllm models"),
        ("gpt-5", "API key is required for openai gpt-5"),
        ("claude-x", "API key is required for anthropic claude-x"),
        ("gemini-x", "API key is required for google gemini-x"),
        ("bedrock/x", not_called("bedrock")),
        ("azure/x", "No Azure endpoint is configured. Set AZURE_OPENAI_ENDPOINT or the block's azureEndpoint."),
    ],
)
async def test_a_missing_configuration_is_reported(model: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models = Models(ProviderSettings(vllm_base_url="", openai_api_key="", anthropic_api_key="", gemini_api_key=""))
    with pytest.raises(ModelFailure) as failure:
        await models.turn(asks(model))
    assert failure.value.message == message
    await models.stop()


@pytest.mark.parametrize(
    "endpoint", ["http://x.openai.azure.com", "https://evil.example/.openai.azure.com", "https://10.0.0.1"]
)
async def test_a_block_cannot_send_azure_calls_elsewhere(endpoint: str) -> None:
    models = Models(ProviderSettings())
    with pytest.raises(ModelFailure, match="must be an https URL of an Azure OpenAI resource"):
        await models.turn(asks("azure/x", credentials={"apiKey": "k", "azureEndpoint": endpoint}))
    await models.stop()


async def test_the_demo_model_needs_nothing_and_always_gives_the_same_answer() -> None:
    models = Models(ProviderSettings())
    listener = RecordingListener()
    first = await models.turn(asks("echo"), listener)
    assert "".join(listener.chunks) == first.content == "This is the built-in demo model. You said: Hi"
    assert (await models.turn(asks("echo"))).content == first.content
