"""The command palette finds workflows, blocks, runs, settings and actions."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering

SEARCH = "Search workflows, blocks, runs, settings and actions"


def test_workflows_are_found_from_every_page(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Quarterly report", "return 1;"))
    for path in ("/", "/runs", "/settings/members"):
        console.goto(path)
        _open(console, "quarterly")
        expect(console.page.get_by_role("option").first).to_contain_text("Quarterly report")
        console.page.keyboard.press("Enter")
        console.page.wait_for_url(re.compile(f"/workflows/{workflow_id}$"))


@pytest.mark.full
def test_blocks_of_the_open_workflow_are_found(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(answering('Blocks by name', 'return 1;'))}")
    expect(console.block("Answer")).to_be_visible()
    _open(console, "answer")
    page = console.page
    page.get_by_role("group", name="Blocks").get_by_role("option", name="Answer").click()
    expect(page.get_by_label("Settings of Answer")).to_be_visible()
    expect(console.block("Answer")).to_be_in_viewport()


def test_a_run_is_found_by_its_id(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Run by id", "return 1;"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    console.goto("/")
    _open(console, run_id)
    expect(console.page.get_by_role("option")).to_contain_text(["Run by id"])
    console.page.keyboard.press("Enter")
    console.page.wait_for_url(re.compile(f"/runs/{workflow_id}/{run_id}$"))


def test_settings_and_actions_are_found(console: Console) -> None:
    console.goto("/")
    _open(console, "webhooks")
    console.page.keyboard.press("Enter")
    console.page.wait_for_url(re.compile("/settings/webhooks$"))
    _open(console, "create workflow")
    console.page.keyboard.press("Enter")
    console.page.wait_for_url(re.compile("/workflows/.+"))
    console.shows("This workflow is empty")


@pytest.mark.full
def test_replays_and_recordings_of_the_open_workflow_are_found(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Replays by name", "return 1;"))
    for name in ("replays", "recordings"):
        console.goto(f"/workflows/{workflow_id}")
        expect(console.block("Answer")).to_be_visible()
        _open(console, f"view {name}")
        console.page.keyboard.press("Enter")
        console.page.wait_for_url(re.compile(f"/workflows/{workflow_id}/{name}$"))
        console.goto("/").choose("Actions for Replays by name", f"View {name}")
        console.page.wait_for_url(re.compile(f"/workflows/{workflow_id}/{name}$"))


@pytest.mark.full
def test_an_action_that_opens_a_dialog_gives_the_keyboard_back(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('Back to the block', 'return 1;'))}").page
    console.focus("Answer")
    _open(console, "add block")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Search blocks")).to_be_focused()
    page.keyboard.press("Escape")
    expect(console.block("Answer")).to_be_focused()


def test_the_palette_opens_by_its_button_and_closes_by_escape(console: Console) -> None:
    page = console.goto("/runs").page
    console.press("Search")
    expect(page.get_by_role("combobox", name=SEARCH)).to_be_focused()
    page.get_by_role("combobox", name=SEARCH).fill("no such thing")
    console.shows("Nothing matches “no such thing”.")
    page.keyboard.press("Escape")
    expect(console.button("Search")).to_be_focused()


def _open(console: Console, search: str) -> None:
    """Open the palette by keyboard and search."""
    expect(console.page.get_by_role("navigation", name="Main")).to_be_visible()
    console.page.keyboard.press("ControlOrMeta+k")
    console.page.get_by_role("combobox", name=SEARCH).fill(search)
