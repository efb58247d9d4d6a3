"""Blocks are added, moved, deleted and restored."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, long, thirty


def test_undo_restores_deleted_blocks_in_one_step(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Bring it back", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    console.page.keyboard.press("Delete")
    console.saved()
    state = account.draft(workflow_id)
    assert (list(state["blocks"]), state["edges"]) == (["start"], [])
    console.press("Undo (Ctrl Z)").saved()
    state = account.draft(workflow_id)
    assert (list(state["blocks"]), len(state["edges"])) == (["start", "answer"], 1)


@pytest.mark.full
def test_deleted_or_undone_blocks_are_no_longer_selected(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(long('One after the other', 3))}").page
    console.block("Step 1").click()
    page.keyboard.press("Delete")
    console.block("Step 2").click()
    expect(page.get_by_label("Settings of Step 2")).to_be_visible()
    switch = page.get_by_role("switch", name="Enabled")
    for is_on in (False, True):
        page.keyboard.press("Shift+E")
        expect(switch).to_be_checked(checked=is_on)

    page.keyboard.press("ControlOrMeta+d")
    expect(page.get_by_label("Settings of Step 1")).to_be_visible()
    console.press("Undo (Ctrl Z)").block("Step 2").click()
    expect(page.get_by_label("Settings of Step 2")).to_be_visible()


def test_everything_is_deleted_by_keyboard_however_fast(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Begin again", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").button("Add block").focus()
    console.page.keyboard.press("ControlOrMeta+a")
    console.page.keyboard.press("Backspace")
    console.shows("This workflow is empty").saved()
    assert account.draft(workflow_id)["blocks"] == {}


def test_a_block_is_added_by_keyboard_alone(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Type it in", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").button("Add block").focus()
    console.page.keyboard.press("/")
    expect(console.page.get_by_label("Search blocks")).to_be_focused()
    console.page.keyboard.type("http")
    console.page.keyboard.press("Enter")
    console.saved()
    assert len(account.draft(workflow_id)["blocks"]) == 3


def test_undo_reverts_a_drag_into_a_loop_in_one_step(console: Console, account: Account) -> None:
    workflow_id = account.import_(thirty("Drag it in"))
    console.goto(f"/workflows/{workflow_id}")
    page, note, loop = console.page, console.place_of("Start"), console.place_of("Each Item")
    page.mouse.move(note["x"] + 40, note["y"] + 8)
    page.mouse.down()
    page.mouse.move(loop["x"] + 80, loop["y"] + loop["height"] - 40, steps=10)
    page.mouse.up()
    console.saved()
    assert account.draft(workflow_id)["blocks"]["start"]["data"]["parentId"] == "each"
    console.press("Undo (Ctrl Z)").saved()
    start = account.draft(workflow_id)["blocks"]["start"]
    assert (start["data"], start["position"]) == ({}, {"x": 0, "y": 200})


@pytest.mark.full
def test_undo_reverts_a_resized_container_in_one_step(console: Console, account: Account) -> None:
    workflow_id = account.import_(thirty("Draw it larger"))
    before = account.draft(workflow_id)["blocks"]
    console.goto(f"/workflows/{workflow_id}").focus("Each Item")
    page = console.page
    page.keyboard.press("Enter")
    console.place_of("Each Item")
    corner = console.block("Each Item").locator(".react-flow__resize-control.handle.top.left").bounding_box()
    assert corner
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y - 40, steps=10)
    page.mouse.up()
    console.saved()
    larger = account.draft(workflow_id)["blocks"]["each"]
    assert larger["data"]["width"] > before["each"]["data"]["width"]
    assert larger["position"]["x"] < before["each"]["position"]["x"]
    console.press("Undo (Ctrl Z)").saved()
    after = account.draft(workflow_id)["blocks"]
    for block in ("each", "s0"):
        assert (after[block]["position"], after[block]["data"]) == (before[block]["position"], before[block]["data"])


def test_a_container_is_pasted_into_another_workflow_and_visible(console: Console, account: Account) -> None:
    source, target = account.import_(thirty("From here")), account.import_(answering("To there", "return 1;"))
    console.goto(f"/workflows/{source}").focus("Fan Out")
    console.page.keyboard.press("Enter")
    console.page.keyboard.press("ControlOrMeta+c")
    console.goto(f"/workflows/{target}").page.keyboard.press("ControlOrMeta+v")
    console.saved()
    expect(console.block("Inner 2")).to_be_in_viewport()
    blocks = {block["name"]: block for block in account.draft(target)["blocks"].values()}
    assert set(blocks) == {"Start", "Answer", "Fan Out", "Branch", "Inner Loop", "Inner 1", "Inner 2"}
    assert blocks["Inner 2"]["data"]["parentId"] == blocks["Inner Loop"]["id"]


def test_text_that_is_selected_is_copied_as_text(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(answering('Copy the result', 'return 42;'))}")
    console.block("Answer").click()
    console.press("Run").press("Run draft")
    result = console.page.get_by_role("region", name="Result")
    result.get_by_text("42").select_text()
    console.page.keyboard.press("ControlOrMeta+c")
    assert '"result": 42' in console.page.evaluate("navigator.clipboard.readText()")


@pytest.mark.full
def test_the_block_list_filters_by_typing_and_adds_the_block_beside(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Two loops", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").button("Add block").focus()
    page = console.page
    for number in (1, 2):
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.get_by_role("combobox", name="Search blocks").fill("loop")
        page.keyboard.press("Enter")
        expect(console.block(f"Loop {number}")).to_be_visible()
    console.saved()
    first, second = [block for block in account.draft(workflow_id)["blocks"].values() if block["type"] == "loop"]
    assert first["position"] != second["position"]


@pytest.mark.full
def test_no_connection_ends_at_a_start_block(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(answering('No way back', 'return 1;'))}").button("Add block").focus()
    console.page.keyboard.press("/")
    console.page.get_by_role("combobox", name="Search blocks").fill("wait")
    console.page.keyboard.press("Enter")
    targets = console.page.get_by_label("Connect Wait 1 to")
    expect(targets).to_have_text(re.compile("Answer"))
    expect(targets).not_to_have_text(re.compile("Start"))
