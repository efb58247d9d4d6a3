"""Keyboard users keep their focus, and shortcuts affect nothing else."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.console import Account, Console, held
from tests.browser.workflows import answering, waiting


def test_closing_an_overlay_restores_the_focus(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(answering('Back again', 'return 1;'))}").page
    for name in ("Live", "Add block", "Variables"):
        console.button(name).press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(console.button(name)).to_be_focused()


def test_closing_a_dialog_opened_from_a_menu_focuses_the_menu_button(console: Console, account: Account) -> None:
    account.import_(answering("Named by keyboard", "return 1;"))
    actions = console.goto("/").button("Actions for Named by keyboard")
    actions.press("Enter")
    console.page.get_by_role("menuitem", name="Rename").press("Enter")
    expect(console.page.get_by_role("dialog")).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(actions).to_be_focused()


@pytest.mark.full
def test_a_version_that_was_named_has_the_keyboard(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(answering('Name v1', 'return 1;'))}").press("Live").page
    console.button("Actions for v1").press("Enter")
    page.get_by_role("menuitem", name="Rename").press("Enter")
    page.get_by_label("New name of v1").fill("First light")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^First light"))).to_be_focused()


@pytest.mark.full
def test_mouse_focus_shows_no_tooltip(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(answering('Mouse', 'return 1;'))}").press("Live").page
    console.choose("Actions for v1", "Compare")
    console.button("Close").last.click()
    expect(console.button("Actions for v1")).to_be_focused()
    expect(page.get_by_role("tooltip")).to_have_count(0)


def test_the_draft_is_run_from_any_field(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Written and run", "return 'as it stands';"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    page.get_by_role("textbox", name="Code", exact=True).click()
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_label("Run the draft")).to_be_focused()
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_role("region", name="Result")).to_contain_text('"result": "as it stands"')
    code = account.draft(workflow_id)["blocks"]["answer"]["subBlocks"]["code"]["value"]
    assert code == "return 'as it stands';"


def test_the_save_shortcut_opens_no_browser_dialog(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('By key', 'return 1;'))}").page
    page.evaluate("addEventListener('keydown', event => { window.isOurs = event.defaultPrevented; })")
    console.block("Answer").click()
    page.get_by_role("textbox", name="Code", exact=True).click()
    page.keyboard.press("ControlOrMeta+s")
    assert page.evaluate("window.isOurs")


@pytest.mark.full
def test_a_block_in_progress_is_not_marked_as_not_run(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('Begun', 'return 1;'))}").press("Run").page
    console.shows("Not run yet")
    with held(page, re.compile("/execute$")):
        console.press("Run draft")
        expect(console.button("Stop")).to_be_visible()
        expect(page.get_by_text("Not run yet")).to_have_count(0)


@pytest.mark.full
def test_a_call_from_the_deploy_window_is_stopped_by_the_same_button(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(waiting('Call and stop', 120))}").press("Live").page
    page.get_by_role("tab", name="API").click()
    console.button("Send request").focus()
    page.keyboard.press("Enter")
    expect(console.button("Stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(console.button("Send request")).to_be_focused()


def test_a_panel_that_is_closed_gives_the_keyboard_back(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('Close it', 'return 1;'))}").page
    for opener, panel in ((console.button("Run"), "Run the draft"), (console.block("Answer"), "Settings of Answer")):
        opener.press("Enter")
        expect(page.get_by_label(panel)).to_be_visible()
        console.button("Close panel").press("Enter")
        expect(page.get_by_label(panel)).to_have_count(0)
        expect(opener).to_be_focused()
    console.block("Answer").press("Enter")
    page.get_by_role("switch", name="Enabled").press("Escape")
    expect(page.get_by_label("Settings of Answer")).to_have_count(0)
    expect(console.block("Answer")).to_be_focused()


@pytest.mark.full
def test_enter_on_a_block_moves_to_its_settings_and_escape_back(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('There and back', 'return 1;'))}").page
    block, settings = console.block("Answer"), page.get_by_label("Settings of Answer")
    block.press("Enter")
    expect(settings).to_be_focused()
    page.keyboard.press("Escape")
    expect(settings).to_have_count(0)
    expect(block).to_be_focused()
    block.press("Space")
    expect(settings).to_be_visible()
    page.keyboard.press("Escape")
    expect(settings).to_have_count(0)
    page.wait_for_timeout(100)  # React Flow takes the focus in a later frame
    expect(block).to_be_focused()
