"""A workflow published as a tool, as an agent and as a chat."""

import re

import httpx2
import pytest
from playwright.sync_api import Route, expect
from tests.browser.console import Account, Console, Json
from tests.browser.workflows import answering, talking


def test_a_workflow_becomes_a_tool_that_agents_find_and_call(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Fetch the tea", "return 'oolong';"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    page = console.page
    page.get_by_role("tab", name="MCP").click()
    console.press("Create server")
    page.get_by_label("Name", exact=False).last.fill("Kitchen")
    console.press("Create")
    page.get_by_label("Tool name").fill("No Spaces")
    console.shows("Use lowercase letters, digits and underscores only.")
    page.get_by_label("Tool name").fill("fetch_tea")
    page.get_by_label("Description").fill("Brings tea")
    page.get_by_label("input (string)").fill("Which tea")
    page.get_by_role("checkbox", name="Kitchen").check()
    console.press("Save Tool").notifies("Tool saved.")

    console.press("Copy the URL of Kitchen")
    server = page.evaluate("navigator.clipboard.readText()")
    (tool,) = _mcp(account, server, "tools/list")["tools"]
    assert (tool["name"], tool["description"]) == ("fetch_tea", "Brings tea")
    assert tool["inputSchema"]["properties"]["input"]["description"] == "Which tea"
    called = _mcp(account, server, "tools/call", {"name": "fetch_tea", "arguments": {}})
    assert "oolong" in called["content"][0]["text"]

    page.get_by_role("link", name="Manage").click()
    console.shows("fetch_tea").press("Delete Kitchen").confirm("Delete").shows("No MCP servers")
    assert account.http.get(server).status_code == 404


def _mcp(account: Account, server: str, method: str, params: Json | None = None) -> Json:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    result: Json = account.http.post(server, json=body).raise_for_status().json()["result"]
    return result


@pytest.mark.full
def test_a_tool_without_a_server_is_not_shown_as_saved(console: Console, account: Account) -> None:
    server = {"workspaceId": account.workspace_id, "name": "Cellar", "workflowIds": []}
    made = account.http.post("/api/mcp/workflow-servers", json=server).raise_for_status().json()
    console.goto(f"/workflows/{account.publish(talking('Nobody offers it'))}").press("Live")
    page = console.page
    page.get_by_role("tab", name="MCP").click()
    page.get_by_label("Description").fill("Fetches wine")
    console.press("Save Tool").shows("Select at least one server.")
    expect(page.get_by_label("Description")).to_have_value("Fetches wine")
    page.get_by_role("checkbox", name="Cellar").check()
    console.press("Save Tool").notifies("Tool saved.")
    page.get_by_role("checkbox", name="Cellar").uncheck()
    console.press("Save Tool").notifies("Tool removed from all servers.")
    account.http.delete(f"/api/mcp/workflow-servers/{made['data']['server']['id']}").raise_for_status()


def test_a_workflow_becomes_an_agent_that_others_find_and_call(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Pour the tea", "return 'poured';"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    page = console.page
    page.get_by_role("tab", name="A2A").click()
    page.get_by_label("Description").fill("Pours tea")
    page.get_by_label("Tags").fill("tea, kitchen")
    console.press("Publish Agent").shows("Unpublish")

    console.press("Copy agent card URL")
    address = page.evaluate("navigator.clipboard.readText()")
    card = httpx2.get(address, timeout=30).json()
    assert (card["name"], card["description"]) == ("Pour the tea", "Pours tea")
    assert card["skills"][0]["tags"] == ["tea", "kitchen"]
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "Please"}]}
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    url = card["supportedInterfaces"][0]["url"]
    task = account.http.post(url, json=body, headers={"a2a-version": "1.0"}).json()["result"]["task"]
    assert task["artifacts"][0]["parts"][0]["text"] == "poured"
    console.press("Copy: Send a message")
    assert url in page.evaluate("navigator.clipboard.readText()")

    page.get_by_label("Agent name").fill("Butler")
    console.press("Update").notifies("Agent updated.")
    assert httpx2.get(address, timeout=30).json()["name"] == "Butler"
    console.press("Unpublish").notifies("Agent unpublished.")
    assert httpx2.get(address, timeout=30).status_code == 404
    console.press("Delete").confirm("Delete").notifies("Agent deleted.")
    assert account.http.get(f"/api/workflows/{workflow_id}/a2a").json() == {"agent": None}


def test_a_workflow_is_published_as_a_chat_and_deleted(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Talk to me"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="Chat").click()
    console.page.get_by_label("URL").fill("No Spaces")
    console.shows("Use lowercase letters, digits and hyphens only.")
    console.page.get_by_label("URL").fill("talk-to-me")
    console.press("Launch Chat").notifies("Chat launched.")
    assert httpx2.get(f"{account.url}/api/chat/talk-to-me", timeout=30).json()["title"] == "Talk to me"
    console.page.get_by_role("radio", name="Email").click()
    console.page.get_by_label("Allowed emails").fill("Ada@Example.com\n@board.example")
    console.press("Update").notifies("Chat updated.")
    assert httpx2.get(f"{account.url}/api/chat/talk-to-me", timeout=30).json()["error"] == "auth_required_email"
    found = account.http.get(f"/api/workflows/{workflow_id}/chat/status").json()["deployment"]
    assert found["allowedEmails"] == ["ada@example.com", "@board.example"]
    console.press("Delete").confirm("Delete").notifies("Chat deleted.")
    assert httpx2.get(f"{account.url}/api/chat/talk-to-me", timeout=30).status_code == 404


@pytest.mark.full
def test_updating_a_chat_keeps_its_color_and_its_picture(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Green and round"))
    look = {"primaryColor": "#1d7f4e", "welcomeMessage": "Hi", "imageUrl": "https://example.com/logo.png"}
    account.chat(workflow_id, "green-and-round", title="Green", customizations=look)
    console.goto(f"/workflows/{workflow_id}").press("Live").page.get_by_role("tab", name="Chat").click()
    console.page.get_by_label("Welcome message").fill("Come in")
    console.press("Update").notifies("Chat updated.")
    found = httpx2.get(f"{account.url}/api/chat/green-and-round", timeout=30).json()
    assert found["customizations"] == {**look, "welcomeMessage": "Come in"}


@pytest.mark.full
def test_without_a_mail_server_the_email_option_explains_it(console: Console, account: Account) -> None:
    def without_mail(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "canMail": False})

    console.page.route("**/chat/status", without_mail)
    console.goto(f"/workflows/{account.publish(talking('Mail me'))}").press("Live")
    console.page.get_by_role("tab", name="Chat").click()
    problem = console.page.get_by_text(re.compile("Email is not configured"))
    expect(problem).to_have_count(0)
    console.page.get_by_role("radio", name="Email").click()
    expect(problem).to_be_visible()
