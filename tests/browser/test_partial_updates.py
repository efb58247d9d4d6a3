"""Concurrent editors: each changes only the fields that they edited."""

from typing import Any

import httpx2
import pytest
from playwright.sync_api import Locator, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, talking


def test_renaming_a_workflow_keeps_its_description(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Old name", "return 1;"))
    console.goto("/").choose("Actions for Old name", "Rename")
    account.http.put(f"/api/workflows/{workflow_id}", json={"description": "Said meanwhile"}).raise_for_status()
    console.page.get_by_role("textbox", name="Name").fill("New name")
    console.press("Save")
    expect(console.page.get_by_role("row", name="New name")).to_contain_text("Said meanwhile")


def test_describing_a_server_keeps_its_access(console: Console, account: Account) -> None:
    body = {"workspaceId": account.workspace_id, "name": "Larder", "workflowIds": [], "isPublic": True}
    made = account.http.post("/api/mcp/workflow-servers", json=body).raise_for_status().json()
    path = f"/api/mcp/workflow-servers/{made['data']['server']['id']}"
    console.goto("/settings/mcp").press("Edit Larder")
    account.http.patch(path, json={"isPublic": False}).raise_for_status()
    console.page.get_by_label("Description").fill("Cold")
    console.press("Save")
    expect(console.page.get_by_role("dialog")).to_have_count(0)
    found = account.http.get(path).raise_for_status().json()["data"]["server"]
    assert (found["description"], found["isPublic"]) == ("Cold", False)
    account.http.delete(path).raise_for_status()


def test_changing_the_texts_of_a_chat_keeps_its_access(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Closed meanwhile"))
    account.chat(workflow_id, "closed-meanwhile", title="Closed meanwhile")
    welcome = _on_tab(console, workflow_id, "Chat").get_by_label("Welcome message")
    expect(welcome).to_be_visible()
    chat = account.http.get(f"/api/workflows/{workflow_id}/chat/status").json()["deployment"]["id"]
    closed = {"authType": "password", "password": "open sesame"}
    account.http.patch(f"/api/chat/manage/{chat}", json=closed).raise_for_status()
    welcome.fill("Come in")
    console.press("Update").notifies("Chat updated.")
    answer = httpx2.get(f"{account.url}/api/chat/closed-meanwhile", timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (401, "auth_required_password")


def test_changing_the_texts_of_an_agent_keeps_its_access(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Private again"))
    _publish_agent(account, workflow_id, isPublic=True)
    description = _on_tab(console, workflow_id, "A2A").get_by_label("Description")
    expect(description).to_be_visible()
    account.http.patch(f"/api/workflows/{workflow_id}/deploy", json={"isPublicApi": False}).raise_for_status()
    description.fill("Talks back")
    console.press("Update").notifies("Agent updated.")
    assert account.deployment(workflow_id)["isPublicApi"] is False


@pytest.mark.full
def test_changing_the_texts_of_an_agent_keeps_its_skills(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Skilled"))
    skill = {"id": "sum-up", "name": "Sum up", "description": "", "tags": ["short"], "examples": ["Sum this up"]}
    _publish_agent(account, workflow_id, skills=[skill])
    tab = _on_tab(console, workflow_id, "A2A")
    expect(tab.get_by_label("Tags")).to_be_disabled()
    tab.get_by_label("Description").fill("Sums up")
    console.press("Update").notifies("Agent updated.")
    agent = account.http.get(f"/api/workflows/{workflow_id}/a2a").json()["agent"]
    assert (agent["description"], agent["skills"]) == ("Sums up", [skill])


def _on_tab(console: Console, workflow_id: str, tab: str) -> Locator:
    page = console.goto(f"/workflows/{workflow_id}").press("Live").page
    page.get_by_role("tab", name=tab).click()
    return page.get_by_role("tabpanel", name=tab)


def _publish_agent(account: Account, workflow_id: str, **body: Any) -> None:
    """Make the workflow such an agent."""
    account.http.post("/api/a2a/agents", json={"workflowId": workflow_id, **body}).raise_for_status()
