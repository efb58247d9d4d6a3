"""A run on the canvas of the version that it executed, and the ways from there to the draft."""

import re

import pytest
from playwright.sync_api import Locator, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, block, file, function


def _panel(console: Console, name: str) -> Locator:
    return console.page.get_by_role("complementary", name=f"Run of {name}")


def _notice(console: Console, text: str) -> Locator:
    return console.page.get_by_role("status").filter(has_text=text)


def _replace_code(account: Account, workflow_id: str, code: str) -> None:
    state = account.draft(workflow_id)
    state["blocks"]["answer"]["subBlocks"]["code"]["value"] = code
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()


def _rename_all(account: Account, workflow_id: str) -> None:
    """Replace the draft by another workflow, with none of the blocks that ran."""
    blocks = [block("begin", "start_trigger", "Begin", 0, 0), function("other", "Other", 330, 0, "return 1;")]
    state = file("Other", blocks, [("begin", "other", "source")])["state"]
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()


def test_a_run_is_shown_on_the_version_that_it_executed(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Then and now", "throw new Error('out of milk');"))
    run_id = account.run(workflow_id, {"input": "Tea"}).headers["x-execution-id"]
    _rename_all(account, workflow_id)
    console.goto(f"/runs/{workflow_id}/{run_id}").page.get_by_role("link", name="View on canvas").click()
    expect(_notice(console, "This is v1 as the run executed it.")).to_be_visible()
    expect(console.block("Start").locator("[data-run=done]")).to_be_visible()
    expect(console.block("Answer").locator("[data-run=failed]")).to_be_visible()
    expect(console.block("Other")).to_have_count(0)
    console.block("Answer").click()
    panel = _panel(console, "Answer")
    expect(panel.get_by_role("alert")).to_contain_text("out of milk")
    expect(panel).to_contain_text(re.compile(r"Status\s*Failed"))
    expect(panel).to_contain_text(re.compile(r"Duration\s*\S+ ms"))
    expect(panel.get_by_text("throw new Error('out of milk');").first).to_be_visible()
    console.block("Start").click()
    expect(_panel(console, "Start")).to_contain_text('"input": "Tea"')


@pytest.mark.full
def test_the_selected_block_is_in_the_address(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Look at this", "return 'tea';"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    console.goto(f"/runs/{workflow_id}/{run_id}/canvas").block("Answer").click()
    expect(_panel(console, "Answer")).to_contain_text("tea")
    console.page.reload()
    expect(_panel(console, "Answer")).to_contain_text("tea")
    console.press("Close panel")
    expect(_panel(console, "Answer")).to_have_count(0)
    console.page.reload()
    expect(console.block("Answer")).to_be_visible()
    expect(_panel(console, "Answer")).to_have_count(0)


def test_a_block_of_the_run_is_edited_in_the_draft(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Mend it here", "throw new Error('out of milk');"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    _replace_code(account, workflow_id, "return 'mended';")
    console.goto(f"/runs/{workflow_id}/{run_id}/canvas?block=answer")
    expect(_panel(console, "Answer")).to_contain_text("out of milk")
    console.page.get_by_role("link", name="Edit this block").click()
    settings = console.page.get_by_label("Settings of Answer")
    expect(settings).to_contain_text("return 'mended';")
    expect(console.block("Answer").locator("[data-run=failed]")).to_be_visible()


@pytest.mark.full
def test_a_block_that_is_no_longer_in_the_draft_cannot_be_edited(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("No longer here", "throw new Error('out of milk');"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    _rename_all(account, workflow_id)
    page = console.goto(f"/runs/{workflow_id}/{run_id}/canvas?block=answer").page
    expect(_panel(console, "Answer")).to_contain_text("This block is no longer in the draft.")
    expect(page.get_by_role("link", name="Edit this block")).to_have_count(0)
    console.goto(f"/runs/{workflow_id}/{run_id}").page.get_by_role("link", name="Edit this block").click()
    notice = _notice(console, "The block is no longer in the draft.")
    notice.get_by_role("link", name="View v1").click()
    expect(_panel(console, "Answer")).to_contain_text("out of milk")


@pytest.mark.full
def test_each_execution_of_a_block_in_a_loop_is_shown_and_first_the_failed_one(
    console: Console, account: Account
) -> None:
    each = {"width": 600, "height": 300, "loopType": "for", "count": 3}
    code = "if (<loop.index> === 2) throw new Error('the last one'); return 'round ' + <loop.index>;"
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        block("each", "loop", "Each", 330, 0, data=each),
        function("inner", "Inner", 150, 90, code, "each"),
    ]
    edges = [("start", "each", "source"), ("each", "inner", "loop-start-source")]
    workflow_id = account.publish(file("Three rounds", blocks, edges))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    console.goto(f"/runs/{workflow_id}/{run_id}/canvas").block("Inner").click()
    panel = _panel(console, "Inner")
    expect(panel.get_by_role("alert")).to_contain_text("the last one")
    panel.get_by_label("Execution").select_option("1 of 3")
    expect(panel).to_contain_text("round 0")
    expect(panel.get_by_role("alert")).to_have_count(0)


def test_a_block_that_did_not_run_is_marked(console: Console, account: Account) -> None:
    workflow = answering("Unreached", "throw new Error('stop here');")
    state = workflow["state"]
    state["blocks"]["after"] = function("after", "After", 660, 0, "return 1;")
    state["edges"].append({**state["edges"][0], "id": "e1", "source": "answer", "target": "after"})
    workflow_id = account.publish(workflow)
    run_id = account.run(workflow_id).headers["x-execution-id"]
    console.goto(f"/runs/{workflow_id}/{run_id}/canvas").block("After").click()
    expect(_panel(console, "After")).to_contain_text("The run did not reach this block.")


def test_the_keyboard_moves_between_the_blocks_of_a_run_and_their_panel(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("By keyboard", "return 'tea';"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    page = console.goto(f"/runs/{workflow_id}/{run_id}/canvas").page
    console.focus("Answer")
    page.keyboard.press("Enter")
    expect(_panel(console, "Answer")).to_be_focused()
    page.keyboard.press("Escape")
    expect(console.block("Answer")).to_be_focused()
    expect(_panel(console, "Answer")).to_have_count(0)


def test_a_run_of_a_draft_is_shown_on_the_current_draft(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Just a draft", "return 'tea';"))
    page = console.goto(f"/workflows/{workflow_id}").press("Run").press("Run draft").shows("Result").page
    console.goto(f"/runs?workflow={workflow_id}")
    page.get_by_role("row", name=re.compile("Just a draft")).get_by_role("link").click()
    page.get_by_role("link", name="View on canvas").click()
    expect(_notice(console, "This run executed a draft.")).to_be_visible()
    expect(console.block("Answer").locator("[data-run=done]")).to_be_visible()


def test_a_run_of_a_deleted_workflow_has_no_canvas(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Deleted since", "return 'tea';"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    account.http.delete(f"/api/workflows/{workflow_id}").raise_for_status()
    console.goto(f"/runs/{workflow_id}/{run_id}/canvas").shows("The workflow of this run was deleted.")


def test_the_input_of_a_run_is_edited_in_try_it(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Once more", "return <start.input> + ' for ' + <start.guests>;"))
    run_id = account.run(workflow_id, {"input": "Tea", "guests": 2}).headers["x-execution-id"]
    console.goto(f"/runs/{workflow_id}/{run_id}").choose("More ways to run again", "Edit input in Try it")
    form = console.page.get_by_role("region", name="Try it")
    expect(form.get_by_label("input")).to_have_value("Tea")
    expect(form.get_by_label("guests")).to_have_value("2")
    form.get_by_label("guests").fill("3")
    console.button("Send request", form).click()
    expect(form).to_contain_text("Tea for 3")


@pytest.mark.full
def test_the_draft_is_run_with_the_input_of_a_run(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Once more in draft", "throw new Error('out of milk');"))
    run_id = account.run(workflow_id, {"input": "Tea"}).headers["x-execution-id"]
    _replace_code(account, workflow_id, "return <start.input> + ' without milk';")
    console.goto(f"/runs/{workflow_id}/{run_id}").choose("More ways to run again", "Run draft with this input")
    panel = console.page.get_by_role("complementary", name="Run the draft")
    expect(panel.get_by_label("input")).to_have_value("Tea")
    console.button("Run draft", panel).click()
    expect(panel.get_by_role("region", name="Result")).to_contain_text("Tea without milk")
