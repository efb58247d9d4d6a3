"""Workflows as agents, called by the official client of the Agent2Agent protocol, unmodified."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx  # noqa: TID251 - the client that a2a-sdk takes
import pytest
from a2a.client import Client, ClientConfig, create_client
from a2a.client.errors import A2AClientError
from a2a.helpers.proto_helpers import get_data_parts, new_data_part
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError
from tests.support.keys import key_with_limit
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, block, function, start, workflow

from flowport.local.stack import Stack

AGENTS = "/api/a2a/agents"


@asynccontextmanager
async def client_of(url: str, key: str | None, **config: Any) -> AsyncIterator[Client]:
    """Yield the client that the agent's own card requires."""
    headers = {"x-api-key": key} if key else {}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        yield await create_client(url, ClientConfig(httpx_client=http, **config))


def key_of(api: PublicApi) -> str:
    return str(api.http.headers["x-api-key"])


async def publish(api: PublicApi, file: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Publish a workflow as an agent."""
    answer = await api.http.post(AGENTS, json={"workflowId": await api.publish(file), **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def says(*parts: Part, **fields: str) -> SendMessageRequest:
    message = Message(message_id="m1", role=Role.ROLE_USER, parts=parts or [Part(text="Hello")], **fields)
    return SendMessageRequest(message=message)


async def sent(client: Client, request: SendMessageRequest) -> Task:
    """Return the task of a message, without a stream."""
    (answer,) = [event async for event in client.send_message(request)]
    return answer.task


def adder() -> dict[str, Any]:
    adds = function("f1", "return <start.a> + <start.b>")
    return workflow("Add two Numbers", [start(a="number", b="number"), adds], (START, "f1"))


@pytest.fixture
def clerk(models: ModelServer) -> dict[str, Any]:
    models.answer("agent-clerk", Reply.says("Good day to you."))
    remembers = {"memoryType": "conversation", "conversationId": "<start.conversationId>"}
    blocks = [start(), agent("a1", "vllm/agent-clerk", "<start.input>", **remembers)]
    return workflow("Clerk", blocks, (START, "a1"))


async def test_a_message_is_answered(api: PublicApi) -> None:
    made = await publish(api, adder())
    async with client_of(made["url"], key_of(api), streaming=False) as client:
        task = await sent(client, says(new_data_part({"a": 2, "b": 3})))
        assert task.status.state == TaskState.TASK_STATE_COMPLETED
        assert get_data_parts(task.artifacts[0].parts) == [5]
        found = await client.get_task(GetTaskRequest(id=task.id))
        assert (found.id, found.context_id, found.status.state) == (task.id, task.context_id, task.status.state)


async def test_an_answer_is_streamed_as_it_is_written(api: PublicApi, clerk: dict[str, Any]) -> None:
    made = await publish(api, clerk)
    async with client_of(made["url"], key_of(api)) as client:
        events = [event async for event in client.send_message(says())]
    assert events[0].task.status.state == TaskState.TASK_STATE_SUBMITTED
    assert written(events) == "Good day to you."
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED


def written(events: list[StreamResponse]) -> str:
    """Return the content of the artifact."""
    text = ""
    for update in (event.artifact_update for event in events if event.HasField("artifact_update")):
        contents = update.artifact.parts[0].text
        text = text + contents if update.append else contents
    return text


async def test_messages_of_a_context_are_a_conversation(
    api: PublicApi, clerk: dict[str, Any], models: ModelServer
) -> None:
    made = await publish(api, clerk)
    async with client_of(made["url"], key_of(api), streaming=False) as client:
        first = await sent(client, says(Part(text="One")))
        await sent(client, says(Part(text="Two"), context_id=first.context_id))
    contents = [message["content"] for message in models.calls_of("agent-clerk")[-1].messages]
    assert contents == ["One", "Good day to you.", "Two"]


async def test_a_task_is_followed_and_cancelled(api: PublicApi) -> None:
    wait = block("w1", "wait", "Wait", timeValue="60", timeUnit="seconds")
    made = await publish(api, workflow("Slow", [start(), wait], (START, "w1")))
    async with client_of(made["url"], key_of(api), streaming=False, polling=True) as client:
        begun = await sent(client, says())
        assert begun.status.state in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)
    async with client_of(made["url"], key_of(api)) as client:
        stream = client.subscribe(SubscribeToTaskRequest(id=begun.id))
        assert (await anext(stream)).task.id == begun.id
        stopped = await client.cancel_task(CancelTaskRequest(id=begun.id))
        assert stopped.status.state == TaskState.TASK_STATE_CANCELED
        rest = [event async for event in stream]
        assert rest[-1].status_update.status.state == TaskState.TASK_STATE_CANCELED
        with pytest.raises(UnsupportedOperationError):
            await anext(client.subscribe(SubscribeToTaskRequest(id=begun.id)))


async def test_a_message_answers_a_run_that_waits_for_a_person(api: PublicApi) -> None:
    form = [{"id": "ok", "name": "ok", "type": "boolean", "value": False}]
    asks = block("h1", "human_in_the_loop", "Ask", inputFormat=form)
    blocks = [start(), asks, function("f1", "return <ask.ok>")]
    made = await publish(api, workflow("Asks", blocks, (START, "h1"), ("h1", "f1")))
    async with client_of(made["url"], key_of(api), streaming=False) as client:
        waiting = await sent(client, says())
        assert waiting.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        done = await sent(client, says(new_data_part({"ok": True}), task_id=waiting.id))
        assert (done.id, done.context_id) == (waiting.id, waiting.context_id)
        assert done.status.state == TaskState.TASK_STATE_COMPLETED
        assert get_data_parts(done.artifacts[0].parts) == [True]
        with pytest.raises(UnsupportedOperationError):
            await sent(client, says(task_id=waiting.id))


async def test_a_run_that_fails_is_a_failed_task(api: PublicApi) -> None:
    throws = function("f1", 'throw new Error("boom")')
    made = await publish(api, workflow("Broken", [start(), throws], (START, "f1")))
    async with client_of(made["url"], key_of(api), streaming=False) as client:
        task = await sent(client, says())
        assert task.status.state == TaskState.TASK_STATE_FAILED
        assert "boom" in task.status.message.parts[0].text
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task.id))
        with pytest.raises(TaskNotFoundError):
            await client.get_task(GetTaskRequest(id="none"))
        with pytest.raises(UnsupportedOperationError):
            await client.list_tasks(ListTasksRequest())


async def test_callers_of_the_workflow_can_call_the_agent(api: PublicApi) -> None:
    made = await publish(api, adder())
    for key in (None, "sk-sim-wrong"):
        async with client_of(made["url"], key, streaming=False) as client:
            with pytest.raises(A2AClientError, match="401"):
                await sent(client, says())
    await api.http.patch(f"{AGENTS}/{made['id']}", json={"isPublic": True})
    async with client_of(made["url"], None, streaming=False) as client:
        task = await sent(client, says(new_data_part({"a": 2, "b": 3})))
        assert task.status.state == TaskState.TASK_STATE_COMPLETED
        with pytest.raises(A2AClientError, match="401"):
            await client.get_task(GetTaskRequest(id=task.id))


async def test_a_call_too_many_is_refused(api: PublicApi, stack: Stack) -> None:
    made = await publish(api, adder())
    async with client_of(made["url"], await key_with_limit(stack, api, 1), streaming=False) as client:
        with pytest.raises(A2AClientError, match="429"):
            for _ in range(10):
                await sent(client, says(new_data_part({"a": 1, "b": 1})))


async def test_unpublished_and_undeployed_agents_are_not_found(api: PublicApi) -> None:
    made = await publish(api, adder())
    async with client_of(made["url"], key_of(api), streaming=False) as client:
        await api.http.delete(f"/api/workflows/{made['workflowId']}/deploy")
        assert (await api.http.get(made["cardUrl"])).status_code == 404
        with pytest.raises(UnsupportedOperationError, match="not deployed"):
            await sent(client, says())
        await api.http.patch(f"{AGENTS}/{made['id']}", json={"isPublished": False})
        with pytest.raises(A2AClientError, match="404"):
            await sent(client, says())
