"""The tutorial of the documentation, followed in the console, gives the workflow of its file."""

import re

from playwright.sync_api import expect
from tests.browser.console import NEXT_FRAME, Account, Console, held

CLASSIFY = """const urgent = /down|urgent|asap/i.test(<start.message>) || <start.amount> > 1000;
return { urgent };"""


def test_the_support_desk_is_built_in_the_console(console: Console, account: Account) -> None:
    console.goto("/").press("New workflow").press("Blank workflow")
    console.page.wait_for_url(re.compile("/workflows/.+"))
    workflow_id = console.page.url.rpartition("/")[2]

    console.shows("This workflow is empty").page.keyboard.press("Escape")
    add(console, "start", None)
    for number, (name, kind) in enumerate((("message", "string"), ("amount", "number")), 1):
        console.press("Add field")
        expect(console.page.get_by_label(f"Name of field {number}")).to_be_focused()
        console.page.keyboard.type(name)
        console.page.get_by_label(f"Type of field {number}").select_option(kind)
    console.write("Value of field 2", "0")

    add(console, "function", "Start", name="Classify")
    console.write("Code", CLASSIFY)
    add(console, "condition", "Classify")
    console.write("if, condition 1", "<classify.result.urgent>")
    respond(console, "Condition 1", '{"queue": "on-call"}', status="202")
    add(console, "agent", "Condition 1", name="Answer")
    console.press("Add message").write("Message 1", "<start.message>").write("Model", "echo")
    respond(console, "Answer", '{"answer": <answer.content>}')
    console.page.get_by_label("Escape values in the JSON").check()
    console.saved()

    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
    urgent = account.run(workflow_id, {"message": "My server is down!"})
    assert (urgent.status_code, urgent.json()) == (202, {"queue": "on-call"})
    large = account.run(workflow_id, {"message": "Where is my order?", "amount": 2500})
    assert large.json() == {"queue": "on-call"}
    other = account.run(workflow_id, {"message": "Where is my order?"})
    assert other.json() == {"answer": "This is the built-in demo model. You said: Where is my order?"}


def test_the_editor_opens_once_blocks_can_be_added(console: Console, account: Account) -> None:
    workflow = account.http.post("/api/workflows", json={"name": "Slow", "workspaceId": account.workspace_id})
    page, add_block = console.page, console.button("Add block")
    with held(page, "**/api/block-types", methods=["GET"]):
        with page.expect_response(re.compile("/state$")):
            page.goto(f"/workflows/{workflow.raise_for_status().json()['id']}")
        page.evaluate(NEXT_FRAME)
        expect(add_block).to_have_count(0)
    add_block.click()
    page.get_by_role("combobox", name="Search blocks").fill("start")
    page.keyboard.press("Enter")
    expect(console.block("Start")).to_be_visible()


def add(console: Console, kind: str, after: str | None, *, name: str | None = None) -> None:
    """Add a block after another one, and open its settings."""
    page = console.page
    if after:
        console.focus(after)
        page.keyboard.press("Enter")
        expect(page.get_by_role("main").locator("aside")).to_be_focused()  # in the next frame
        console.focus(after)
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Search blocks").fill(kind)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    if name:
        page.get_by_label("Name", exact=True).fill(name)
        page.keyboard.press("Enter")
        expect(console.block(name)).to_be_visible()


def respond(console: Console, after: str, data: str, *, status: str | None = None) -> None:
    """Add a response with JSON after a block."""
    add(console, "response", after)
    console.page.get_by_label("Response Data Mode").select_option("json")
    console.write("Response Data", data)
    if status:
        console.write("Status Code", status)
