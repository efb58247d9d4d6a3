"""An agent remembers, from one call to the next."""

from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, block, start, workflow

from shared.ids import new_id


async def test_two_calls_share_a_conversation(api: PublicApi, models: ModelServer) -> None:
    models.answer("friend", Reply.says("Hello Ada."), Reply.says("You are Ada."))
    friend = agent(
        "a1", "vllm/friend", "<start.input>", memoryType="conversation", conversationId="<start.conversationId>"
    )
    recall = block("m1", "memory", "Memory 1", operation="get", id="<start.conversationId>")
    blocks = workflow("Remember", [start(), friend, recall], (START, "a1"), ("a1", "m1"))
    workflow_id, conversation = await api.publish(blocks), new_id()

    await api.run(workflow_id, {"input": "I am Ada.", "conversationId": conversation})
    answer = await api.run(workflow_id, {"input": "Who am I?", "conversationId": conversation})

    contents = [message["content"] for message in models.calls_of("friend")[-1].messages]
    assert contents == ["I am Ada.", "Hello Ada.", "Who am I?"]
    assert [message["content"] for message in answer.json()["output"]["memories"]] == [*contents, "You are Ada."]


async def test_another_conversation_has_none_of_the_messages(api: PublicApi, models: ModelServer) -> None:
    friend = agent("a1", "vllm/stranger", "<start.input>", memoryType="sliding_window", conversationId="<start.who>")
    workflow_id = await api.publish(workflow("Strangers", [start(who="string"), friend], (START, "a1")))
    for who in (new_id(), new_id()):
        await api.run(workflow_id, {"input": f"I am {who}.", "who": who})
    assert len(models.calls_of("stranger")[-1].messages) == 1
