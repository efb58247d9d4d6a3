"""An agent talks to its model until it has an answer."""

import pytest
from tests.support.blocks.agents import ADD, CALL, Model, asks_for, run, says
from tests.support.blocks.runs import failure
from tests.support.eventually import PATIENCE_SECONDS

from executor_service.engine.deadline import OVERTIME_SECONDS
from executor_service.providers import ModelFailure, Role


async def test_the_output_is_the_answer_and_its_usage() -> None:
    model = Model(says("Hello"))
    result = await run(model)
    assert list(result.output) == ["content", "model", "tokens", "toolCalls", "providerTiming", "cost"]
    assert result.output["content"] == "Hello"
    assert result.output["model"] == "vllm/m"
    assert result.output["tokens"] == {"input": 10, "output": 5, "total": 15}
    assert result.output["toolCalls"] == {"list": [], "count": 0}
    (segment,) = result.output["providerTiming"]["timeSegments"]
    assert (segment["type"], segment["name"], segment["finishReason"], segment["provider"]) == (
        "model",
        "vllm/m",
        "stop",
        "vllm",
    )
    assert result.output["cost"]["total"] == 0
    assert (result.usage.input_tokens, result.usage.output_tokens) == (10, 5)


async def test_system_messages_go_first_and_values_are_filled_in() -> None:
    model = Model(says("ok"))
    messages = [{"role": "user", "content": "say <start.input>"}, {"role": "system", "content": "brief"}]
    await run(model, messages=messages, body={"input": "x"})
    assert [(message.role, message.content) for message in model.requests[0].messages] == [
        (Role.SYSTEM, "brief"),
        (Role.USER, "say x"),
    ]


async def test_messages_stored_as_text_are_read() -> None:
    model = Model(says("ok"))
    await run(model, messages='[{"role":"user","content":"say <start.input>"}]', body={"input": 'a "quote"'})
    assert model.requests[0].messages[0].content == 'say a "quote"'


async def test_a_conversation_may_be_what_another_block_gave() -> None:
    model = Model(says("ok"))
    body = {"said": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "input": "now"}
    await run(model, messages="<start.said>", body=body)
    await run(model, memories="<start.said>", body=body)
    conversations = [[message.content for message in request.messages] for request in model.requests]
    assert conversations == [["Hi", "Hello"], ["Hi", "Hello", "now"]]


async def test_settings_reach_the_model() -> None:
    model = Model(says("ok"))
    await run(model, temperature="0.3", maxTokens="50", reasoningEffort="low", verbosity="auto", apiKey="{{KEY}}")
    request = model.requests[0]
    assert request.timeout_seconds == PATIENCE_SECONDS + OVERTIME_SECONDS, "the run's remaining time and the overtime"
    assert (request.temperature, request.max_tokens, request.reasoning_effort, request.verbosity) == (
        0.3,
        50,
        "low",
        None,
    )
    assert (request.credential("apiKey"), request.workspace_id) == ("sk-secret", "w1")


@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "1e999", "many", ""])
async def test_a_setting_that_is_not_a_number_is_omitted(value: str) -> None:
    model = Model(says("ok"))
    await run(model, temperature=value, maxTokens=value)
    assert (model.requests[0].temperature, model.requests[0].max_tokens) == (None, None)


async def test_a_model_that_fails_is_quoted() -> None:
    assert failure(await run(Model(ModelFailure("model exploded", status=500)))) == "Agent 1: model exploded"


async def test_a_structured_answer_becomes_the_output() -> None:
    model = Model(says('```json\n{"label": "spam"}\n```'))
    result = await run(model, responseFormat='{"type":"object","properties":{"label":{"type":"string"}}}')
    assert result.output["label"] == "spam"
    assert "content" not in result.output
    wanted = model.requests[0].response_format
    assert wanted is not None
    assert wanted.name == "response_schema"


async def test_an_answer_outside_the_requested_format_is_stored_as_text() -> None:
    result = await run(Model(says("no json")), responseFormat={"name": "n", "schema": {"type": "object"}})
    assert result.output["content"] == "no json"


async def test_older_memories_come_before_the_question() -> None:
    model = Model(says("ok"))
    memories = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "then"}]
    messages = [{"role": "system", "content": "brief"}, {"role": "user", "content": "now"}]
    await run(model, messages=messages, memories=memories)
    assert [message.content for message in model.requests[0].messages] == ["brief", "before", "then", "now"]


async def test_usage_before_the_model_failed_counts() -> None:
    result = await run(Model(asks_for(CALL), ModelFailure("gone")), tools=[ADD])
    assert failure(result) == "Agent 1: gone"
    assert (result.usage.input_tokens, result.usage.output_tokens) == (10, 5)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', '```json\n{"a": 1}\n```', '  ```\n\n{"a": 1}```\n', '```JSON \n{"a":\n1}\n\n```'],
)
async def test_a_code_fence_around_an_answer_is_removed(text: str) -> None:
    assert (await run(Model(says(text)), responseFormat={"type": "object"})).output["a"] == 1


async def test_an_endless_answer_of_blank_lines_blocks_nothing() -> None:
    lost = "```json\n" + "\n" * 1_000_000 + "{"
    assert (await run(Model(says(lost)), responseFormat={"type": "object"})).output["content"] == lost
