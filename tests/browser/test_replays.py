"""Recorded runs: turn recording on, check before a version goes live, read results, and repair a failed run."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.console import Account, Console
from tests.browser.recorded_runs import change_code, recorded, wait_until_recorded
from tests.browser.workflows import answering, file, function
from tests.browser.workflows import block as block_of


def test_recording_is_explained_and_turned_on_and_off(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Recorded from the console", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="Recording").click()
    console.shows("The audit log lists each reading.")
    console.page.get_by_role("switch", name="Record runs").click()
    days = console.page.get_by_label("Days to keep")
    days.fill("100000")
    console.press("Save")
    expect(days).to_have_accessible_description(re.compile("at most"))
    expect(days).to_have_attribute("aria-invalid", "true")
    days.fill("3")
    console.page.get_by_label("Share of runs (%)").fill("100")
    console.press("Save").notifies("Recording is on.")
    expect(days).not_to_have_attribute("aria-invalid", "true")
    assert account.deployment(workflow_id)["recording"] == {"sample": 1, "failures": True, "days": 3}

    run_id = account.run(workflow_id).headers["x-execution-id"]
    wait_until_recorded(account, workflow_id, run_id)
    console.page.get_by_role("link", name="View recordings").click()
    console.shows_page("Recordings").shows(run_id)

    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="Recording").click()
    console.page.get_by_role("switch", name="Record runs").click()
    console.press("Save").notifies("Recording is off.")
    assert account.deployment(workflow_id)["recording"] is None


def test_a_draft_that_answers_differently_goes_live_only_with_a_reason(console: Console, account: Account) -> None:
    workflow_id, runs = recorded(account, "Checked before a deploy", "return 'one';", 2)
    change_code(account, workflow_id, "return 'two';")
    console.goto(f"/workflows/{workflow_id}").press("Deployment").press("Check").shows("nothing outside is called")
    console.press("Run check").shows("Did not pass")
    dialog = console.page.get_by_role("dialog", name="Check the draft")
    differing = dialog.get_by_role("list", name="Differing runs").get_by_role("listitem")
    expect(differing).to_have_count(2)
    expect(differing.first).to_contain_text("Answer")
    expect(differing.last).to_contain_text(runs[0])
    expect(console.button("Deploy anyway", dialog)).to_be_disabled()
    dialog.get_by_label("Reason").fill("The new answer is right")
    console.press("Deploy anyway").notifies("Version 2 is live.")
    expect(dialog).to_have_count(0)
    assert account.run(workflow_id).json()["output"]["result"] == "two"
    audit = account.http.get("/api/v1/audit-logs", params={"action": "workflow.gate_overridden"}).text
    assert "The new answer is right" in audit


@pytest.mark.full
def test_a_check_may_allow_runs_that_differ_and_call_models_within_a_budget(console: Console, account: Account) -> None:
    workflow_id, _ = recorded(account, "Checked with limits", "return 'one';", 2)
    change_code(account, workflow_id, "return 'two';")
    console.goto(f"/workflows/{workflow_id}").press("Deployment").press("Check")
    dialog = console.page.get_by_role("dialog", name="Check the draft")
    dialog.get_by_text("Thresholds and models").click()
    dialog.get_by_label("Different runs allowed").fill("2")
    dialog.get_by_label("Call models whose answer is not recorded").check()
    dialog.get_by_label("Budget ($)").fill("2.5")
    dialog.get_by_label("Calls at most").fill("7")
    console.press("Run check").shows("Passed")
    (replay,) = account.http.get(f"/api/v2/workflows/{workflow_id}/replays").json()["data"]
    assert replay["thresholds"] == {"maxDifferent": 2, "maxUnrecorded": 0, "maxFailed": 0}
    assert replay["models"] == {"mode": "live", "maxDollars": 2.5, "maxCalls": 7, "calls": 0}


def test_a_version_that_answers_the_same_is_promoted_after_its_check(console: Console, account: Account) -> None:
    workflow_id, _ = recorded(account, "Checked before a promote", "return 'one';", 2)
    change_code(account, workflow_id, "return 'o' + 'ne';")
    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
    account.http.patch(f"/api/workflows/{workflow_id}/deployments/1", json={"isActive": True}).raise_for_status()
    console.goto(f"/workflows/{workflow_id}").press("Deployment").choose("Actions for v2", "Check before promote")
    console.press("Run check").shows("Passed")
    console.press("Promote").notifies("v2 is live.")
    assert account.deployment(workflow_id)["activeDeployment"]["version"] == 2


def test_a_replay_shows_recorded_and_replayed_values_side_by_side(console: Console, account: Account) -> None:
    workflow_id, runs = recorded(account, "Differs in one place", "return 'one';", 2)
    change_code(account, workflow_id, "return 'two';")
    console.goto(f"/workflows/{workflow_id}/recordings").press(f"Replay run {runs[0]}")
    page = console.shows("Replay on").press("Replay").page
    console.shows_page("Replay on Draft Did not pass")
    console.shows("different: 1, allowed: 0")
    page.get_by_label("Result", exact=True).select_option("Same")
    console.shows("No runs with this result")
    page.get_by_label("Result", exact=True).select_option("Different")
    console.press(runs[0])
    values = page.get_by_role("region", name="First difference").get_by_role("definition")
    expect(values).to_have_text(["one", "two"])
    console.press("Close")
    for name, ending in (("Download JSON", "json"), ("Download JUnit", "xml")):
        with page.expect_download() as downloaded:
            page.get_by_role("link", name=name).click()
        assert downloaded.value.suggested_filename.endswith(ending)
        assert runs[0] in downloaded.value.path().read_text()
    page.get_by_role("link", name="Replays", exact=True).click()
    row = page.get_by_role("region", name="Replays").get_by_role("row").last
    expect(row).to_contain_text(re.compile("Draft.*Did not pass.*0 of 1 run"))


@pytest.mark.full
def test_fields_that_always_change_are_suggested_and_ignored(console: Console, account: Account) -> None:
    workflow_id, _ = recorded(account, "Never twice the same", "return {now: Math.random(), kind: 'number'};", 2)
    console.goto(f"/workflows/{workflow_id}").press("Live").choose("Actions for v1", "Check").press("Run check")
    console.shows("Suggested fields to ignore").shows("answer.result.now")
    page = console.press("Ignore these and check again").shows("Passed").page
    page.get_by_role("link", name="View all results").click()
    console.shows_page("Replay on v1 Passed").shows("Ignored fields:")
    page.get_by_role("link", name="Replays", exact=True).click()
    page.get_by_role("row").filter(has_text="Did not pass").get_by_role("link").click()
    console.press("Replay and ignore these").shows_page("Replay on v1 Passed")


def test_a_recording_is_read_and_deleted(console: Console, account: Account) -> None:
    workflow_id, (run_id,) = recorded(account, "Read from the console", "return 'exact value';", 1)
    page = console.goto(f"/workflows/{workflow_id}/recordings").page
    page.get_by_role("link", name=run_id).click()
    console.shows("The audit log lists this reading.")
    page.get_by_role("region", name="Blocks").get_by_text("Answer").click()
    console.shows("exact value")
    page.get_by_role("link", name="Recordings", exact=True).click()
    console.press(f"Delete recording of run {run_id}").confirm("Delete").notifies("Recording deleted.")
    console.shows("No recordings yet")
    page.goto(f"/workflows/{workflow_id}/recordings/{run_id}")
    console.shows("Recording not found")
    actions = account.http.get("/api/v1/audit-logs", params={"action": "recording.read"}).text
    assert run_id in actions


def test_a_failed_run_continues_at_its_failed_block_after_the_fix_is_deployed(
    console: Console, account: Account
) -> None:
    blocks = [
        block_of("start", "start_trigger", "Start", 0, 0),
        function("first", "First", 330, 0, "return Math.random();"),
        function("answer", "Answer", 660, 0, "throw new Error('no such order');"),
    ]
    workflow = file("Repaired from the console", blocks, [("start", "first", "source"), ("first", "answer", "source")])
    workflow_id = account.publish(workflow)
    run_id = account.queue(workflow_id)
    page = console.goto(f"/runs/{workflow_id}/{run_id}").shows("no such order").page
    change_code(account, workflow_id, "return 2;", "first")
    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
    console.press("Repair").shows("Does not run again:").confirm("Repair")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text('"First"')

    change_code(account, workflow_id, "return Math.random();", "first")
    change_code(account, workflow_id, "return 'sent';")
    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
    console.confirm("Repair")
    expect(page).not_to_have_url(re.compile(run_id))
    console.shows("Completed").shows("sent")


@pytest.mark.parametrize("path", ["replays", pytest.param("recordings", marks=pytest.mark.full)])
def test_a_workflow_without_recorded_runs_explains_how_to_record(
    open_page: Callable[..., Page], account: Account, path: str
) -> None:
    workflow_id = account.publish(answering(f"No {path}", "return 1;"))
    console = Console(open_page(width=390, height=844), account).signed_in()
    console.goto(f"/workflows/{workflow_id}/{path}").shows(f"No {path} yet").shows("Deploy window")
