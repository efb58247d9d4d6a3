"""A click, a look at another page or a save in progress loses no unsaved text."""

import pytest
from playwright.sync_api import Locator, expect
from tests.browser.console import Account, Console, held
from tests.browser.workflows import talking


@pytest.mark.full
def test_unsaved_text_survives_a_change_of_tabs(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.publish(talking('Two tabs'))}").press("Live")
    page = console.page
    page.get_by_role("tab", name="Chat").click()
    page.get_by_label("Welcome message").fill("Come in")
    page.get_by_role("tab", name="API").click()
    console.shows("Try it")
    expect(page.get_by_label("Welcome message")).to_be_hidden()
    page.get_by_role("tab", name="Chat").click()
    expect(page.get_by_label("Welcome message")).to_have_value("Come in")


def test_unsaved_text_survives_closing_the_window(console: Console, account: Account) -> None:
    server = {"workspaceId": account.workspace_id, "name": "Pantry", "workflowIds": []}
    made = account.http.post("/api/mcp/workflow-servers", json=server).raise_for_status().json()
    console.goto(f"/workflows/{account.publish(talking('Closed too soon'))}").press("Live")
    page = console.page
    written = {
        "Chat": ("Welcome message", "Come in"),
        "A2A": ("Tags", "tea, kitchen"),
        "MCP": ("Description", "Pours tea"),
        "API": ("input", "Two cups"),
    }

    def on_tab(name: str) -> Locator:
        page.get_by_role("tab", name=name).click()
        return page.get_by_role("tabpanel", name=name).get_by_label(written[name][0], exact=True)

    for tab, (_, text) in written.items():
        on_tab(tab).fill(text)
    page.mouse.move(0, 0)  # Escape would first close a tooltip under the pointer
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.press("Live")
    for tab, (_, text) in written.items():
        expect(on_tab(tab)).to_have_value(text)
    page.get_by_role("tab", name="General").click()
    console.choose("Actions for v1", "Load deployment").confirm("Load deployment")
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.press("Live")
    for tab, (_, text) in written.items():
        expect(on_tab(tab)).to_have_value(text)

    on_tab("A2A")
    console.press("Publish Agent").notifies("Agent published.")
    on_tab("A2A").fill("tea, kitchen, cups")
    console.press("Update").notifies("Agent updated.")
    console.press("Delete").confirm("Delete").notifies("Agent deleted.").press("Close").press("Live")
    expect(on_tab("A2A")).to_have_value("")
    expect(on_tab("MCP")).to_have_value("Pours tea")
    account.http.delete(f"/api/mcp/workflow-servers/{made['data']['server']['id']}").raise_for_status()


@pytest.mark.parametrize(
    ("tab", "route", "action", "done", "field"),
    [
        ("Chat", "**/api/chat", "Launch Chat", "Chat launched.", "Welcome message"),
        pytest.param(
            "A2A",
            "**/api/a2a/agents",
            "Publish Agent",
            "Agent published.",
            "Description",
            marks=pytest.mark.full,
        ),
    ],
)
def test_text_typed_during_a_save_stays_unsaved(
    console: Console, account: Account, tab: str, route: str, action: str, done: str, field: str
) -> None:
    console.goto(f"/workflows/{account.publish(talking(f'Still writing in {tab}'))}").press("Live")
    page = console.page
    page.get_by_role("tab", name=tab).click()
    if tab == "Chat":
        page.get_by_label("URL").fill("still-writing")
    page.get_by_label(field).fill("Sent")
    with held(page, route):
        console.press(action)
        page.get_by_label(field).fill("Written later")
    console.shows(done)
    expect(page.get_by_label(field)).to_have_value("Written later")
    console.press("Close").press("Live").page.get_by_role("tab", name=tab).click()
    expect(page.get_by_label(field)).to_have_value("Written later")
    console.press("Update").shows(done.replace("launched", "updated").replace("published", "updated"))
    page.reload()
    console.press("Live").page.get_by_role("tab", name=tab).click()
    expect(page.get_by_label(field)).to_have_value("Written later")


@pytest.mark.parametrize(
    ("path", "opener", "name"),
    [("keys", "Create key", "Backend"), pytest.param("mcp", "Create server", "Kitchen", marks=pytest.mark.full)],
)
def test_a_half_written_form_is_not_closed_by_accident(console: Console, path: str, opener: str, name: str) -> None:
    page = console.goto(f"/settings/{path}").press(opener).page
    page.get_by_role("textbox", name="Name").fill(name)
    console.click_outside().shows("Your changes will be lost.").confirm("Cancel")
    page.keyboard.press("Escape")
    console.shows("Your changes will be lost.").confirm("Cancel")
    expect(page.get_by_role("textbox", name="Name")).to_have_value(name)
    page.keyboard.press("Escape")
    console.confirm("Discard changes")
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.press(opener)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
