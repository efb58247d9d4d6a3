"""A run of the draft on the canvas: its state, its active block, and stopping it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGCONT, SIGSTOP

import pytest
from playwright.sync_api import Locator, expect
from tests.browser.broken_line import breakable_line
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, asking, talking, waiting

from flowport.local.stack import Stack


def test_the_draft_runs_from_the_canvas_block_by_block(console: Console, account: Account) -> None:
    workflow = answering("Run the draft", "return <start.input> + '!';")
    console.goto(f"/workflows/{account.import_(workflow)}").press("Run")
    console.page.get_by_label("input").fill("Tea")
    console.press("Run draft")
    expect(console.block("Answer").locator("[data-run=done]")).to_be_visible()
    expect(console.page.get_by_role("region", name="Result")).to_contain_text('"result": "Tea!"')


def test_a_failed_draft_run_shows_the_block_and_the_reason(console: Console, account: Account) -> None:
    workflow = answering("Fail the draft", "throw new Error('out of tea');")
    console.goto(f"/workflows/{account.import_(workflow)}").press("Run").press("Run draft")
    expect(console.block("Answer").locator("[data-run=failed]")).to_be_visible()
    expect(console.page.get_by_role("alert")).to_contain_text("out of tea")


def test_a_draft_run_whose_line_is_lost_is_followed_on(console: Console, account: Account) -> None:
    workflow_id = account.import_(waiting("Lose the line", 8))
    with breakable_line(account.url) as (url, break_off):
        page = console.goto(f"{url}/workflows/{workflow_id}").press("Run").press("Run draft").page
        expect(console.block("Wait").locator("[data-run=running]")).to_be_visible()
        with page.expect_response(re.compile(r"/executions/.+/stream\?from=\d+")):
            break_off()
        expect(page.get_by_role("region", name="Result")).to_contain_text('"result": "here"')
        for name in ("Start", "Wait", "Answer"):
            expect(console.block(name).locator("[data-run=done]")).to_be_visible()
        blocks = page.get_by_role("list", name="Blocks that ran").get_by_role("listitem")
        expect(blocks).to_have_count(3)
        page.goto("about:blank")


@pytest.mark.full
def test_a_temporary_proxy_error_is_reported_in_the_same_way(console: Console, account: Account) -> None:
    workflow_id = account.import_(waiting("Bad gateway", 8))
    with breakable_line(account.url) as (url, break_off):
        page = console.goto(f"{url}/workflows/{workflow_id}").press("Run").press("Run draft").page
        expect(console.block("Wait").locator("[data-run=running]")).to_be_visible()
        again = re.compile(r"/executions/.+/stream\?from=\d+")
        page.route(again, lambda route: route.fulfill(status=502, body="Bad Gateway"), times=1)
        break_off()
        expect(page.get_by_role("region", name="Result")).to_contain_text('"result": "here"')
        page.goto("about:blank")


def test_a_draft_run_is_stopped(console: Console, account: Account) -> None:
    workflow_id = account.import_(waiting("Stop me", 120))
    console.goto(f"/workflows/{workflow_id}").press("Run").press("Run draft")
    expect(console.block("Wait").locator("[data-run=running]")).to_be_visible()
    console.press("Stop")
    expect(console.page.get_by_role("status").filter(has_text="Stopped")).to_be_visible()
    expect(console.block("Wait").locator("[data-run]")).to_have_count(0)
    expect(console.button("Run draft")).to_be_enabled()
    console.goto(f"/runs?workflow={workflow_id}")
    expect(console.page.get_by_role("row", name=re.compile("Stop me"))).to_contain_text("Cancelled")


@pytest.mark.full
def test_a_run_whose_panel_was_closed_can_still_be_stopped(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(waiting('Look away', 120))}").press("Run").page
    page.get_by_label("input").fill("Two cups")
    console.press("Run draft")
    expect(console.block("Wait").locator("[data-run=running]")).to_be_visible()
    console.press("Close panel").press("Running").press("Stop")
    expect(page.get_by_role("status").filter(has_text="Stopped")).to_be_visible()
    expect(page.get_by_role("textbox", name="input")).to_have_value("Two cups")


@pytest.mark.full
def test_the_draft_runs_by_keyboard_alone(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(talking('No mouse'))}").page
    console.button("Add block").focus()
    page.keyboard.press("ControlOrMeta+Enter")
    for _ in range(3):  # past Help and Close
        page.keyboard.press("Tab")
    page.keyboard.type("Tea")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_role("region", name="Result")).to_contain_text("You said: Tea")


def test_one_button_starts_and_stops_a_run_and_keeps_the_focus(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(waiting('One button', 120))}").press("Run").page
    console.button("Run draft").focus()
    for _ in range(2):
        page.keyboard.press("Enter")
        expect(console.button("Stop")).to_be_focused()
        expect(console.block("Wait").locator("[data-run=running]")).to_be_visible()
        page.keyboard.press("Enter")
        expect(_status(console)).to_have_text("Stopped")
        expect(console.button("Run draft")).to_be_focused()


@pytest.mark.full
def test_a_run_that_ends_leaves_the_focus_unchanged(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('By itself', 'return 1;'))}").press("Run").page
    console.button("Run draft").focus()
    page.keyboard.press("Enter")
    expect(_status(console)).to_have_text("Completed")
    expect(console.button("Run draft")).to_be_focused()


@pytest.mark.full
def test_holding_a_key_does_not_stop_the_run_that_it_started(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(waiting('Held down', 120))}").press("Run").page
    console.button("Run draft").focus()
    for _ in range(4):  # without a key-up between them the browser takes them for repeats
        page.keyboard.down("Enter")
    expect(_status(console)).to_have_text("Running")
    page.keyboard.up("Enter")
    page.wait_for_timeout(300)
    expect(_status(console)).to_have_text("Running")
    console.press("Stop")
    expect(_status(console)).to_have_text("Stopped")


@pytest.mark.full
def test_a_run_shows_its_state_and_duration(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(waiting('Say so', 120))}").press("Run").press("Run draft").page
    expect(_status(console)).to_have_text("Running")
    expect(page.get_by_label("Run the draft").locator("form")).to_contain_text(re.compile(r"Wait\s*\d+ s"))
    console.press("Close panel")
    expect(console.button("Running")).to_have_attribute("aria-busy", "true")
    console.press("Running").press("Stop")
    expect(_status(console)).to_have_text("Stopped")
    expect(console.button("Run")).to_be_visible()


def test_a_run_without_a_worker_is_queued_and_can_be_stopped(console: Console, account: Account, stack: Stack) -> None:
    workflow_id = account.import_(answering("Nobody there", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").press("Run").page
    with _frozen(stack, "executor-service"):
        console.press("Run draft")
        expect(_status(console)).to_have_text("Queued")
        expect(page.get_by_label("Run the draft").locator("form")).to_contain_text(re.compile(r"[1-9] s"))
        expect(console.button("Queued")).to_be_visible()
        console.press("Stop")
        expect(_status(console)).to_have_text("Stopped")
    console.goto(f"/runs?workflow={workflow_id}")
    expect(page.get_by_role("row", name=re.compile("Nobody there"))).to_contain_text("Cancelled")


@contextmanager
def _frozen(stack: Stack, name: str) -> Iterator[None]:
    stack.kill(name, SIGSTOP)
    try:
        yield
    finally:
        stack.kill(name, SIGCONT)


def _status(console: Console) -> Locator:
    return console.page.get_by_label("Run the draft").get_by_role("status")


def test_a_block_that_waits_for_an_answer_is_marked_as_paused(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(asking('Pause the draft'))}").press("Run").press("Run draft")
    expect(_status(console)).to_have_text("Paused")
    for place in (console.block("Ask"), console.page.get_by_role("list", name="Blocks that ran")):
        expect(place.get_by_label("Paused")).to_be_visible()
    expect(console.block("Ask").get_by_label("Done")).to_have_count(0)
