"""Conversations outlive a run, and only their workspace can read them."""

import pytest
from tests.support.blocks.conversations import Store
from tests.support.blocks.runs import INPUT, engine_of, failure, run, run_block
from tests.support.workflow_states import block, chain

from executor_service.blocks.memory import MemoryHandler
from shared.contracts.conversations import ConversationMessage


@pytest.fixture
def store() -> Store:
    store = Store()
    store.kept["w1", "ada"] = [ConversationMessage("user", "Hi"), ConversationMessage("assistant", "Hello")]
    store.kept["w2", "secret"] = [ConversationMessage("user", "Not for w1")]
    return store


async def test_an_added_message_follows_the_existing_ones(store: Store) -> None:
    settings = {"operation": "add", "id": "ada", "role": "user", "content": "<start.input>"}
    result = await run_block("memory", MemoryHandler(store), {"input": "Bye"}, **settings)
    assert result.output == {
        "memories": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
        "id": "ada",
    }


async def test_a_block_that_runs_again_after_a_crash_adds_nothing_twice(store: Store) -> None:
    for _ in range(2):
        await run_block("memory", MemoryHandler(store), operation="add", id="new", role="user", content="Once")
    assert store.said("w1", "new") == [ConversationMessage("user", "Once")]


async def test_a_conversation_can_be_read(store: Store) -> None:
    result = await run_block("memory", MemoryHandler(store), operation="get", id=" ada ")
    assert [said["content"] for said in result.output["memories"]] == ["Hi", "Hello"]


async def test_an_unknown_conversation_is_empty(store: Store) -> None:
    result = await run_block("memory", MemoryHandler(store), operation="get", id="nobody")
    assert result.output == {"memories": [], "id": "nobody"}


async def test_all_means_all_of_this_workspace(store: Store) -> None:
    result = await run_block("memory", MemoryHandler(store), operation="getAll")
    assert [entry["id"] for entry in result.output["memories"]] == ["ada"]


async def test_a_conversation_can_be_forgotten(store: Store) -> None:
    result = await run_block("memory", MemoryHandler(store), operation="delete", id="ada")
    assert result.output == {"memories": [], "id": "ada"}
    assert ("w1", "ada") not in store.kept


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"operation": "get", "id": "<start.input>"}, "Memory Block Error: A conversation ID is required"),
        (
            {"operation": "get", "id": "x" * 256},
            "Memory Block Error: A conversation ID may have at most 255 characters",
        ),
        (
            {"operation": "add", "id": "ada", "role": "user", "content": "x" * 102_401},
            "Memory Block Error: A message may have at most 102400 bytes",
        ),
        ({"operation": "forget", "id": "ada"}, "Memory Block Error: Unknown operation: forget"),
    ],
)
async def test_invalid_operations_are_refused(store: Store, settings: dict[str, str], reason: str) -> None:
    assert failure(await run_block("memory", MemoryHandler(store), {"input": ""}, **settings)) == f"B: {reason}"


async def adds(store: Store, run_id: str, *said: tuple[str, str]) -> None:
    """Run a block for each role and text."""
    blocks = [
        block(f"m{number}", "memory", settings={"operation": "add", "id": "new", "role": role, "content": text})
        for number, (role, text) in enumerate(said)
    ]
    await run(chain(INPUT, *blocks), engine_of({"memory": MemoryHandler(store)}), run_id=run_id)


async def test_equal_messages_of_other_runs_blocks_or_roles_are_added(store: Store) -> None:
    await adds(store, "run-1", ("user", "Hi"), ("user", "Hi"))
    await adds(store, "run-2", ("user", "Hi"))
    assert len(store.kept["w1", "new"]) == 3
    await adds(store, "run-2", ("assistant", "Hi"))
    await adds(store, "run-2", ("user", "Bye"))
    assert len(store.kept["w1", "new"]) == 5, "a run that is tried again may say something else"


async def test_bounds_may_be_reached(store: Store) -> None:
    long, text = "x" * 255, "y" * 102_400
    result = await run_block("memory", MemoryHandler(store), operation="add", id=long, role="user", content=text)
    assert result.output == {"memories": [{"role": "user", "content": text}], "id": long}
