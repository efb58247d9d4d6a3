"""The Runs page: overview, search, filters and live updates."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect
from tests.browser.console import Account, Console
from tests.browser.log_rows import log_row
from tests.browser.workflows import answering
from tests.support.eventually import PATIENCE_SECONDS

STATISTICS = re.compile(r"/api/v2/logs/statistics\?")
LOGS = re.compile(r"/api/v1/logs\?")
HOUR = timedelta(hours=1)
FIRST_HOUR = datetime(2026, 11, 28, 12, tzinfo=UTC)


def _rows(console: Console) -> Locator:
    return console.page.get_by_role("region", name="Runs").get_by_role("row")


def _search(console: Console, text: str) -> None:
    console.page.get_by_label("Search runs").fill(text)


def _chip(console: Console, label: str) -> Locator:
    return console.page.get_by_role("list", name="Active filters").get_by_text(label, exact=True)


def _time(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _hours(console: Console) -> None:
    """Answer the overview's requests with 24 hours of ten runs each, one of them failed."""
    counted = {"runs": 10, "errors": 1, "p50Ms": 250, "p95Ms": 900, "tokens": 1000, "cost": 0.5}
    buckets = [{"start": _time(FIRST_HOUR + HOUR * n), **counted} for n in range(24)]

    def answer(route: Route) -> None:
        scale = 24 if "interval=" in route.request.url else 2
        totals = {
            name: number * scale if name in ("runs", "errors", "tokens") else number for name, number in counted.items()
        }
        route.fulfill(json={"data": {"interval": 3_600_000, "buckets": buckets, "totals": totals, "countedFrom": None}})

    console.page.route(STATISTICS, answer)


def _plot(console: Console, title: str) -> Locator:
    return console.page.get_by_test_id(f"plot {title}")


def _query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def _wait_until_counted(account: Account, workflow_id: str, runs: int) -> None:
    path = f"/api/v2/logs/statistics?workspaceId={account.workspace_id}&workflowIds={workflow_id}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while account.http.get(path).json()["data"]["totals"]["runs"] != runs:
        assert time.monotonic() < deadline, "not counted"
        time.sleep(0.1)


def _listed_between(start: datetime, end: datetime) -> Callable[[Request], bool]:
    def matches(request: Request) -> bool:
        query = parse_qs(urlsplit(request.url).query)
        return bool(LOGS.search(request.url)) and [query.get("startDate"), query.get("endDate")] == [
            [_time(start)],
            [_time(end)],
        ]

    return matches


def test_a_failed_run_is_found_by_a_word_of_its_input(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Take an order", "throw new Error('out of milk');"))
    account.run(workflow_id, {"input": "order A-4711 for two"})
    account.run(workflow_id, {"input": "order A-4712 for two"})
    console.goto("/runs")
    _search(console, "A-4711")
    expect(_rows(console)).to_have_count(2)
    _rows(console).last.get_by_text("Failed").click()
    expect(console.page.get_by_role("region", name="Input")).to_contain_text("A-4711")


@pytest.mark.full
def test_a_run_is_found_by_its_error_and_by_its_id(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Fails in its own way", "throw new Error('the kettle exploded');"))
    run_id = account.run(workflow_id).headers["x-execution-id"]
    console.goto("/runs?q=kettle+exploded")
    expect(_rows(console).last).to_contain_text(run_id)
    _search(console, run_id)
    expect(_rows(console)).to_have_count(2)
    expect(_rows(console).last).to_contain_text(run_id)


@pytest.mark.full
def test_an_incomplete_search_is_marked(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Has many words", "return 1;"))
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}word" for n in range(400)]
    run_id = account.run(workflow_id, {"input": " ".join(words)}).headers["x-execution-id"]
    _wait_until_marked(account, run_id)
    page = console.goto(f"/runs?q=zzznothing&workflow={workflow_id}").shows("No matching runs").page
    expect(page.get_by_role("note")).to_contain_text("Some runs contain more words than search covers.")
    console.goto(f"/runs/{workflow_id}/{run_id}")
    expect(page.get_by_role("note")).to_contain_text("This run contains more words than search covers.")


def _wait_until_marked(account: Account, run_id: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not account.http.get(f"/api/v1/logs/{run_id}").json()["data"].get("searchIsCut"):
        assert time.monotonic() < deadline, "not indexed"
        time.sleep(0.1)


def test_filters_are_in_the_address_and_can_be_removed_one_by_one(console: Console, account: Account) -> None:
    workflow_id = account.publish(
        answering("Filter me", "if (<start.input> === 'no') throw new Error('no'); return 1;")
    )
    account.run(workflow_id, {"input": "yes"})
    account.run(workflow_id, {"input": "no"})
    page = console.goto("/runs").press("Filter").page
    page.get_by_label("Workflow", exact=True).select_option("Filter me")
    page.get_by_label("Status", exact=True).select_option("Failed")
    page.get_by_label("Caller", exact=True).select_option("API")
    page.get_by_label("Max. duration (s)").fill("60")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(_rows(console)).to_have_count(2)
    assert _query(page) == {"workflow": workflow_id, "status": "failed", "trigger": "api", "maxDurationMs": "60000"}
    page.reload()
    for label in ("Workflow: Filter me", "Status: Failed", "Caller: API", "Duration: at most 1 min 0 s"):
        expect(_chip(console, label)).to_be_visible()
    expect(_rows(console)).to_have_count(2)
    console.press("Remove Status: Failed")
    expect(_rows(console)).to_have_count(3)
    console.press("Clear filters")
    expect(page.get_by_role("list", name="Active filters")).to_have_count(0)
    assert _query(page) == {}


def test_an_empty_list_names_the_filters_that_exclude_all_runs(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Never failed", "return 1;"))
    account.run(workflow_id)
    console.goto(f"/runs?workflow={workflow_id}&status=failed&trigger=api").shows("No matching runs")
    empty = console.page.get_by_text("Remove a filter to see the runs that match the others.").locator("..")
    expect(console.button("Status: Failed", empty)).to_be_visible()
    expect(console.button("Caller: API", empty)).to_have_count(0)
    console.button("Status: Failed", empty).click()
    expect(_rows(console)).to_have_count(2)


@pytest.mark.full
def test_filters_that_exclude_runs_only_together_are_cleared_together(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Neither nor", "return 1;"))
    account.run(workflow_id)
    console.goto(f"/runs?workflow={workflow_id}&status=cancelled&trigger=mcp").shows(
        "No single filter excludes all runs."
    )
    console.press("Clear filters")
    expect(_rows(console).first).to_be_visible()


@pytest.mark.full
def test_runs_of_a_draft_are_marked_and_found(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Draft and live", "return 'tea';"))
    account.run(workflow_id)
    console.goto(f"/workflows/{workflow_id}").press("Run").press("Run draft").shows("Result")
    page = console.goto(f"/runs?workflow={workflow_id}").page
    expect(_rows(console)).to_have_count(3)
    expect(_rows(console).filter(has=page.get_by_text("Draft", exact=True))).to_have_count(1)
    console.press("Filter").page.get_by_label("Version", exact=True).select_option("Draft")
    expect(_rows(console)).to_have_count(2)
    page.get_by_label("Version", exact=True).select_option("v1")
    page.keyboard.press("Escape")
    expect(_rows(console).filter(has=page.get_by_text("Draft", exact=True))).to_have_count(0)
    expect(_rows(console)).to_have_count(2)
    expect(_chip(console, "Version: v1")).to_be_visible()


def test_the_overview_counts_the_runs_that_match(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Count on me", "if (<start.input>) throw new Error('no'); return 1;"))
    for body in ({}, {}, {"input": "no"}):
        account.run(workflow_id, body)
    _wait_until_counted(account, workflow_id, 3)
    overview = console.goto(f"/runs?workflow={workflow_id}").page.get_by_role("region", name="Overview")
    expect(overview.locator("h2:text-is('Runs') + p")).to_have_text("3")
    expect(overview.locator("h2:text-is('Errors') + p")).to_contain_text("1 33.3%")
    expect(overview.get_by_role("table")).to_contain_text("95th percentile")
    console.goto(f"/runs?workflow={workflow_id}&status=failed")
    expect(overview.locator("h2:text-is('Runs') + p")).to_have_text("1")


@pytest.mark.parametrize(
    "title", ["Runs", pytest.param("Duration", marks=pytest.mark.full), pytest.param("Cost", marks=pytest.mark.full)]
)
def test_a_range_that_is_dragged_over_a_plot_filters_the_list(console: Console, title: str) -> None:
    _hours(console)
    page = console.goto("/runs?hours=24").page
    place = _plot(console, title).bounding_box()
    assert place
    middle = place["y"] + place["height"] / 2
    page.mouse.move(place["x"] + place["width"] * 6.5 / 24, middle)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] * 7.5 / 24, middle)
    with page.expect_request(_listed_between(FIRST_HOUR + 6 * HOUR, FIRST_HOUR + 8 * HOUR)):
        page.mouse.up()
    assert _query(page) == {
        "hours": "24",
        "from": _time(FIRST_HOUR + 6 * HOUR),
        "to": _time(FIRST_HOUR + 8 * HOUR),
    }
    page.mouse.move(0, 0)
    overview = page.get_by_role("region", name="Overview")
    expect(overview.locator("h2:text-is('Runs') + p")).to_have_text("20")
    page.reload()
    expect(page.get_by_role("list", name="Active filters")).to_contain_text("Time: ")
    console.press("Clear selection")
    expect(overview.locator("h2:text-is('Runs') + p")).to_have_text("240")
    assert _query(page) == {"hours": "24"}


def test_a_range_is_selected_with_the_keyboard(console: Console) -> None:
    _hours(console)
    page = console.goto("/runs?hours=24").page
    start = page.get_by_role("slider", name="Start of the selected time")
    end = page.get_by_role("slider", name="End of the selected time")
    start.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    end.focus()
    with page.expect_request(_listed_between(FIRST_HOUR + 2 * HOUR, FIRST_HOUR + 23 * HOUR)):
        page.keyboard.press("ArrowLeft")
    expect(start).to_have_attribute("aria-valuenow", "2")
    page.keyboard.press("Escape")
    expect(start).to_have_attribute("aria-valuenow", "0")
    assert _query(page) == {"hours": "24"}


def test_the_numbers_of_the_plots_are_in_a_table(console: Console) -> None:
    _hours(console)
    table = console.goto("/runs?hours=24").page.get_by_role("region", name="Overview").get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(25)
    expect(table.get_by_role("row").nth(1)).to_contain_text(re.compile(r"10\s*1\s*250 ms\s*900 ms\s*1000\s*\$0\.50?"))


def test_a_new_run_appears_while_live_updates_are_on(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Watch me live", "return 1;"))
    account.run(workflow_id)
    page = console.goto(f"/runs?workflow={workflow_id}&live=off").page
    expect(_rows(console)).to_have_count(2)
    live = page.get_by_role("button", name="Live", exact=True)
    expect(live).to_have_attribute("aria-pressed", "false")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if LOGS.search(request.url) else None)
    account.run(workflow_id)
    page.wait_for_timeout(4_000)
    assert requests == []
    live.click()
    expect(_rows(console)).to_have_count(3)
    account.run(workflow_id)
    expect(_rows(console)).to_have_count(4)


@pytest.mark.full
def test_live_updates_pause_while_the_list_is_scrolled(console: Console) -> None:
    rows = [log_row(str(n)) for n in range(50)]
    requests: list[str] = []

    def list_runs(route: Route) -> None:
        requests.append(route.request.url)
        route.fulfill(json={"data": rows})

    console.page.route(LOGS, list_runs)
    page = console.goto("/runs").page
    _rows(console).last.scroll_into_view_if_needed()
    resume = console.button("Live updates paused. Back to latest runs")
    expect(resume).to_be_visible()
    requests.clear()
    page.wait_for_timeout(4_000)
    assert requests == []
    resume.click()
    expect(resume).to_have_count(0)
    with page.expect_request(LOGS):
        pass
