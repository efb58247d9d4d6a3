"""Agents in the public API: the card, the processing of messages, and the protocol's errors."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.support.gateway.agent_calls import AGENTS, SERVE, TASK, a_task, error_of, message, publish
from tests.support.gateway.clock import NOON
from tests.support.gateway.followed_worker import FollowedWorker
from tests.support.gateway.system import Answer, Call, System
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.visitor import Visitor
from tests.support.gateway.worker import outcome

from gateway.a2a.stream import parts_of
from gateway.a2a.wire import Part
from gateway.access.credentials import Scope
from gateway.access.models import Role
from shared.contracts.deployments import Workflow
from shared.contracts.events import Chunk, RunEnded, RunStarted, StreamReset
from shared.contracts.jobs import PauseKind, PausePoint
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunStatus, Trigger
from shared.errors import Unavailable

CARD = f"{SERVE}/.well-known/agent-card.json"
SKILL = {"id": "sum", "name": "Sums", "description": "Adds.", "tags": ["maths"], "examples": ["1 + 1"]}


def call_of(
    system: System, method: str, params: Any = None, *, key: str | None = "", version: str | None = "1.0"
) -> Call:
    shown = {"x-api-key": system.key if key == "" else key} if key is not None else {}
    headers = {**shown, **({"a2a-version": version} if version else {}), "content-type": "application/json"}
    body = {"jsonrpc": "2.0", "id": "c1", "method": method, **({} if params is None else {"params": params})}
    return system.call("POST", SERVE, headers=headers, body=msgspec.json.encode(body))


async def ask(system: System, method: str, params: Any = None, **options: Any) -> Answer:
    return await call_of(system, method, params, **options).done()


async def begun(system: System, call: Call) -> FollowedWorker:
    """Return the worker of the run that a call starts."""
    async with asyncio.timeout(30):
        while not system.jobs.accepted:  # noqa: ASYNC110
            await asyncio.sleep(0)
    run_id = system.jobs.accepted[0].run.run_id
    return FollowedWorker.of(system, run_id, **TASK)


def results(answer: Answer) -> list[dict[str, Any]]:
    frames = [msgspec.json.decode(frame.removeprefix("data: ")) for frame in answer.body.decode().split("\n\n")[:-1]]
    assert {frame["id"] for frame in frames} == {"c1"}
    return [frame["result"] for frame in frames]


async def test_a_card_describes_the_agent_and_how_to_call_it(system: System) -> None:
    made = await publish(system, description="Does sums", skills=[SKILL])
    assert made["cardUrl"] == f"https://flow.example{CARD}"
    assert (await system.get(CARD, key=None)).json == {
        "name": "Workflow W",
        "description": "Does sums",
        "version": "1",
        "supportedInterfaces": [
            {"url": f"https://flow.example{SERVE}", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        ],
        "capabilities": {"streaming": True, "pushNotifications": False, "extendedAgentCard": False},
        "securitySchemes": {
            "apiKey": {"apiKeySecurityScheme": {"location": "header", "name": "x-api-key"}},
            "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}},
        },
        "securityRequirements": [{"schemes": {"apiKey": {"list": []}}}, {"schemes": {"bearer": {"list": []}}}],
        "defaultInputModes": ["text/plain", "application/json", "application/octet-stream"],
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": [SKILL],
    }


async def test_pages_of_any_origin_may_look_and_call(system: System) -> None:
    for path in (CARD, SERVE):
        rules = (await system.request("OPTIONS", path)).headers
        assert rules["access-control-allow-origin"] == "*"
        assert "A2A-Version" in rules["access-control-allow-headers"]
    assert (await system.request("OPTIONS", AGENTS)).headers["access-control-allow-origin"] != "*"


async def test_an_agent_whose_workflow_cannot_be_opened_is_not_published(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def set_access(*_: object) -> Workflow:
        raise Unavailable("deploy-service does not respond")

    monkeypatch.setattr(system.deployments, "set_access", set_access)
    assert (await system.send("POST", AGENTS, {"workflowId": "W", "isPublic": True})).status == 503
    assert system.agents.stored == {}
    assert system.audit.entries == []
    monkeypatch.undo()
    await publish(system, isPublic=True)


async def test_an_agent_without_skills_has_its_workflow_as_skill(system: System) -> None:
    await publish(system, isPublic=True)
    card = (await system.get(CARD, key=None)).json
    assert [(skill["id"], skill["description"]) for skill in card["skills"]] == [("run", "Runs Workflow W")]
    assert "securitySchemes" not in card, "whose workflow is public needs no key"


async def test_a_card_has_the_description_of_its_workflow(system: System) -> None:
    """The description, unlike the change note of its latest version."""
    await publish(system)
    await system.send("PUT", "/api/workflows/W", {"description": "Adds."})
    await system.send("POST", "/api/v1/workflows/W/deploy", {"description": "Quicker now."})
    card = (await system.get(CARD, key=None)).json
    assert [card["description"], card["skills"][0]["description"]] == ["Adds.", "Adds."]


async def test_an_agent_is_changed_hidden_and_deleted(system: System) -> None:
    made = await publish(system)
    assert (await system.get("/api/workflows/W/a2a")).json == {"agent": made}
    again = await system.send("POST", AGENTS, {"workflowId": "W"})
    assert (again.status, again.json["error"]) == (400, "Workflow already has an agent")
    changed = await system.send("PATCH", f"{AGENTS}/A1", {"name": "Desk", "isPublic": True, "skills": [SKILL]})
    assert (changed.json["name"], changed.json["isPublic"], changed.json["skills"]) == ("Desk", True, [SKILL])
    assert system.deployments.endpoints["W"].is_public, "there is one access mode"
    await system.send("PATCH", f"{AGENTS}/A1", {"isPublished": False})
    assert (await system.get(CARD)).status == 404
    assert (await ask(system, "GetTask", {"id": "T1"})).status == 404
    await system.send("PATCH", f"{AGENTS}/A1", {"isPublished": True})
    assert (await system.get(CARD)).status == 200
    assert (await system.send("DELETE", f"{AGENTS}/A1")).status == 200
    assert (await system.get(CARD)).status == 404
    assert (await system.get("/api/workflows/W/a2a")).json == {"agent": None}
    actions = [entry.action for entry in system.audit.entries if entry.action.startswith("agent.")]
    assert actions == ["agent.created", "agent.changed", "agent.changed", "agent.changed", "agent.deleted"]


async def test_only_admins_change_and_strangers_see_nothing(system: System) -> None:
    await publish(system)
    writer = await Visitor.with_role(system, Role.WRITE)
    assert (await writer.send("GET", f"{AGENTS}/A1")).status == 200
    assert (await writer.send("PATCH", f"{AGENTS}/A1", {"isPublished": False})).status == 403
    key = system.tenants.issue(OTHER)
    for method in ("GET", "PATCH", "DELETE"):
        assert (await system.send(method, f"{AGENTS}/A1", {}, key=key)).status == 404
    assert (await ask(system, "GetTask", {"id": "T1"}, key=key)).status == 404


async def test_an_undeployed_workflow_cannot_be_an_agent_and_has_no_card(system: System) -> None:
    await publish(system)
    system.deployments.undeployed("W")
    system.clock.advance(2)
    assert (await system.get(CARD)).status == 404
    assert error_of(await ask(system, "SendMessage", message())) == (200, -32004, "NOT_DEPLOYED")
    system.deployments.undeployed("Never")
    assert (await system.send("POST", AGENTS, {"workflowId": "Never"})).status == 400


async def test_a_message_is_a_run_and_its_answer_an_artifact(system: System) -> None:
    await publish(system)
    parts = ({"text": "Add"}, {"data": {"a": 2}}, {"raw": "aGk=", "filename": "n.txt", "mediaType": "text/plain"})
    call = call_of(system, "SendMessage", message(*parts, contextId="C1"))
    worker = await begun(system, call)
    worker.ends({"content": "Four"})
    await worker.report(RunEnded(outcome()))
    answer = await call.done()
    run = system.jobs.accepted[0].run
    assert (run.mode, run.trigger, run.conversation_id) == (RunMode.STREAM, Trigger.A2A, "C1")
    assert msgspec.json.decode(bytes(run.input.inline)) == {
        "a": 2,
        "input": "Add",
        "files": [{"type": "file", "data": "data:text/plain;base64,aGk=", "name": "n.txt", "mime": "text/plain"}],
        "conversationId": "A1:C1",
    }
    task = answer.json["result"]["task"]
    assert (task["id"], task["contextId"]) == (run.run_id, "C1")
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert [artifact["parts"] for artifact in task["artifacts"]] == [[{"text": "Four", "mediaType": "text/plain"}]]


async def test_a_nonblocking_caller_gets_a_task_to_poll(system: System) -> None:
    await publish(system)
    system.jobs.shows_accepted = True
    body = {**message(), "configuration": {"returnImmediately": True}}
    task = (await ask(system, "SendMessage", body)).json["result"]["task"]
    assert task["status"]["state"] == "TASK_STATE_SUBMITTED"
    assert system.jobs.accepted[0].run.mode is RunMode.ASYNC
    assert task["id"] == (await ask(system, "GetTask", {"id": task["id"]})).json["result"]["id"]


async def test_a_stream_sends_text_as_it_is_written(system: System) -> None:
    await publish(system)
    call = call_of(system, "SendStreamingMessage", message(contextId="C1"))
    worker = await begun(system, call)
    await worker.report(RunStarted(), Chunk("B", "Fo"), Chunk("B", "ur"))
    worker.ends({"content": "Four"})
    await worker.report(RunEnded(outcome()))
    updates = results(await call.done())
    assert updates[0]["task"]["status"]["state"] == "TASK_STATE_SUBMITTED"
    assert updates[1]["statusUpdate"]["status"]["state"] == "TASK_STATE_WORKING"
    made = [update["artifactUpdate"] for update in updates[2:-1]]
    assert [(one["artifact"]["parts"][0]["text"], one.get("append", False)) for one in made] == [
        ("Fo", False),
        ("ur", True),
    ]
    assert updates[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_no_letter_ends_a_frame_for_readers_that_know_many_ends_of_a_line(system: System) -> None:
    await publish(system)
    text = "a\u2028b\u2029c\x85d\x0be"
    call = call_of(system, "SendStreamingMessage", message())
    worker = await begun(system, call)
    await worker.report(Chunk("B", text))
    worker.ends({"content": text})
    await worker.report(RunEnded(outcome()))
    answer = await call.done()
    assert all(line.startswith("data: ") for line in answer.body.decode().splitlines() if line)
    made = [updates["artifactUpdate"] for updates in results(answer) if "artifactUpdate" in updates]
    assert [one["artifact"]["parts"][0]["text"] for one in made] == [text]


async def test_text_that_is_not_the_answer_gives_way_to_it(system: System) -> None:
    await publish(system)
    call = call_of(system, "SendStreamingMessage", message())
    worker = await begun(system, call)
    await worker.report(Chunk("B", "lost"))
    worker.number = 0
    await worker.report(StreamReset(2), Chunk("B", "draft"), attempt=2)
    worker.ends({"result": {"n": 4}})
    await worker.report(RunEnded(outcome()), attempt=2)
    made = [updates["artifactUpdate"] for updates in results(await call.done()) if "artifactUpdate" in updates]
    parts = [one["artifact"]["parts"][0] for one in made]
    assert [part.get("text", part.get("data")) for part in parts] == ["lost", "", "draft", {"n": 4}]
    assert not any(one.get("append") for one in made)
    assert made[-1]["lastChunk"]


async def test_a_failed_run_is_a_failed_task_with_a_reason(system: System) -> None:
    await publish(system)
    a_task(system, RunStatus.FAILED, error=RunError(ErrorCode.EXECUTION_FAILED, "boom"))
    task = (await ask(system, "GetTask", {"id": "T1"})).json["result"]
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert task["status"]["message"]["parts"] == [{"text": "boom", "mediaType": "text/plain"}]
    assert "artifacts" not in task


async def test_a_pause_for_a_person_is_answered_by_a_message(system: System) -> None:
    await publish(system)
    asks = PausePoint("ask", "ask", PauseKind.HUMAN, NOON)
    waiting = outcome({"data": {"question": "Sure?"}}).output
    a_task(system, RunStatus.PAUSED, paused_at=NOON, pauses=(asks,), output=waiting)
    task = (await ask(system, "GetTask", {"id": "T1"})).json["result"]
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert task["status"]["message"]["parts"][0]["data"] == {"question": "Sure?"}
    other = await ask(system, "SendMessage", message(taskId="T1", contextId="other"))
    assert error_of(other) == (200, -32602, "INVALID_REQUEST")
    a_task(system, RunStatus.PAUSED, paused_at=NOON, pauses=(asks,))
    answer = await ask(system, "SendMessage", message({"data": {"ok": True}}, taskId="T1", contextId="C1"))
    assert system.jobs.resumed == {"ask": {"ok": True}}
    assert answer.json["result"]["task"]["id"] == "T1"
    twice = await ask(system, "SendMessage", message(taskId="T1"))
    assert error_of(twice) == (200, -32004, "UNSUPPORTED_OPERATION")


async def test_a_timed_pause_requires_no_input(system: System) -> None:
    await publish(system)
    waits = PausePoint("wait", "wait", PauseKind.TIME, NOON)
    a_task(system, RunStatus.PAUSED, paused_at=NOON, pauses=(waits,))
    task = (await ask(system, "GetTask", {"id": "T1"})).json["result"]
    assert task["status"]["state"] == "TASK_STATE_WORKING"
    assert error_of(await ask(system, "SendMessage", message(taskId="T1")))[1] == -32004


async def test_a_task_is_cancelled_once(system: System) -> None:
    await publish(system)
    a_task(system, RunStatus.PROCESSING)
    task = (await ask(system, "CancelTask", {"id": "T1"})).json["result"]
    assert task["status"]["state"] == "TASK_STATE_CANCELED"
    a_task(system, RunStatus.COMPLETED)
    assert error_of(await ask(system, "CancelTask", {"id": "T1"})) == (200, -32002, "TASK_NOT_CANCELABLE")


async def test_a_task_that_is_over_cannot_be_subscribed_to(system: System) -> None:
    await publish(system)
    a_task(system, RunStatus.COMPLETED)
    assert error_of(await ask(system, "SubscribeToTask", {"id": "T1"})) == (200, -32004, "UNSUPPORTED_OPERATION")


async def test_a_run_that_is_not_the_agents_is_not_a_task(system: System) -> None:
    await publish(system)
    a_task(system, RunStatus.COMPLETED, trigger=Trigger.API)
    for method in ("GetTask", "CancelTask", "SubscribeToTask"):
        assert error_of(await ask(system, method, {"id": "T1"})) == (200, -32001, "TASK_NOT_FOUND")
        assert error_of(await ask(system, method, {"id": "none"})) == (200, -32001, "TASK_NOT_FOUND")
    assert system.jobs.cancels == []


async def test_public_callers_send_messages_and_read_no_tasks(system: System) -> None:
    await publish(system)
    assert (await ask(system, "SendMessage", message(), key=None)).status == 401
    await system.send("PATCH", f"{AGENTS}/A1", {"isPublic": True})
    call = call_of(system, "SendMessage", message(), key=None)
    worker = await begun(system, call)
    worker.ends()
    await worker.report(RunEnded(outcome()))
    assert (await call.done()).json["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    a_task(system, RunStatus.COMPLETED)
    for method, params in (
        ("GetTask", {"id": "T1"}),
        ("CancelTask", {"id": "T1"}),
        ("SendMessage", message(taskId="T1")),
        ("SendMessage", {**message(), "configuration": {"returnImmediately": True}}),
    ):
        assert error_of(await ask(system, method, params, key=None)) == (401, -32603, "UNAUTHENTICATED")


async def test_a_key_needs_the_execute_scope_and_the_workflow(system: System) -> None:
    await publish(system)
    reader = system.tenants.issue(scopes=frozenset({Scope.READ}))
    assert (await ask(system, "GetTask", {"id": "T1"}, key=reader)).status == 403
    elsewhere = system.tenants.issue(workflow_ids=("other",))
    assert (await ask(system, "GetTask", {"id": "T1"}, key=elsewhere)).status == 403


@pytest.mark.parametrize(
    ("method", "params", "number"),
    [
        ("message/send", message(), -32601),
        ("ListTasks", {}, -32004),
        ("GetExtendedAgentCard", {}, -32004),
        ("CreateTaskPushNotificationConfig", {}, -32003),
        ("SendMessage", {**message(), "configuration": {"taskPushNotificationConfig": {"url": "x"}}}, -32003),
        ("SendMessage", {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": []}}, -32602),
        ("SendMessage", message({"text": "a", "url": "b"}), -32602),
        ("SendMessage", message({"data": [1]}), -32005),
        ("GetTask", {}, -32602),
    ],
)
async def test_an_invalid_call_gets_the_protocols_error_code(
    system: System, method: str, params: Any, number: int
) -> None:
    await publish(system)
    assert error_of(await ask(system, method, params))[:2] == (200, number)
    assert system.jobs.accepted == []


@pytest.mark.parametrize("version", [None, "0.3", "2.0"])
async def test_another_version_of_the_protocol_is_refused(system: System, version: str | None) -> None:
    await publish(system)
    assert error_of(await ask(system, "GetTask", {"id": "T1"}, version=version)) == (
        200,
        -32009,
        "VERSION_NOT_SUPPORTED",
    )


@pytest.mark.parametrize(("body", "number"), [(b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"1.0"}', -32600)])
async def test_a_body_that_is_not_a_call_is_refused(system: System, body: bytes, number: int) -> None:
    await publish(system)
    answer = await system.send("POST", SERVE, raw=body, headers={"a2a-version": "1.0"})
    assert error_of(answer)[:2] == (200, number)
    assert answer.json["id"] is None


def test_strangers_do_not_see_what_passed_between_an_agent_and_its_tools() -> None:
    output = b'{"toolCalls":{"list":[{"name":"find","arguments":{"secret":1}}]}}'
    assert parts_of(output) == (Part(data={"toolCalls": {"list": [{"name": "find"}]}}, media_type="application/json"),)
