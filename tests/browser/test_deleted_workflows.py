"""Deleted workflows: undone at once, restored later, or deleted permanently."""

from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering


def _delete(console: Console, name: str) -> None:
    console.goto("/").choose(f"Actions for {name}", "Delete").confirm("Delete").notifies(f"Deleted {name}.")
    expect(console.page.get_by_role("row", name=name)).to_have_count(0)


def test_a_deletion_is_undone_with_its_endpoint(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Deleted by mistake", "return 'alive';"))
    _delete(console, "Deleted by mistake")
    assert account.run(workflow_id).status_code == 404
    console.press("Undo").notifies("Restored Deleted by mistake.")
    expect(console.page.get_by_role("row", name="Deleted by mistake")).to_contain_text("Live v1")
    assert account.run(workflow_id).json()["output"]["result"] == "alive"


def test_a_deleted_workflow_is_restored_from_the_list(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Missed later", "return 1;"))
    _delete(console, "Missed later")
    console.goto("/").press("Deleted workflows").press("Restore Missed later")
    console.notifies("Restored Missed later. It is not deployed: promote v1.")
    console.press("Close")
    expect(console.page.get_by_role("row", name="Missed later")).to_contain_text("Draft")
    assert account.deployment(workflow_id)["isDeployed"] is False


def test_a_deleted_workflow_is_deleted_permanently(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Not wanted", "return 1;"))
    _delete(console, "Not wanted")
    console.press("Deleted workflows").press("Delete now: Not wanted").confirm("Delete permanently")
    console.notifies("Deleted Not wanted permanently.")
    expect(console.page.get_by_role("row", name="Not wanted")).to_have_count(0)
    path = f"/api/workspaces/{account.workspace_id}"
    assert account.http.post(f"{path}/workflows/{workflow_id}/restore", json={}).status_code == 404
    erasures = account.http.get(f"{path}/erasures").json()["erasures"]
    assert workflow_id in [erasure["workflowId"] for erasure in erasures]
