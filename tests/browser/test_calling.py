"""Calling a workflow: the document, the samples, the call panel, and access."""

import json
import re
from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page, expect
from tests.browser.console import Account, Console, held
from tests.browser.workflows import answering, asking, setting, talking


def test_the_document_of_a_protected_workflow_is_saved_with_the_typed_key(
    open_page: Callable[..., Page], account: Account
) -> None:
    workflow_id = account.publish(answering("Read the document", "return 1;"))
    page = open_page()
    page.goto(f"/api/workflows/{workflow_id}/docs")
    page.get_by_label("API key").fill(account.http.headers["x-api-key"])
    page.get_by_role("button", name="Load").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="openapi.json").click()
    assert saved.value.suggested_filename == "openapi.json"
    assert json.loads(saved.value.path().read_text())["info"]["title"] == "Read the document"


def test_the_api_tab_shows_code_for_every_language_and_the_selected_outputs(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Samples"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    page = console.page
    page.get_by_role("tab", name="API").click()
    for language, words in (("Python", "requests"), ("TypeScript", "fetch"), ("cURL", "curl")):
        page.get_by_role("radio", name=language, exact=True).click()
        expect(page.get_by_role("region", name="Run workflow", exact=True)).to_contain_text(words)
    page.get_by_role("button", name=re.compile("Select outputs")).click()
    page.get_by_role("menuitemcheckbox", name="model", exact=True).click()
    page.keyboard.press("Escape")
    stream = page.get_by_role("region", name="Run workflow (stream response)")
    expect(stream).to_contain_text("agent_1.content")
    expect(stream).to_contain_text("agent_1.model")
    page.get_by_role("button", name=re.compile("Select outputs")).click()
    for output in ("model", "content"):
        page.get_by_role("menuitemcheckbox", name=output, exact=True).click()
    page.keyboard.press("Escape")
    expect(stream).not_to_contain_text("selectedOutputs")
    console.press("Copy: Run workflow (stream response)")
    assert workflow_id in page.evaluate("navigator.clipboard.readText()")
    page.get_by_label("Async step").select_option("Check Status")
    expect(page.get_by_role("region", name="Run workflow (async)")).to_contain_text("/api/jobs/")


def test_try_it_streams_the_answer(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Stream here"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="API").click()
    panel = console.page.get_by_role("region", name="Try it")
    panel.get_by_label("input").fill("Water, leaves and a little time.")
    console.button("Send request", panel).click()
    expect(panel.get_by_label("Streamed text")).to_contain_text("Water, leaves and a little time.")
    expect(panel.get_by_text("Completed")).to_be_visible()


@pytest.mark.full
def test_a_paused_trial_call_is_not_shown_as_completed(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.publish(asking('Pause here'))}").press("Live")
    console.page.get_by_role("tab", name="API").click()
    panel = console.press("Send request").page.get_by_role("region", name="Try it")
    expect(panel.get_by_text("Paused", exact=True)).to_be_visible()


def test_a_trial_call_with_a_broken_stream_is_not_shown_as_completed(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(talking('Cut short'))}").press("Live").page
    page.get_by_role("tab", name="API").click()
    frame = 'data: {"blockId": "agent", "chunk": "Half of it"}\n\n'
    page.route("**/execute", lambda route: route.fulfill(content_type="text/event-stream", body=frame))
    panel = console.press("Send request").page.get_by_role("region", name="Try it")
    expect(panel.get_by_label("Streamed text")).to_have_text("Half of it")
    expect(panel.get_by_text("Failed", exact=True)).to_be_visible()
    expect(panel.get_by_role("alert")).to_contain_text("The connection to the run was lost")


def test_public_access_is_set_in_the_api_info(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("For everybody", "return 'hello';"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="API").click()
    console.press("Edit API Info")
    expect(console.page.get_by_label("Description")).to_be_focused()
    console.page.get_by_label("Description").fill("Says hello")
    console.page.get_by_role("radio", name="Public").click()
    console.press("Save")
    expect(console.page.get_by_role("heading", name="Edit API Info")).to_be_hidden()
    expect(console.page.get_by_role("tabpanel")).not_to_contain_text("SIM_API_KEY")
    answer = httpx2.post(f"{account.url}/api/workflows/{workflow_id}/execute", json={}, timeout=30)
    assert answer.json()["output"]["result"] == "hello"
    assert account.http.get(f"/api/v1/workflows/{workflow_id}").json()["data"]["description"] == "Says hello"


@pytest.mark.full
def test_the_description_of_a_parameter_is_stored_in_the_start_block_of_any_form(
    console: Console, account: Account
) -> None:
    workflow = asking("Two forms")
    blocks = workflow["state"]["blocks"]
    cups = {"id": "f", "name": "cups", "type": "number", "value": ""}
    start = {**blocks["start"], "subBlocks": setting("inputFormat", "input-format", [cups])}
    workflow["state"]["blocks"] = {"ask": blocks["ask"], "start": start, "answer": blocks["answer"]}
    workflow_id = account.publish(workflow)
    console.goto(f"/workflows/{workflow_id}").press("Live").page.get_by_role("tab", name="API").click()
    console.press("Edit API Info").page.get_by_label("cups (number)").fill("How many guests come")
    console.press("Save")
    expect(console.page.get_by_role("heading", name="Edit API Info")).to_be_hidden()
    (kept,) = account.draft(workflow_id)["blocks"]["start"]["subBlocks"]["inputFormat"]["value"]
    assert kept["description"] == "How many guests come"


@pytest.mark.full
def test_a_failed_access_change_does_not_override_an_earlier_one(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Public already", "return 1;"))
    account.http.patch(f"/api/workflows/{workflow_id}/deploy", json={"isPublicApi": True}).raise_for_status()
    page = console.page
    with held(page, f"**/api/workflows/{workflow_id}/deploy", methods=["GET"]):
        page.goto(f"/workflows/{workflow_id}")
        console.press("Deploy").page.get_by_role("tab", name="API").click()
        expect(console.button("Edit API Info")).to_be_disabled()
    console.press("Edit API Info")
    expect(page.get_by_role("radio", name="Public")).to_be_checked()
    expect(console.button("Save")).to_be_disabled()


def test_a_tried_call_shows_block_names_http_status_and_its_run(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Try every way"))
    page = console.goto(f"/workflows/{workflow_id}").press("Live").page
    page.get_by_role("tab", name="API").click()
    (agent,) = (key for key, each in account.draft(workflow_id)["blocks"].items() if each["type"] == "agent")
    end = {"event": "final", "data": {"success": True, "output": {agent: {"content": "Tea"}}}}
    frame = f"data: {json.dumps(end)}\n\n"
    page.route("**/execute", lambda route: route.fulfill(content_type="text/event-stream", body=frame), times=1)
    panel = console.press("Send request").page.get_by_role("region", name="Try it")
    expect(panel.get_by_text('"Agent 1"')).to_be_in_viewport()
    expect(panel.get_by_text(f'"{agent}"')).to_have_count(0)
    expect(panel.get_by_text("HTTP 200")).to_be_visible()
    expect(panel.get_by_text(re.compile(r"^[\d.<]+ m?s$"))).to_be_visible()
    panel.get_by_role("radio", name="Async").click()
    console.press("Send request")
    expect(panel.get_by_text("HTTP 202")).to_be_visible()
    expect(panel.get_by_text("Queued", exact=True)).to_be_visible()
    panel.get_by_role("radio", name="JSON").click()
    console.press("Send request")
    expect(panel.get_by_text("HTTP 200")).to_be_visible()
    expect(panel.get_by_text('"success": true')).to_be_visible()
    panel.get_by_role("link", name="View run").click()
    page.wait_for_url(re.compile(f"/runs/{workflow_id}/.+"))
    console.shows("Try every way")


@pytest.mark.full
def test_samples_show_the_key_that_was_generated_last(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(answering('Newest key', 'return 1;'))}").press("Live").page
    page.get_by_role("tab", name="API").click()
    console.press("Generate API Key").page.get_by_label("Name", exact=True).fill("For the samples")
    console.press("Create")
    key = page.get_by_test_id("shown-once").inner_text()
    console.press("Done")
    expect(page.get_by_role("region", name="Run workflow", exact=True)).to_contain_text(f"...{key[-4:]}")


@pytest.mark.full
def test_selected_outputs_are_still_selected_after_a_reload(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(talking('Keep the outputs'))}").press("Live").page
    page.get_by_role("tab", name="API").click()
    page.get_by_role("button", name=re.compile("^Select outputs")).click()
    page.get_by_role("menuitemcheckbox", name="model", exact=True).click()
    page.keyboard.press("Escape")
    page.reload()
    console.press("Live").page.get_by_role("tab", name="API").click()
    expect(page.get_by_role("region", name="Run workflow (stream response)")).to_contain_text("agent_1.model")


@pytest.mark.full
def test_samples_do_not_scroll_inside_the_dialog(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(answering('Long sample', 'return 1;'))}").press("Live").page
    page.get_by_role("tab", name="API").click()
    page.get_by_role("radio", name="TypeScript").click()
    sample = page.get_by_role("region", name="Run workflow (stream response)").locator("pre")
    expect(sample).to_contain_text("getReader")
    assert sample.evaluate("sample => sample.scrollHeight - sample.clientHeight") == 0
    assert sample.evaluate("sample => getComputedStyle(sample).maxHeight") == "none"
