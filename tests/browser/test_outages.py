"""The server is unavailable, or the session has expired: the page reports it, loses nothing, and recovers."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, asking


def test_visible_content_stays_while_the_server_is_unavailable(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Still there", "return 1;"))
    account.run(workflow_id)
    row = console.goto(f"/runs?workflow={workflow_id}").page.get_by_role("row", name=re.compile("Still there"))
    notice = console.page.get_by_role("status").filter(has_text="Could not reach the server. Retrying…")
    expect(row).to_be_visible()
    console.page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    expect(notice).to_be_visible()
    expect(row).to_be_visible()
    console.page.unroute("**/api/**")
    expect(notice).to_have_count(0)


def test_changes_made_while_signed_out_are_saved_after_signing_in(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Back in a minute", "return 1;"))
    console.signed_in_separately().goto(f"/workflows/{workflow_id}").block("Answer").click()
    console.page.request.post("/api/auth/sign-out", data={})
    console.write("Code", "return 'still here';").shows(re.compile("You are signed out."))
    console.signed_in_separately().saved()
    assert account.draft(workflow_id)["blocks"]["answer"]["subBlocks"]["code"]["value"] == "return 'still here';"


def test_a_form_that_is_half_written_outlives_the_session(console: Console, account: Account) -> None:
    page = console.signed_in_separately().goto("/settings/keys").press("Create key").page
    page.get_by_role("textbox", name="Name").fill("Written before it ended")
    page.request.post("/api/auth/sign-out", data={})
    dialog = console.press("Create").page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text(
        "Sign in in a new tab, then continue here. Your unsaved changes stay here."
    )
    with page.expect_popup() as elsewhere:
        dialog.get_by_role("link", name="Sign in in a new tab").click()
    expect(elsewhere.value.get_by_role("heading", name="Sign in to Flowport")).to_be_visible()
    elsewhere.value.close()
    console.signed_in_separately()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Written before it ended")
    console.press("Create")
    expect(page.get_by_test_id("shown-once")).to_be_visible()


@pytest.mark.full
def test_an_answer_that_is_half_written_outlives_the_session(console: Console, account: Account) -> None:
    workflow_id = account.publish(asking("Ask at length"))
    run_id = account.run(workflow_id).json()["executionId"]
    page = console.signed_in_separately().goto(f"/runs/{workflow_id}/{run_id}").page
    page.get_by_label("verdict").fill("A long")
    page.request.post("/api/auth/sign-out", data={})
    with page.expect_popup():
        page.get_by_role("link", name="Sign in in a new tab").click()
    expect(page.get_by_label("verdict")).to_have_value("A long")
    console.signed_in_separately()
    page.get_by_label("verdict").fill("A long story")
    console.press("Submit").notifies("Run resumed.")
    expect(page.get_by_role("region", name="Output")).to_contain_text("A long story")


@pytest.mark.full
def test_the_input_of_a_draft_run_survives_the_session(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Run me later", "return <start.input>;"))
    page = console.signed_in_separately().goto(f"/workflows/{workflow_id}").press("Run").page
    page.get_by_label("Input").fill("A long question")
    page.request.post("/api/auth/sign-out", data={})
    console.press("Deploy").shows("You are signed out.")
    console.signed_in_separately().press("Close").press("Run")
    expect(page.get_by_label("Input")).to_have_value("A long question")


@pytest.mark.full
def test_a_name_that_could_not_be_saved_stays_in_its_field(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("A name in the making", "return 1;"))
    page = console.signed_in_separately().goto(f"/workflows/{workflow_id}").press("Live").page
    console.choose("Actions for v1", "Rename")
    name = page.get_by_label("New name of v1")
    name.fill("First light")
    page.request.post("/api/auth/sign-out", data={})
    name.press("Enter")
    console.shows("You are signed out.").signed_in_separately()
    expect(name).to_have_value("First light")
    name.press("Enter")
    expect(console.button("Actions for First light")).to_be_visible()


def test_a_page_that_fails_to_load_reports_it_and_leaves_the_others(console: Console) -> None:
    page, workflows = console.goto("/").page, console.page.get_by_role("heading", name="Workflows")
    expect(workflows).to_be_visible()
    page.route("**/assets/**", lambda route: route.abort("connectionrefused"))
    page.get_by_role("link", name="Settings", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("or the console was updated")
    page.get_by_role("link", name="Workflows", exact=True).click()
    expect(workflows).to_be_visible()
