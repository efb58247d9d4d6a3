"""Agents' memory is stored by workspace and id, under concurrent appends."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.integration.jobs.conftest import Start
from tests.support.jobs.system import System

from shared.clients.jobs.conversations import JobsMemoryStore
from shared.contracts.conversations import LONGEST_MESSAGE, ConversationMessage
from shared.errors import InvalidRequest, PayloadTooLarge

HI = ConversationMessage("user", "Hi")
HELLO = ConversationMessage("assistant", "Hello \u2028 <&> \U0001f600")


@pytest.fixture
def memory(system: System) -> JobsMemoryStore:
    return JobsMemoryStore(system.executor.client)


async def messages_of(memory: JobsMemoryStore, workspace_id: str, conversation_id: str) -> list[ConversationMessage]:
    """Return the messages without their sources."""
    return [replace(message, once="") for message in await memory.read(workspace_id, conversation_id)]


async def test_messages_are_read_back_unchanged(memory: JobsMemoryStore) -> None:
    await memory.append("w", "with / and ?&#", [HI, HELLO], once="1")
    assert await messages_of(memory, "w", "with / and ?&#") == [HI, HELLO]


async def test_an_unknown_conversation_is_empty(memory: JobsMemoryStore) -> None:
    assert await messages_of(memory, "w", "nobody") == []


async def test_no_workspace_sees_anothers(memory: JobsMemoryStore) -> None:
    await memory.append("w", "ada", [HI], once="1")
    assert await messages_of(memory, "other", "ada") == []
    assert await memory.conversations("other") == {}
    assert not await memory.delete("other", "ada")
    assert await messages_of(memory, "w", "ada") == [HI]


async def test_an_append_that_is_repeated_adds_nothing(memory: JobsMemoryStore) -> None:
    for _ in range(3):
        await memory.append("w", "ada", [HI], once="run/block")
    assert await messages_of(memory, "w", "ada") == [HI]


async def test_concurrent_appends_are_all_stored_whole(memory: JobsMemoryStore) -> None:
    pairs = [(ConversationMessage("user", f"q{n}"), ConversationMessage("assistant", f"a{n}")) for n in range(12)]
    await asyncio.gather(*(memory.append("w", "ada", pair, once=str(n)) for n, pair in enumerate(pairs)))
    stored = await messages_of(memory, "w", "ada")
    assert sorted(zip(stored[::2], stored[1::2], strict=True), key=str) == sorted(pairs, key=str)


async def test_a_conversation_is_bounded(start: Start) -> None:
    async with start(conversation_messages=3) as system:
        memory = JobsMemoryStore(system.executor.client)
        for number in range(5):
            await memory.append("w", "ada", [ConversationMessage("user", str(number))], once=str(number))
        assert [message.content for message in await memory.read("w", "ada")] == ["2", "3", "4"]


async def test_conversations_are_listed_latest_first(memory: JobsMemoryStore) -> None:
    for number, name in enumerate(("first", "second", "first")):
        await memory.append("w", name, [HI], once=str(number))
        await asyncio.sleep(0.005)
    assert list(await memory.conversations("w")) == ["first", "second"]


async def test_a_conversation_can_be_forgotten(memory: JobsMemoryStore) -> None:
    await memory.append("w", "ada", [HI], once="1")
    assert await memory.delete("w", "ada")
    assert not await memory.delete("w", "ada")
    assert await messages_of(memory, "w", "ada") == []


async def test_a_conversation_expires_after_its_last_append(memory: JobsMemoryStore, system: System) -> None:
    await memory.append("w", "ada", [HI], once="1")
    stored = await system.collection("conversations").find_one({})
    assert stored is not None
    assert stored["expires_at"].timestamp() * 1000 == pytest.approx(stored["changed_ms"] + 31_536_000_000, abs=1)


async def test_an_unstorable_message_is_refused(memory: JobsMemoryStore) -> None:
    with pytest.raises(PayloadTooLarge):
        await memory.append("w", "ada", [ConversationMessage("user", "x" * (LONGEST_MESSAGE + 1))], once="1")
    with pytest.raises(InvalidRequest):
        await memory.read("w", "x" * 256)
