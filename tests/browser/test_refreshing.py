"""A page shows what others save, and combines conflicting changes block by block."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.console import Account, Console, without_refresh
from tests.browser.workflows import block, file, function

BECOMES_VISIBLE = "document.dispatchEvent(new Event('visibilitychange'))"


def _two_blocks(account: Account, name: str) -> str:
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        function("first", "First", 330, 0, "return 'first';"),
        function("last", "Last", 660, 0, "return 'last';"),
    ]
    return account.import_(file(name, blocks, [("start", "first", "source"), ("first", "last", "source")]))


def _save(account: Account, workflow_id: str, **codes: str) -> None:
    """Change the code of blocks as another author."""
    state = account.draft(workflow_id)
    for name, code in codes.items():
        state["blocks"][name]["subBlocks"]["code"]["value"] = code
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()


def _codes(account: Account, workflow_id: str) -> dict[str, Any]:
    blocks = account.draft(workflow_id)["blocks"]
    return {name: blocks[name]["subBlocks"]["code"]["value"] for name in ("first", "last")}


def _code(page: Page) -> Any:
    return page.get_by_role("textbox", name="Code", exact=True)


def test_an_idle_page_shows_what_others_save(console: Console, account: Account) -> None:
    workflow_id = _two_blocks(account, "Watched")
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("First").click()
    _save(account, workflow_id, first="return 'theirs';")
    page.evaluate(BECOMES_VISIBLE)
    expect(_code(page)).to_have_text("return 'theirs';")
    console.notifies("Someone else saved this workflow.").write("Code", "return 'mine';").saved()
    assert _codes(account, workflow_id)["first"] == "return 'mine';"


@pytest.mark.full
def test_changes_of_different_blocks_are_combined(console: Console, account: Account) -> None:
    workflow_id = _two_blocks(account, "Both at work")
    without_refresh(console.page)
    console.goto(f"/workflows/{workflow_id}").block("First").click()
    _save(account, workflow_id, last="return 'theirs';")
    console.write("Code", "return 'mine';").shows("Someone else changed this workflow.")
    console.press("Combine changes").shows("You changed different blocks.").press("Save combined draft").saved()
    assert _codes(account, workflow_id) == {"first": "return 'mine';", "last": "return 'theirs';"}


def test_a_block_that_both_changed_is_chosen_by_its_differences(console: Console, account: Account) -> None:
    workflow_id = _two_blocks(account, "Both in one block")
    without_refresh(console.page)
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("First").click()
    _save(account, workflow_id, first="const a = 1;\nreturn 'theirs';", last="return 'theirs, too';")
    console.write("Code", "const a = 1;\nreturn 'mine';").shows("Someone else changed this workflow.")
    console.press("Combine changes")
    conflict = page.get_by_role("region", name="First", exact=True)
    lines = conflict.get_by_role("region", name="Changed lines of Code")
    expect(lines.get_by_role("deletion")).to_have_text("removed: return 'theirs';")
    expect(lines.get_by_role("insertion")).to_have_text("added: return 'mine';")
    conflict.get_by_role("radio", name="Theirs").click()
    console.press("Save combined draft").saved()
    assert _codes(account, workflow_id) == {"first": "const a = 1;\nreturn 'theirs';", "last": "return 'theirs, too';"}
    expect(_code(page)).to_have_text("const a = 1;return 'theirs';")
    page.get_by_role("button", name="Undo").click()
    expect(_code(page)).to_have_text("const a = 1;return 'mine';")
