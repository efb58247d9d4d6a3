"""Chat completions: a workflow as a model."""

import asyncio
import json

import pytest
from tests.support.eventually import eventually
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import Answer, System, running_system
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.worker import Send, outcome
from tests.support.workflow_files import START, agent, function, start, workflow

from gateway.openai.models import CompletionBody, reply_text
from shared.contracts.deployments import Draft
from shared.contracts.events import Chunk, RunEnded
from shared.contracts.runs import ErrorCode, RunError, RunSpec, RunStatus

HELLO = [{"role": "user", "content": "Hello"}]


async def complete(system: System, body: dict[str, object], *, key: str | None = "") -> Answer:
    return await system.send("POST", "/v1/chat/completions", {"model": "W", "messages": HELLO, **body}, key=key)


def publish(system: System) -> None:
    blocks = [start(), agent("a1", "vllm/x", "<start.input>"), function("f1", "return 1")]
    state = workflow("W", blocks, (START, "a1"), ("a1", "f1"))["state"]
    system.deployments.drafts["W"] = Draft(state=state, revision=1, saved_at=NOON)
    system.deployments.put("W")


def frames(answer: Answer) -> list[dict[str, object]]:
    lines = answer.body.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


async def test_the_last_message_is_the_input_and_earlier_ones_are_included(system: System) -> None:
    parts = [{"type": "text", "text": "And "}, {"type": "text", "text": "now?"}]
    messages = [{"role": "system", "content": "Be brief."}, *HELLO, {"role": "user", "content": parts}]
    answer = await complete(system, {"messages": messages, "user": "C1", "temperature": 0})
    assert answer.status == 200
    assert json.loads(bytes(system.worker.runs[0].input.inline)) == {
        "input": "And now?",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "user", "content": "And now?"},
        ],
        "conversationId": "C1",
    }


async def test_an_answer_has_the_text_and_the_tokens(system: System) -> None:
    async def answers(run: RunSpec, send: Send) -> None:
        output = {"content": "Good day.", "tokens": {"input": 3, "output": 2, "total": 5}}
        await send(0, [RunEnded(outcome(output))])

    system.worker.perform = answers
    answer = await complete(system, {})
    body = answer.json
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Good day."},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert (body["object"], body["model"]) == ("chat.completion", "W")
    assert answer.headers["x-ratelimit-remaining"] == "99"


async def test_a_stream_is_sent_in_chunks_that_end_with_done(system: System) -> None:
    publish(system)

    async def speaks(run: RunSpec, send: Send) -> None:
        assert run.selected_outputs == ("agent_1.content",)
        await send(0, [Chunk("a1", "Good "), Chunk("a1", "day.")])
        await send(1, [RunEnded(outcome({"result": 1, "tokens": {"input": 3, "output": 2, "total": 5}}))])

    system.worker.perform = speaks
    answer = await complete(system, {"stream": True, "stream_options": {"include_usage": True}})
    first, second, last, usage = frames(answer)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "Good "}  # type: ignore[index]
    assert second["choices"][0]["delta"] == {"content": "day."}  # type: ignore[index]
    assert last["choices"][0]["finish_reason"] == "stop"  # type: ignore[index]
    assert usage["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


async def test_no_letter_ends_a_chunk_for_readers_that_know_many_ends_of_a_line(system: System) -> None:
    publish(system)
    text = "a\u2028b\u2029c\x85d"
    answer = await complete(system, {"stream": True, "messages": [{"role": "user", "content": text}]})
    assert all(line.startswith("data: ") for line in answer.body.decode().splitlines() if line)
    assert text in frames(answer)[0]["choices"][0]["delta"]["content"]  # type: ignore[index]


async def test_a_stream_of_a_workflow_that_does_not_speak_has_its_output(system: System) -> None:
    publish(system)
    answer = await complete(system, {"stream": True})
    text, _ = frames(answer)
    assert text["choices"][0]["delta"]["role"] == "assistant"  # type: ignore[index]


@pytest.mark.parametrize(
    ("code", "http_status", "status", "kind"),
    [
        (ErrorCode.BLOCK_EXECUTION_FAILED, None, 500, "server_error"),
        (ErrorCode.INVALID_INPUT, 400, 400, "invalid_request_error"),
        (ErrorCode.TIMEOUT, None, 408, "server_error"),
        (ErrorCode.BLOCK_EXECUTION_FAILED, 503, 503, "server_error"),
    ],
)
async def test_a_run_that_fails_is_an_error_that_clients_do_not_repeat(
    system: System, code: ErrorCode, http_status: int | None, status: int, kind: str
) -> None:
    async def fails(run: RunSpec, send: Send) -> None:
        error = RunError(code=code, message="boom", block_name="Fn", http_status=http_status)
        await send(0, [RunEnded(outcome({}, status=RunStatus.FAILED, error=error))])

    system.worker.perform = fails
    answer = await complete(system, {})
    assert (answer.status, answer.headers["x-should-retry"]) == (status, "false")
    assert "boom" in answer.json["error"]["message"]
    assert (answer.json["error"]["type"], answer.json["error"]["code"]) == (kind, code)
    assert answer.headers["x-execution-id"] == system.worker.runs[0].run_id


async def test_a_run_that_is_lost_is_not_repeated_either() -> None:
    async with running_system() as system:
        system.worker.script = lambda run: []
        call = asyncio.create_task(complete(system, {}))
        await eventually(lambda: system.worker.runs)
    answer = await call
    assert (answer.status, answer.headers["x-should-retry"]) == (503, "false")
    assert "retry-after" not in answer.headers


async def test_a_run_that_never_began_may_be_repeated(system: System) -> None:
    await system.broker.stop()
    answer = await complete(system, {})
    assert (answer.status, "x-should-retry" in answer.headers) == (503, False)
    assert int(answer.headers["retry-after"]) > 0


async def test_refusals_are_worded_for_these_clients(system: System) -> None:
    cases = [
        (await complete(system, {}, key="sk-sim-wrong"), 401, "invalid_api_key"),
        (await complete(system, {}, key=None), 401, "invalid_api_key"),
        (await complete(system, {"model": "nowhere"}), 404, "model_not_found"),
        (await complete(system, {}, key=system.tenants.issue(OTHER)), 404, "model_not_found"),
        (await complete(system, {"messages": []}), 400, None),
        (await complete(system, {"messages": "x"}), 400, None),
    ]
    for answer, status, code in cases:
        assert (answer.status, answer.json["error"]["code"]) == (status, code)
        assert isinstance(answer.json["error"]["message"], str)
    system.buckets.left["workspace:WS1:sync"] = 0
    system.clock.advance(1)
    system.buckets.turned["workspace:WS1:sync"] = system.clock.monotonic()
    refused = await complete(system, {})
    assert (refused.status, refused.json["error"]["code"]) == (429, "rate_limit_exceeded")
    assert refused.headers["retry-after"] == "60"


async def test_more_workflows_than_fit_onto_a_page_are_models_too(system: System) -> None:
    names = {f"W{number}" for number in range(550)}
    for name in names:
        system.deployments.put(name)
    assert names <= {model["id"] for model in (await system.get("/v1/models")).json["data"]}


async def test_deployed_workflows_are_the_models(system: System) -> None:
    body = (await system.get("/v1/models")).json
    assert [(model["id"], model["object"]) for model in body["data"]] == [("W", "model")]
    assert (await system.get("/v1/models", key=None)).status == 401


async def test_a_model_is_found_by_its_id(system: System) -> None:
    system.deployments.undeployed("D")
    system.deployments.put("X", workspace_id=OTHER.id)
    assert (await system.get("/v1/models/W")).json["id"] == "W"
    for missing in ("D", "X", "nowhere"):
        answer = await system.get(f"/v1/models/{missing}")
        assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")


async def test_null_options_of_clients_are_ignored(system: System) -> None:
    answer = await complete(system, {"stream": None, "stream_options": None, "user": None})
    assert (answer.status, answer.json["object"]) == (200, "chat.completion")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("functions", [{"name": "f"}]),
        ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "wav"}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_unsupported_options_are_refused_by_name(
    system: System, field: str, value: object, *, stream: bool
) -> None:
    answer = await complete(system, {field: value, "stream": stream})
    assert (answer.status, answer.json["error"]["param"]) == (400, field)
    assert (answer.json["error"]["type"], system.worker.runs) == ("invalid_request_error", [])


@pytest.mark.parametrize(
    "options",
    [
        {"n": 1, "logprobs": False, "top_logprobs": 0, "modalities": ["text"], "response_format": {"type": "text"}},
        {"n": None, "tools": None, "response_format": None, "logprobs": None},
        {"tools": []},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
        {"temperature": 0, "max_tokens": 5, "max_completion_tokens": 5, "stop": ["."], "seed": 1, "metadata": {}},
    ],
)
async def test_options_without_effect_are_accepted(system: System, options: dict[str, object]) -> None:
    assert (await complete(system, options)).status == 200


async def test_a_message_that_is_more_than_text_is_refused(system: System) -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    answer = await complete(system, {"messages": [{"role": "user", "content": parts}]})
    assert (answer.status, answer.json["error"]["param"]) == (400, "messages")


async def test_an_unreadable_conversation_is_refused_with_known_texts_and_limits(system: System) -> None:
    answer = await complete(system, {"messages": []})
    assert (answer.status, answer.json["error"]["type"]) == (400, "invalid_request_error")
    assert answer.headers["x-ratelimit-remaining"] == "100"
    nowhere = await system.get("/v1/nothing")
    assert (nowhere.status, nowhere.json["error"]["message"]) == (404, "Not found")


def test_any_output_has_some_text() -> None:
    assert [reply_text(text) for text in (b'{"content":"a"}', b'{"result":{"n":1}}', b'"x"', b"null", b"{}")] == [
        "a",
        '{"n":1}',
        "x",
        "null",
        "{}",
    ]


def test_a_conversation_without_a_user_continues_with_its_last_turn() -> None:
    body = CompletionBody.model_validate({"model": "W", "messages": [{"role": "assistant", "content": "Hm?"}]})
    assert body.workflow_input()["input"] == "Hm?"
