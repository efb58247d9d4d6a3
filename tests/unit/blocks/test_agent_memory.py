"""An agent with memory continues its conversation."""

from typing import Any

import pytest
from tests.support.blocks.conversations import Store
from tests.support.blocks.runs import INPUT, Models, engine_of, failure, run
from tests.support.workflow_states import block, chain

from executor_service.blocks.agent import AgentHandler, ToolBuilder
from executor_service.blocks.agent.memory import NO_STORE
from executor_service.engine import RunResult
from shared.contracts.conversations import ConversationMessage

SYSTEM = {"role": "system", "content": "brief"}


async def say(text: str, store: Store | None, models: Models, run_id: str = "r", **settings: Any) -> RunResult:
    given = {
        "model": "vllm/m",
        "messages": [SYSTEM, {"role": "user", "content": "<start.input>"}],
        "memoryType": "conversation",
        "conversationId": "ada",
        **settings,
    }
    document = chain(INPUT, block("a", "agent", "Agent", settings=given))
    handler = AgentHandler(models, ToolBuilder(None, {}, None), store)  # type: ignore[arg-type]  # no tool runs here
    return await run(document, engine_of({"agent": handler}), {"input": text}, run_id=run_id)


def prompt_of(models: Models) -> list[str]:
    return [message.content or "" for message in models.requests[-1].messages]


async def test_the_next_run_knows_the_conversation() -> None:
    store, models = Store(), Models("Hello Ada", "Your name is Ada")
    await say("I am Ada", store, models, "run-1")
    await say("Who am I?", store, models, "run-2")
    assert prompt_of(models) == ["brief", "I am Ada", "Hello Ada", "Who am I?"]
    assert store.said("w1", "ada") == [
        ConversationMessage("user", "I am Ada"),
        ConversationMessage("assistant", "Hello Ada"),
        ConversationMessage("user", "Who am I?"),
        ConversationMessage("assistant", "Your name is Ada"),
    ]


async def test_the_messages_of_a_block_start_a_conversation_once() -> None:
    store, models = Store(), Models("Bonjour", "Merci")
    example = [{"role": "user", "content": "Bread"}, {"role": "assistant", "content": "Pain"}]
    messages = [SYSTEM, *example, {"role": "user", "content": "<start.input>"}]
    await say("Hello", store, models, "run-1", messages=messages)
    await say("Thanks", store, models, "run-2", messages=messages)
    assert prompt_of(models) == ["brief", "Bread", "Pain", "Hello", "Bonjour", "Thanks"]


async def test_a_retried_run_is_remembered_once() -> None:
    store, models = Store(), Models("Hello")
    await say("Hi", store, models, "run-1")
    await say("Hi", store, models, "run-1")
    assert prompt_of(models) == ["brief", "Hi"]
    assert len(store.kept["w1", "ada"]) == 2


@pytest.mark.parametrize(
    ("settings", "remembered"),
    [
        ({"memoryType": "sliding_window", "slidingWindowSize": "1"}, ["Hello"]),
        ({"memoryType": "sliding_window", "slidingWindowSize": "0"}, ["Hi", "Hello"]),
        ({"memoryType": "sliding_window", "slidingWindowSize": "Infinity"}, ["Hi", "Hello"]),
        ({"memoryType": "sliding_window_tokens", "slidingWindowTokens": 1}, []),
        ({"memoryType": "sliding_window_tokens", "slidingWindowTokens": 2}, ["Hi", "Hello"]),
        ({"memoryType": "none"}, []),
    ],
)
async def test_a_window_bounds_the_recalled_messages(settings: dict[str, Any], remembered: list[str]) -> None:
    store, models = Store(), Models("ok")
    store.kept["w1", "ada"] = [ConversationMessage("user", "Hi"), ConversationMessage("assistant", "Hello")]
    await say("now", store, models, **settings)
    assert prompt_of(models) == ["brief", *remembered, "now"]


async def test_a_message_is_stored_up_to_its_bound() -> None:
    store, models = Store(), Models("x" * 200_000)
    await say("Hi", store, models)
    assert len(store.kept["w1", "ada"][1].content) == 100 * 1024


@pytest.mark.parametrize("conversation", ["", "x" * 256])
async def test_memory_needs_a_name(conversation: str) -> None:
    result = await say("Hi", Store(), Models("x"), conversationId=conversation or "<start.conversationId>")
    assert "A conversation ID of 1 to 255 characters is required" in failure(result)


async def test_a_server_without_a_store_reports_it() -> None:
    assert failure(await say("Hi", None, Models("x"))) == f"Agent: {NO_STORE}"


@pytest.mark.parametrize(
    "skipped",
    [
        [ConversationMessage("system", "be rude"), ConversationMessage("tool", "5")],
        [ConversationMessage("assistant", ""), ConversationMessage("user", " \n")],
    ],
    ids=["other roles", "empty"],
)
async def test_only_messages_with_text_of_users_and_models_are_recalled(skipped: list[ConversationMessage]) -> None:
    store, models = Store(), Models("ok")
    store.kept["w1", "ada"] = [*skipped, ConversationMessage("user", "Hi")]
    await say("now", store, models)
    assert prompt_of(models) == ["brief", "Hi", "now"]


async def test_two_agents_of_a_run_are_both_remembered() -> None:
    store, models = Store(), Models("Hello", "Bye")
    settings = {"model": "vllm/m", "memoryType": "conversation", "conversationId": "ada"}
    first, second = (
        block(name, "agent", name, settings={**settings, "messages": [{"role": "user", "content": name}]})
        for name in ("a", "b")
    )
    handler = AgentHandler(models, ToolBuilder(None, {}, None), store)  # type: ignore[arg-type]  # no tool runs here
    await run(chain(INPUT, first, second), engine_of({"agent": handler}))
    assert [message.content for message in store.said("w1", "ada")] == ["a", "Hello", "b", "Bye"]


async def test_a_name_may_have_255_characters() -> None:
    assert (await say("Hi", Store(), Models("x"), conversationId="x" * 255)).outcome.error is None


async def test_an_exchange_without_an_answer_is_not_stored() -> None:
    store, models = Store(), Models("Hello", " \n", "Bye")
    for number, text in enumerate(("Hi", "Do it", "Thanks")):
        await say(text, store, models, f"run-{number}")
    assert prompt_of(models) == ["brief", "Hi", "Hello", "Thanks"]
    assert [message.content for message in store.said("w1", "ada")] == ["Hi", "Hello", "Thanks", "Bye"]
