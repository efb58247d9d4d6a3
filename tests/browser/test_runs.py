"""Runs: how they went, how long the queue is, and what can still be done about one."""

import re

from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, asking


def test_a_failing_run_is_seen_with_its_block_and_message(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("It fails", "throw new Error('no more tea');"))
    account.run(workflow_id)
    console.goto(f"/runs?workflow={workflow_id}&status=failed")
    console.page.get_by_role("link", name="It fails").click()
    expect(console.page.get_by_role("heading", name=re.compile("It fails"))).to_contain_text("Failed")
    blocks = console.page.get_by_role("region", name="Blocks")
    expect(blocks.get_by_role("button", name=re.compile("Answer"))).to_be_visible()
    console.shows(re.compile("no more tea"))
    console.press("Run again")
    console.page.wait_for_url(re.compile(rf"/runs/{workflow_id}/(?!.*undefined).+"))


def test_a_paused_run_is_answered_where_its_link_leads(console: Console, account: Account) -> None:
    workflow_id = account.publish(asking("Ask about tea"))
    run_id = account.run(workflow_id, {"input": "two"}).json()["executionId"]
    console.goto(f"/runs?workflow={workflow_id}&status=paused").shows("Ask about tea")
    console.goto(f"/resume/{workflow_id}/{run_id}")
    console.page.wait_for_url(re.compile(f"/runs/{workflow_id}/{run_id}$"))
    console.shows("Tea for two")
    console.page.get_by_label("verdict").fill("Serve it")
    console.press("Send answer").shows("The run goes on.")
    expect(console.page.get_by_role("heading", name=re.compile("Ask about tea"))).to_contain_text("Completed")
    expect(console.page.get_by_role("region", name="Output")).to_contain_text("Serve it")


def test_a_run_that_waits_is_cancelled(console: Console, account: Account) -> None:
    workflow_id = account.publish(asking("Never mind"))
    run_id = account.run(workflow_id).json()["executionId"]
    console.goto(f"/runs/{workflow_id}/{run_id}").press("Copy as cURL")
    assert f"/api/workflows/{workflow_id}/execute" in console.page.evaluate("navigator.clipboard.readText()")
    console.press("Cancel")
    expect(console.page.get_by_role("heading", name=re.compile("Never mind"))).to_contain_text("Cancelled")
    console.goto(f"/runs?workflow={workflow_id}&status=cancelled")
    expect(console.page.get_by_role("row", name=re.compile("Never mind"))).to_contain_text("Cancelled")


def test_the_queue_tells_its_length_and_what_a_job_waits(console: Console) -> None:
    console.goto("/runs")
    queue = console.page.get_by_label("Queue")
    expect(queue).to_contain_text(re.compile(r"In the queue\s*0 of 1,000"))
    expect(queue).to_contain_text("Under a second")
