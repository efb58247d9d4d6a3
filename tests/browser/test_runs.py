"""Runs: their results, the length of the queue, and operations on them."""

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import FloatRect, Locator, Page, Request, Route, expect
from tests.browser.console import Account, Console, Json
from tests.browser.log_rows import log_row
from tests.browser.workflows import answering, asking, block, file, function, talking

from shared.broker.connect import open_broker
from shared.broker.queue_topology import INTERACTIVE
from shared.contracts.messages import DurableRunDispatched
from shared.ids import new_id


def test_a_failed_run_is_shown_with_its_block_and_message(console: Console, account: Account) -> None:
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


@pytest.mark.full
def test_repeating_a_run_calls_its_own_workflow(console: Console, account: Account) -> None:
    mine, other = (account.publish(answering(name, "return 1;")) for name in ("Mine it is", "Another one"))
    run_id = account.run(mine).headers["x-execution-id"]
    console.goto(f"/runs/{other}/{run_id}").press("Run again")
    console.page.wait_for_url(re.compile(rf"/runs/{mine}/(?!{run_id}).+"))
    expect(console.page.get_by_role("heading", name=re.compile("Mine it is"))).to_be_visible()


def test_an_expired_run_is_shown_as_not_found(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Long ago", "return 1;"))
    console.goto(f"/runs/{workflow_id}/{new_id()}").shows("Run not found")
    expect(console.page.get_by_role("link", name="View all runs")).to_have_attribute("href", "/runs")


@pytest.mark.full
def test_a_run_is_shown_before_the_versions_load(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("No hurry", "return 'tea';"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    console.page.route(f"**/api/workflows/{workflow_id}/deployments", hold)
    console.page.goto(f"/runs/{workflow_id}/{run_id}")
    expect(console.page.get_by_role("region", name="Output")).to_contain_text("tea")
    while not held:
        console.page.wait_for_timeout(50)
    held.pop().continue_()
    expect(console.page.get_by_role("definition").filter(has_text="v1")).to_be_visible()


@pytest.mark.parametrize("width", [1440, pytest.param(390, marks=pytest.mark.full)])
def test_model_usage_is_shown_within_the_calling_block(
    open_page: Callable[..., Page], account: Account, width: int
) -> None:
    workflow_id = account.publish(talking("Asks a model"))
    run_id = account.run(workflow_id, {"input": "tea"}).headers["x-execution-id"]
    console = Console(open_page(width=width), account).signed_in().goto(f"/runs/{workflow_id}/{run_id}")
    blocks = console.page.get_by_role("list", name="Blocks of the run")
    whole, part = (_bar(blocks, name) for name in ("Agent 1", "echo"))
    assert whole["x"] - 1 <= part["x"]
    assert part["x"] + part["width"] <= whole["x"] + whole["width"] + 1


def test_a_long_loop_shows_its_first_rounds_and_the_failed_one(console: Console, account: Account) -> None:
    rounds, code = 200, "if (<loop.index> === 199) throw new Error('the last one'); return 1;"
    each = {"width": 600, "height": 300, "loopType": "for", "count": rounds}
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        block("each", "loop", "Each", 330, 0, data=each),
        function("inner", "Inner", 150, 90, code, "each"),
    ]
    edges = [("start", "each", "source"), ("each", "inner", "loop-start-source")]
    workflow_id = account.publish(file("Two hundred rounds", blocks, edges))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    page = console.goto(f"/runs/{workflow_id}/{run_id}").page
    steps = page.get_by_role("list", name="Blocks of the run")
    expect(steps).to_contain_text("Iteration 0")
    expect(steps.get_by_role("listitem").last).to_contain_text("the last one")
    expect(steps).to_contain_text("Iteration 199")
    expect(steps.get_by_text("Iteration 190", exact=True)).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Show more ")).click()
    expect(steps.get_by_text("Iteration 190", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Show more "))).to_have_count(0)


def _bar(blocks: Locator, name: str) -> FloatRect:
    place = blocks.get_by_role("button", name=re.compile(f"^{name}")).get_by_test_id("bar").bounding_box()
    assert place
    return place


def test_a_paused_run_is_answered_on_the_page_of_its_link(console: Console, account: Account) -> None:
    workflow_id = account.publish(asking("Ask about tea"))
    run_id = account.run(workflow_id, {"input": "two"}).json()["executionId"]
    console.goto(f"/runs?workflow={workflow_id}&status=paused").shows("Ask about tea")
    console.goto(f"/resume/{workflow_id}/{run_id}")
    console.page.wait_for_url(re.compile(f"/runs/{workflow_id}/{run_id}$"))
    console.shows("Tea for two")
    expect(console.page.get_by_role("list", name="Blocks of the run")).to_contain_text("Paused")
    console.page.get_by_label("verdict").fill("Serve it")
    console.press("Submit").notifies("Run resumed.")
    expect(console.page.get_by_role("heading", name=re.compile("Ask about tea"))).to_contain_text("Completed")
    expect(console.page.get_by_role("region", name="Output")).to_contain_text("Serve it")


@pytest.mark.full
def test_the_second_answer_to_a_pause_is_reported_as_too_late(console: Console, account: Account) -> None:
    workflow_id = account.publish(asking("First come, first served"))
    run_id = account.run(workflow_id).json()["executionId"]
    page = console.page
    page.clock.install()
    page.goto(f"/runs/{workflow_id}/{run_id}")
    page.get_by_label("verdict").fill("Mine")
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=10))  # the page does not poll in between
    path = f"/api/resume/{workflow_id}/{run_id}"
    (point,) = account.http.get(path).json()["pausePoints"]
    account.http.post(f"{path}/{point['contextId']}", json={"input": {"verdict": "Theirs"}}).raise_for_status()
    while account.http.get(f"/api/v1/logs/{run_id}").json()["data"]["status"] != "completed":
        time.sleep(0.05)
    console.press("Submit").page.clock.resume()
    expect(page.get_by_role("region", name="Output")).to_contain_text("Theirs")
    console.shows(re.compile("cannot be resumed|already been resumed"))


def test_a_boolean_answer_is_a_choice(console: Console, account: Account) -> None:
    form: list[Json] = [
        {"id": "f0", "name": "approved", "type": "boolean", "required": True},
        {"id": "f1", "name": "urgent", "type": "boolean"},
    ]
    workflow_id = account.publish(asking("Yes or no", form=form, code="return [<ask.approved>, <ask.urgent>];"))
    run_id = account.run(workflow_id).json()["executionId"]
    console.goto(f"/runs/{workflow_id}/{run_id}")
    approved, urgent = (console.page.get_by_label(name) for name in ("approved", "urgent"))
    expect(approved).to_have_value("")
    expect(urgent).to_have_value("")
    console.press("Submit")
    expect(approved).to_be_focused()
    approved.select_option("Yes")
    console.press("Submit").notifies("Run resumed.")
    expect(console.page.get_by_role("region", name="Output")).to_contain_text(re.compile(r'true,\s+""'))


def test_a_blocking_pause_shows_its_question(console: Console, account: Account) -> None:
    workflow_id = account.publish(asking("What is it waiting for"))
    run_id = account.run(workflow_id, {"input": "two"}).json()["executionId"]
    console.goto(f"/runs/{workflow_id}/{run_id}")
    blocks = console.page.get_by_role("region", name="Blocks")
    blocks.get_by_role("button", name=re.compile("^Ask")).click()
    expect(blocks).to_contain_text("Waiting for input: verdict.")
    expect(blocks).not_to_contain_text("responseStructure")


@pytest.mark.full
def test_a_paused_draft_shows_its_question(console: Console, account: Account) -> None:
    workflow = asking("Wait for the draft")
    console.goto(f"/workflows/{account.import_(workflow)}").press("Run").press("Run draft")
    console.shows("Waiting for input: verdict.")
    console.page.get_by_role("link", name="View paused run").click()
    expect(console.page.get_by_role("region", name="Waiting for")).to_contain_text("verdict")


def test_a_run_that_waits_is_cancelled(console: Console, account: Account) -> None:
    workflow_id = account.publish(asking("Never mind"))
    run_id = account.run(workflow_id).json()["executionId"]
    console.goto(f"/runs/{workflow_id}/{run_id}").press("Copy as cURL")
    assert f"/api/workflows/{workflow_id}/execute" in console.page.evaluate("navigator.clipboard.readText()")
    console.press("Cancel")
    expect(console.page.get_by_role("heading", name=re.compile("Never mind"))).to_contain_text("Cancelled")
    console.goto(f"/runs?workflow={workflow_id}&status=cancelled")
    expect(console.page.get_by_role("row", name=re.compile("Never mind"))).to_contain_text("Cancelled")


def test_the_queue_shows_its_length_and_the_waiting_time_of_a_job(console: Console) -> None:
    console.goto("/runs")
    queue = console.page.get_by_label("Queue")
    expect(queue).to_contain_text(re.compile(r"Queued runs\s*0 of 1,000"))
    expect(queue).to_contain_text("Less than 1 s")


def test_a_dead_lettered_job_is_listed_and_redriven(console: Console, account: Account) -> None:
    account.set_secret("KETTLE", "cold")
    code = "if ({{KETTLE}} === 'cold') throw new Error('no tea'); return 'tea';"
    workflow_id = account.publish(answering("Tea by queue", code))
    run_id = account.queue(workflow_id)
    console.goto(f"/runs/{workflow_id}/{run_id}")
    expect(console.page.get_by_role("heading", name=re.compile("Tea by queue"))).to_contain_text("Failed")
    _lose_message_of(account, run_id)

    console.goto("/runs")
    notice = console.page.get_by_role("status").filter(has_text="1 message could not be processed.")
    _reload_until_shown(console, notice)
    notice.get_by_role("link", name="View dead letters").click()
    row = console.page.get_by_role("row", name=re.compile("Tea by queue"))
    expect(row).to_contain_text("Queued run, from runs.interactive")
    expect(row.get_by_role("link", name="Tea by queue")).to_have_attribute("href", f"/runs/{workflow_id}/{run_id}")

    account.set_secret("KETTLE", "hot")
    console.button("Retry", row).click()
    console.notifies("The message was queued again.").shows("No dead letters")
    console.goto(f"/runs?workflow={workflow_id}&status=completed")
    done = console.page.get_by_role("link", name="Tea by queue")
    _reload_until_shown(console, done)
    done.click()
    expect(console.page.get_by_role("region", name="Output")).to_contain_text('"result": "tea"')


def test_a_dead_letter_is_discarded(console: Console, account: Account) -> None:
    run_id = account.queue(account.publish(answering("Forgotten", "return 1;")))
    _lose_message_of(account, run_id)
    console.goto("/settings/dead-letters")
    row = console.page.get_by_role("row", name=re.compile("Forgotten"))
    _reload_until_shown(console, row)
    console.button("Delete", row).click()
    console.confirm("Delete").shows("No dead letters")


@pytest.mark.full
def test_dead_letters_beyond_one_page_are_counted_and_listed(console: Console) -> None:
    letter = {"kind": "records", "queue": "runs.records", "reason": "Unreadable", "times": 1, "size": 1}
    died: Json = {**letter, "diedAt": "2026-01-01T00:00:00.000Z", "workflowId": None, "runId": None}

    def page_of_letters(route: Route) -> None:
        is_second = "cursor=older" in route.request.url
        data = [{**died, "id": f"{is_second} {number}"} for number in range(20 if is_second else 100)]
        route.fulfill(json={"data": data, "nextCursor": None if is_second else "older"})

    console.page.route("**/api/v1/dead-letters?*", page_of_letters)
    console.goto("/runs").shows(re.compile("More than 100 messages could not be processed."))
    console.page.get_by_role("link", name="View dead letters").click()
    rows = console.page.get_by_role("region", name="Dead letter table").get_by_role("row")
    expect(rows).to_have_count(101)
    console.press("Show older messages")
    expect(rows).to_have_count(121)
    expect(console.button("Show older messages")).to_have_count(0)


def _lose_message_of(account: Account, run_id: str) -> None:
    """Publish a run's message that no worker can process, as a broken broker or an older version would."""

    async def publish() -> None:
        broker = open_broker(account.amqp_url, service="test")
        await broker.start()
        await broker.work.publish(INTERACTIVE, DurableRunDispatched(run_id, new_id(), account.workspace_id))
        await broker.stop()

    with ThreadPoolExecutor(1) as elsewhere:  # this thread has Playwright's loop
        elsewhere.submit(lambda: asyncio.run(publish())).result()


def _reload_until_shown(console: Console, wanted: Locator) -> None:
    """Reload until it appears: the page itself polls only twice a minute."""
    for _ in range(50):
        if wanted.count():
            return
        console.page.wait_for_timeout(200)
        console.page.reload()
        console.page.wait_for_load_state("networkidle")
    expect(wanted).to_be_visible()


def test_a_very_long_output_is_shown_in_part_and_copied_whole(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Talks and talks", "return 'tea '.repeat(500_000);"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    output = console.goto(f"/runs/{workflow_id}/{run_id}").page.get_by_role("region", name="Output")
    expect(output).to_contain_text(re.compile(r"1,9\d\d,\d\d\d more characters"))
    console.button("Copy", output).click()
    expect(console.button("Copied", output)).to_be_visible()
    assert console.page.evaluate("navigator.clipboard.readText().then(text => text.length)") > 2_000_000


@pytest.mark.full
def test_the_last_hour_moves_with_the_clock(console: Console) -> None:
    page = console.page
    page.clock.install()
    with page.expect_request(_of_a_time) as first:
        console.goto("/runs?hours=1")
    page.clock.fast_forward("02:00:00")
    with page.expect_request(_of_a_time) as later:
        page.clock.run_for(5_000)
    began, went_on = (_since(response.value) for response in (first, later))
    assert went_on - began >= timedelta(hours=2)


def _of_a_time(request: Request) -> bool:
    return "startDate=" in request.url


def _since(request: Request) -> datetime:
    return datetime.fromisoformat(parse_qs(urlsplit(request.url).query)["startDate"][0])


@pytest.mark.full
def test_many_pages_of_runs_are_not_read_again_any_faster_than_one(console: Console) -> None:
    urls: list[str] = []

    def page_of_runs(route: Route) -> None:
        urls.append(route.request.url)
        number = str(len(urls))
        route.fulfill(json={"data": [log_row(number)], "nextCursor": number})

    console.page.route("**/api/v1/logs?*", page_of_runs)
    console.goto("/runs")
    for shown in range(2, 11):
        console.press("Show older runs")
        expect(console.page.get_by_role("region", name="Runs").get_by_role("row")).to_have_count(shown + 1)
    urls.clear()
    console.page.wait_for_timeout(8_000)
    assert len(urls) <= 10


@pytest.mark.full
def test_the_chart_of_a_quiet_day_shows_its_calls(console: Console, account: Account) -> None:
    account.run(account.publish(answering("Once today", "return 1;")))
    row = console.goto("/").page.get_by_role("row", name=re.compile("Once today"))
    expect(row.get_by_role("img")).to_have_accessible_name("1 call, 0 errors in the last 24 hours")
    expect(console.page.get_by_role("note")).to_have_count(0)


@pytest.mark.full
def test_the_age_of_a_run_is_updated_without_events(console: Console, account: Account) -> None:
    account.run(account.publish(answering("Quiet since", "return 1;")))
    page = console.page
    page.clock.install()
    row = console.goto("/").page.get_by_role("row", name=re.compile("Quiet since"))
    expect(row).to_contain_text("just now")
    page.clock.run_for("05:10")
    expect(row).to_contain_text(re.compile(r"[56] ?m(in\.)? ago"))


@pytest.mark.full
def test_the_home_page_shows_the_start_of_its_statistics(console: Console, account: Account) -> None:
    account.run(account.publish(answering("Busy all day", "return 1;")))

    def cut(route: Route) -> None:
        answer = route.fetch()
        data = {**answer.json()["data"], "countedFrom": "2026-11-28T12:00:00.000Z"}
        route.fulfill(response=answer, json={"data": data})

    console.page.route("**/api/v2/logs/statistics?*", cut)
    console.goto("/").shows("Busy all day")
    expect(console.page.get_by_role("note")).to_contain_text(
        re.compile(r"Calls before Nov 28, 2026, .+ are not counted.")
    )


@pytest.mark.full
def test_the_last_run_of_a_workflow_is_linked_however_old_it_is(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Long quiet", "return 1;"))

    def make_old(route: Route) -> None:
        answer = route.fetch()
        data = answer.json()["data"]
        quiet = {name: [0] * len(data["buckets"]) for name in ("runs", "errors")}
        last = {"lastRun": {"id": "old-run", "status": "failed"}, "lastEndedAt": "2026-01-01T00:00:00.000Z"}
        totals = {"runs": 0, "errors": 0, "p50Ms": None, "p95Ms": None, "tokens": 0, "cost": 0}
        data["workflows"] = [{"workflowId": workflow_id, "totals": totals, **quiet, **last}]
        route.fulfill(response=answer, json={"data": data})

    console.page.route("**/api/v2/logs/statistics?*", make_old)
    row = console.goto("/").page.get_by_role("row", name=re.compile("Long quiet"))
    last = row.get_by_role("link", name=re.compile("^Failed .+ ago$"))
    expect(last).to_have_attribute("href", f"/runs/{workflow_id}/old-run")


def test_the_home_page_sends_as_many_requests_for_many_workflows_as_for_one(console: Console, account: Account) -> None:
    for number in range(3):
        account.publish(answering(f"One of many {number}", "return 1;"))
    requests: list[str] = []
    console.page.on("request", lambda request: requests.append(request.url) if "/api/" in request.url else None)
    console.goto("/").shows("One of many 2")
    paths = [urlsplit(url).path for url in requests]
    assert len(paths) == len(set(paths)), paths
    assert "/api/v1/logs" not in paths


@pytest.mark.full
def test_a_failed_run_opens_in_the_editor_at_the_block_that_failed(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Mend this", "throw new Error('out of milk');"))
    run_id = account.run(workflow_id, {"input": "Tea"}).headers["x-execution-id"]
    page = console.goto(f"/runs/{workflow_id}/{run_id}").page
    page.get_by_role("link", name="Edit this block").click()
    expect(console.block("Answer").locator("[data-run=failed]")).to_be_visible()
    expect(console.block("Start").locator("[data-run=done]")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="with a run of v1")).to_be_visible()
    settings = page.get_by_label("Settings of Answer")
    expect(settings.get_by_role("alert")).to_contain_text("out of milk")
    settings.get_by_text(re.compile("^Run ·")).click()
    expect(settings.get_by_text("throw new Error('out of milk');").first).to_be_visible()
    console.button("Hide run").click()
    expect(console.block("Answer").locator("[data-run]")).to_have_count(0)
