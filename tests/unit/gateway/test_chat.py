"""Public chats: who may publish, who may talk, and what visitors never see."""

import json
from typing import Any

import msgspec
import pytest
from tests.support.gateway.published_chat import CHAT, publish
from tests.support.gateway.system import Answer, System, running_system
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.visitor import Visitor
from tests.support.gateway.worker import Send, outcome

from gateway.access.credentials import Scope
from gateway.access.models import Role
from gateway.runs.views import redact_for_public
from shared.contracts.events import Chunk, RunEnded, SelectedOutput, Thinking
from shared.contracts.runs import RunSpec, Trigger
from shared.errors import InvalidWorkflow

LOCKED = {**CHAT, "authType": "password", "password": "open sesame"}


async def say(system: System, body: Any, *, cookie: str = "", **headers: str) -> Answer:
    sent = {"cookie": cookie, **headers} if cookie else headers
    return await system.send("POST", "/api/chat/help-desk", body, key=None, headers=sent)


def frames(answer: Answer) -> list[Any]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.body.decode().split("\n\n")[:-1]]


async def test_a_published_chat_has_an_address_and_shows_no_secret(system: System) -> None:
    made = await publish(system, LOCKED)
    assert made.json == {
        "id": "C1",
        "chatId": "C1",
        "chatUrl": "https://flow.example/chat/help-desk",
        "message": "Chat deployment created successfully",
    }
    view = (await system.get("/api/chat/manage/C1")).json
    assert view["hasPassword"] is True
    status = (await system.get("/api/workflows/W/chat/status")).json
    assert status == {"isDeployed": True, "deployment": view, "canMail": True}
    assert b"sesame" not in (await system.get("/api/chat/manage/C1")).body
    assert system.chats.stored["C1"].settings.password_hash != "open sesame"
    assert [entry.action for entry in system.audit.entries][-1] == "chat.created"


async def test_only_an_admin_publishes_and_only_of_the_own_workspace(system: System) -> None:
    for key in (system.tenants.issue(scopes=frozenset({Scope.DEPLOY, Scope.WRITE})), system.tenants.issue(OTHER)):
        assert (await system.send("POST", "/api/chat", CHAT, key=key)).status == 403
    writer = await Visitor.with_role(system, Role.WRITE)
    assert (await writer.send("POST", "/api/chat", CHAT)).status == 403
    assert (await system.send("POST", "/api/chat", CHAT, key=None)).status == 401
    assert system.chats.stored == {}


async def test_another_workspaces_chat_does_not_exist(system: System) -> None:
    await publish(system)
    key = system.tenants.issue(OTHER)
    for method in ("GET", "PATCH", "DELETE"):
        assert (await system.send(method, "/api/chat/manage/C1", {}, key=key)).status == 404
    assert "C1" in system.chats.stored


async def test_an_address_is_given_once(system: System) -> None:
    assert (await system.get("/api/chat/validate?identifier=help-desk")).json == {"available": True}
    await publish(system)
    taken = {"available": False, "error": "Identifier already in use"}
    assert (await system.get("/api/chat/validate?identifier=help-desk")).json == taken
    again = await system.send("POST", "/api/chat", CHAT)
    assert (again.status, again.json["error"]) == (400, "Identifier already in use")


async def test_an_invalid_chat_is_not_deployed(system: System) -> None:
    await publish(system)
    system.deployments.undeployed("W")
    again = await system.send("POST", "/api/chat", {**CHAT, "identifier": "second-desk"})
    assert (again.status, again.json["error"]) == (400, "Workflow already has a chat")
    assert not system.deployments.endpoints["W"].is_deployed


async def test_an_undeployable_workflow_becomes_no_chat(system: System) -> None:
    system.deployments.undeployed("W")
    system.deployments.refusal = InvalidWorkflow("Workflow has no Start block")
    refused = await system.send("POST", "/api/chat", CHAT)
    assert (refused.status, refused.json["error"]) == (400, "Workflow has no Start block")
    assert system.chats.stored == {}
    assert (await system.get("/api/chat/help-desk", key=None)).status == 404
    system.deployments.refusal = None
    await publish(system)
    assert system.deployments.endpoints["W"].is_deployed


async def test_a_visitor_sees_how_the_chat_greets(system: System) -> None:
    await publish(system)
    answer = await system.get("/api/chat/help-desk", key=None)
    assert answer.json == {
        "id": "C1",
        "title": "Help",
        "description": "",
        "customizations": {"primaryColor": None, "welcomeMessage": "Hi!", "imageUrl": None},
        "authType": "public",
        "outputConfigs": [{"blockId": "a1", "path": "content"}],
    }


async def test_a_message_is_a_streamed_run_of_the_chat(system: System) -> None:
    async def answers(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("a1", "Good "), Chunk("a1", "day.")])
        await send(1, [RunEnded(outcome({"content": "Good day."}))])

    system.worker.perform = answers
    await publish(system)
    file = {"name": "a.txt", "type": "text/plain", "size": 1, "data": "data:text/plain;base64,YQ=="}
    answer = await say(system, {"input": "Hello", "conversationId": "c-1", "files": [file]})
    assert answer.headers["content-type"] == "text/event-stream"
    assert frames(answer) == [
        {"blockId": "a1", "chunk": "Good "},
        {"blockId": "a1", "chunk": "day."},
        {"event": "final", "data": {"success": True, "output": {}}},
        "[DONE]",
    ]
    run = system.worker.runs[0]
    assert json.loads(bytes(run.input.inline)) == {"input": "Hello", "conversationId": "C1:c-1", "files": [file]}
    assert (run.trigger, run.selected_outputs, run.actor_id) == (Trigger.CHAT, ("a1.content",), None)


async def test_thoughts_are_shown_only_if_the_author_enables_it(system: System) -> None:
    async def thinks(run: RunSpec, send: Send) -> None:
        thoughts = [Thinking("a1", "Hm.")] if run.include_thinking else []
        await send(0, [*thoughts, RunEnded(outcome({}))])

    system.worker.perform = thinks
    await publish(system)
    negotiated = {"x-sim-stream-protocol": "agent-events-v1"}
    assert len(frames(await say(system, {"input": "?"}, **negotiated))) == 2
    await system.send("PATCH", "/api/chat/manage/C1", {"includeThinking": True})
    assert frames(await say(system, {"input": "?"}, **negotiated))[0]["data"] == "Hm."
    assert len(frames(await say(system, {"input": "?"}))) == 2


async def test_tool_inputs_are_hidden_from_visitors(system: System) -> None:
    call = {"name": "look_up", "arguments": {"customer": 7}, "result": "secret", "success": True}
    output = {"content": "Done.", "toolCalls": {"list": [call], "count": 1}, "nested": [{"toolCalls": [call]}]}

    async def answers(run: RunSpec, send: Send) -> None:
        await send(0, [RunEnded(outcome(output))])

    system.worker.perform = answers
    await publish(system, {**CHAT, "outputConfigs": []})
    final = frames(await say(system, {"input": "?"}))[0]
    shown = {"name": "look_up", "success": True}
    assert final["data"]["output"] == {
        "content": "Done.",
        "toolCalls": {"list": [shown], "count": 1},
        "nested": [{"toolCalls": [shown]}],
    }


async def test_it_is_hidden_in_what_the_author_selected_too(system: System) -> None:
    results = [{"content": "Done.", "toolCalls": [{"name": "look_up", "arguments": {"customer": 7}}]}]

    async def answers(run: RunSpec, send: Send) -> None:
        await send(0, [SelectedOutput("a1", "results", msgspec.Raw(msgspec.json.encode(results)))])
        await send(1, [RunEnded(outcome({}))])

    system.worker.perform = answers
    await publish(system)
    final = frames(await say(system, {"input": "?"}))[0]
    assert final["data"]["output"] == {"a1": {"results": [{"content": "Done.", "toolCalls": [{"name": "look_up"}]}]}}


def test_a_document_without_tool_calls_is_left_as_it_is() -> None:
    document = b'{"content": "as it was"}'
    assert redact_for_public(document) is document


async def test_an_empty_message_is_refused(system: System) -> None:
    await publish(system)
    answer = await say(system, {})
    assert (answer.status, answer.json["error"]) == (400, "No input provided")
    assert (await say(system, {"input": "x", "files": [{"name": "a", "data": "d"}] * 16})).status == 400


async def test_missing_closed_and_undeployed_chats_are_distinguished(system: System) -> None:
    assert (await say(system, {"input": "?"})).json["error"] == "Chat not found"
    assert (await system.get("/api/chat/NOT%20ONE", key=None)).status == 404
    system.clock.advance(1)
    await publish(system)
    await system.send("PATCH", "/api/chat/manage/C1", {"isActive": False})
    closed = await say(system, {"input": "?"})
    assert (closed.status, closed.json["error"]) == (403, "This chat is currently unavailable")
    await system.send("PATCH", "/api/chat/manage/C1", {"isActive": True})
    await system.send("DELETE", "/api/workflows/W/deploy")
    assert (await say(system, {"input": "?"})).status == 403
    await system.send("DELETE", "/api/chat/manage/C1")
    assert (await say(system, {"input": "?"})).status == 404


async def enter(system: System, password: str = "open sesame") -> str:
    answer = await say(system, {"password": password})
    assert answer.status == 200
    assert answer.json["title"] == "Help"
    assert all(
        word in answer.headers["set-cookie"] for word in ("HttpOnly", "Max-Age=86400", "SameSite=strict", "Secure")
    )
    return answer.headers["set-cookie"].partition(";")[0]


async def test_a_password_opens_a_chat_for_a_day(system: System) -> None:
    await publish(system, LOCKED)
    for refused in (await system.get("/api/chat/help-desk", key=None), await say(system, {"input": "?"})):
        assert (refused.status, refused.json["error"]) == (401, "auth_required_password")
    assert (await say(system, {"password": "wrong"})).json["error"] == "Invalid password"
    cookie = await enter(system)
    assert (await say(system, {"input": "?"}, cookie=cookie)).status == 200
    assert (await system.request("GET", "/api/chat/help-desk", headers={"cookie": cookie})).status == 200
    system.clock.advance(24 * 3600)
    assert (await say(system, {"input": "?"}, cookie=cookie)).status == 401


@pytest.mark.parametrize(
    "ticket", ["", "x", "9999999999", "9999999999.", "9999999999.0000", "\xb2.0", "9" * 400 + ".0"]
)
async def test_a_forged_ticket_grants_no_access(system: System, ticket: str) -> None:
    await publish(system, LOCKED)
    assert (await say(system, {"input": "?"}, cookie=f"chat_auth_C1={ticket}")).status == 401


async def test_a_new_password_closes_every_browser_out(system: System) -> None:
    await publish(system, LOCKED)
    cookie = await enter(system)
    await system.send("PATCH", "/api/chat/manage/C1", {"password": "another one"})
    assert (await say(system, {"input": "?"}, cookie=cookie)).status == 401
    await enter(system, "another one")


async def test_a_ticket_is_for_one_chat(system: System) -> None:
    await publish(system, LOCKED)
    cookie = await enter(system)
    system.deployments.put("W2")
    await system.send("POST", "/api/chat", {**LOCKED, "workflowId": "W2", "identifier": "other"})
    moved = cookie.replace("C1", "C2")
    assert (await system.request("GET", "/api/chat/other", headers={"cookie": moved})).status == 401


async def test_guesses_are_counted_right_ones_too(system: System) -> None:
    await publish(system, LOCKED)
    for _ in range(10):
        assert (await say(system, {"password": "guess"})).status == 401
    answer = await say(system, {"password": "open sesame"})
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_the_messages_of_an_address_are_limited() -> None:
    async with running_system(rate_limit_public_address=1) as system:
        await publish(system)
        assert (await say(system, {"input": "1"})).status == 200
        assert (await say(system, {"input": "2"})).status == 200
        last = await say(system, {"input": "3"})
        assert last.status == 429
        assert last.headers["x-ratelimit-remaining"] == "0"
        assert len(system.worker.runs) == 2


async def test_the_page_runs_nothing_but_its_own_script(system: System) -> None:
    page = await system.get("/chat/help-desk", key=None)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert b"<script>" not in page.body
    assert b" style=" not in page.body
    for name in ("page.js", "page.css"):
        assert (await system.get(f"/chat/page/{name}", key=None)).status == 200
