"""The main path through the console: import, edit, deploy, change, promote, load, undeploy."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.browser.console import NOTHING_LATER, Account, Console
from tests.browser.workflows import answering, long, setting, talking


def test_from_a_file_to_versions_and_back(open_page: Callable[..., Page], account: Account) -> None:
    console = Console(open_page(), account).goto("/")
    console.page.get_by_label("Email").fill(account.email)
    console.page.get_by_label("Password").fill(account.password)
    console.press("Sign in").shows("Workflows")

    workflow_id = console.import_file(answering("Life of a workflow", "return 'one';"))
    console.press("Deploy").shows("Deploy your workflow to see a preview")
    console.press("Deploy").shows("v1")
    expect(console.page.get_by_role("row", name=re.compile(r"v1 \(live\)"))).to_be_visible()
    console.press("Close")
    expect(console.button("Live")).to_be_visible()
    assert account.run(workflow_id).json()["output"]["result"] == "one"

    console.block("Answer").click()
    console.write("Code", "return 'two';").saved()
    expect(console.button("Update deployment")).to_be_visible()
    assert account.run(workflow_id).json()["output"]["result"] == "one"
    console.press("Update").notifies("Version 2 is live.")
    expect(console.button("Update deployment")).to_be_hidden()
    assert account.run(workflow_id).json()["output"]["result"] == "two"

    console.press("Live").choose("Actions for v1", "Promote to live").confirm("Promote to live")
    console.notifies("v1 is live.").press("Undo").notifies("v2 is live.")
    console.choose("Actions for v1", "Promote to live").confirm("Promote to live")
    expect(console.page.get_by_role("row", name=re.compile(r"v1 \(live\)"))).to_be_visible()
    assert account.run(workflow_id).json()["output"]["result"] == "one"
    console.press("Close").write("Code", "return 'three';").saved()

    console.press("Deployment").choose("Actions for v2", "Load deployment").confirm("Load deployment")
    expect(console.page.get_by_role("dialog")).to_have_count(0)
    expect(console.block("Answer")).to_contain_text("return 'two';")
    console.block("Answer").click()
    expect(console.page.get_by_role("textbox", name="Code", exact=True)).to_have_text("return 'two';")
    assert account.run(workflow_id).json()["output"]["result"] == "one"

    console.press("Deployment").press("Undeploy").confirm("Undeploy")
    expect(console.page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True)).to_be_visible()
    refused = account.run(workflow_id)
    assert (refused.status_code, refused.json()["error"]) == (403, "Workflow is not deployed")


def test_a_version_is_renamed_described_and_compared(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Texts of a version", "return 'one';"))
    console.goto(f"/workflows/{workflow_id}").press("Live").choose("Actions for v1", "Rename")
    console.page.get_by_label("New name of v1").fill("First light")
    console.page.keyboard.press("Enter")
    console.shows("First light").choose("Actions for First light", "Add description")
    console.page.get_by_placeholder("Describe the changes").fill("How it began")
    console.press("Save")
    expect(console.page.get_by_role("button", name="Description of First light")).to_be_visible()
    console.press("Close").block("Answer").click()
    console.write("Code", "return 'two';").saved()
    console.press("Deployment").choose("Actions for First light", "Compare")
    console.shows('Changed code of "Answer"').shows("return 'two';")
    found = account.http.get(f"/api/workflows/{workflow_id}/deployments").json()["versions"][0]
    assert (found["name"], found["description"]) == ("First light", "How it began")


@pytest.mark.full
def test_long_texts_are_compared_line_by_line(console: Console, account: Account) -> None:
    lines = [f"const line{number} = {number};" for number in range(20)]
    workflow_id = account.publish(answering("Long code", "\n".join([*lines, "return 'old';"])))
    state = account.draft(workflow_id)
    state["blocks"]["answer"]["subBlocks"]["code"]["value"] = "\n".join([*lines, "return 'new';"])
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()
    console.goto(f"/workflows/{workflow_id}").press("Deployment").choose("Actions for v1", "Compare")
    changed = console.page.get_by_role("region", name="Changed lines of Code")
    expect(changed.get_by_role("deletion")).to_have_text("removed: return 'old';")
    expect(changed.get_by_role("insertion")).to_have_text("added: return 'new';")
    expect(changed).to_contain_text("17 unchanged lines")
    expect(changed).not_to_contain_text("line5 ")


def test_a_comparison_masks_the_passwords_of_the_author(console: Console, account: Account) -> None:
    workflow = talking("Typed in place")
    workflow["state"]["blocks"]["agent"]["subBlocks"] |= setting("apiKey", "short-input", "{{KEY}}")
    workflow_id = account.publish(workflow)
    state = account.draft(workflow_id)
    state["blocks"]["agent"]["subBlocks"]["apiKey"]["value"] = "sk-in-clear"
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()
    console.goto(f"/workflows/{workflow_id}").press("Deployment").choose("Actions for v1", "Compare")
    differences = console.shows('Changed apiKey of "Agent 1"').page.get_by_role("region", name="Differences")
    expect(differences).to_contain_text("{{KEY}}")
    expect(differences).to_contain_text("••••")
    expect(differences).not_to_contain_text("sk-in-clear")


@pytest.mark.parametrize("width", [pytest.param(1440, marks=pytest.mark.full), 375])
def test_a_long_name_of_a_version_leaves_room_for_what_can_be_done_with_it(
    open_page: Callable[..., Page], account: Account, width: int
) -> None:
    workflow_id = account.publish(answering("A name of one word", "return 1;"))
    account.http.patch(f"/api/workflows/{workflow_id}/deployments/1", json={"name": "V" * 100}).raise_for_status()
    console = Console(open_page(width=width), account).signed_in().goto(f"/workflows/{workflow_id}").press("Live")
    expect(console.button(f"Actions for {'V' * 100}")).to_be_visible()
    table = console.page.get_by_role("region", name="Version table")
    assert table.evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0


@pytest.mark.full
def test_escape_leaves_the_renaming_and_not_the_window(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.publish(answering('Keep the name', 'return 1;'))}").press("Live")
    console.choose("Actions for v1", "Rename")
    console.page.get_by_role("textbox", name="New name of v1").fill("Not this")
    console.page.keyboard.press("Escape")
    expect(console.page.get_by_role("dialog", name="Workflow Deployment")).to_be_visible()
    expect(console.button("Actions for v1")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [pytest.param(1440, 900, marks=pytest.mark.full), (390, 844)])
def test_a_notification_covers_no_action_of_its_window(
    open_page: Callable[..., Page], account: Account, width: int, height: int
) -> None:
    console = Console(open_page(width=width, height=height), account).signed_in()
    workflow_id = account.import_(answering("Tell me beside the buttons", "return 1;"))
    console.page.add_init_script(NOTHING_LATER)
    console.goto(f"/workflows/{workflow_id}").press("Deploy").shows("No deployments yet").press("Deploy")
    window = console.shows("Version 1 is live.").page.get_by_role("dialog")
    for action in ("Undeploy", "Update", "Close"):
        console.button(action, window).click(trial=True)
    assert not _overlap(console, "Version 1 is live.", console.button("Update", window))
    console.page.keyboard.press("Escape")
    expect(window).to_have_count(0)


@pytest.mark.full
def test_promoting_a_version_warns_about_triggers_without_effect(console: Console, account: Account) -> None:
    workflow = answering("Every morning and on call", "return 1;")
    daily = {**workflow["state"]["blocks"]["start"], "id": "daily", "type": "schedule", "name": "Every Morning"}
    workflow["state"]["blocks"]["daily"] = daily
    workflow_id = account.publish(workflow)
    state = account.draft(workflow_id)
    del state["blocks"]["daily"]
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()
    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
    warning = 'Nothing will fire "Every Morning"'
    console.goto(f"/workflows/{workflow_id}").press("Live").choose("Actions for v1", "Promote to live")
    console.confirm("Promote to live").notifies(warning)
    console.press("Close")
    expect(console.page.get_by_text(warning)).to_have_count(0)
    console.press("Update").notifies("Version 3 is live.")


def test_a_deploy_lists_all_warnings_and_waits_until_each_is_accepted(console: Console, account: Account) -> None:
    workflow = answering("Five times a day", "return 1;")
    blocks = workflow["state"]["blocks"]
    names = [f"At {hour} o'clock" for hour in (6, 9, 12, 15, 18)]
    for name in names:
        blocks[name] = {**blocks["start"], "id": name, "type": "schedule", "name": name}
    console.goto(f"/workflows/{account.import_(workflow)}").press("Deploy").shows("No deployments yet")
    window = console.page.get_by_role("dialog")
    console.button("Deploy", window).click()
    expect(window.get_by_role("alert")).to_contain_text("accept the warnings")
    for name in names:
        window.get_by_role("checkbox", name=f'Nothing will fire "{name}"').check()
    console.button("Deploy", window).click()
    console.notifies("Version 1 is live.")


@pytest.mark.full
def test_many_warnings_leave_the_versions_in_sight(console: Console, account: Account) -> None:
    workflow = long("Mostly out of reach", 60)
    workflow["state"]["edges"] = workflow["state"]["edges"][:1]
    console.goto(f"/workflows/{account.publish(workflow)}").press("Live").shows('"Step 59" is not reachable')
    expect(console.page.get_by_role("row", name=re.compile(r"v1 \(live\)"))).to_be_in_viewport()


def test_one_of_a_thousand_versions_is_found(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Deployed by a robot", "return 1;"))
    (only,) = account.http.get(f"/api/workflows/{workflow_id}/deployments").json()["versions"]
    others = [
        {**only, "id": f"other-{number}", "version": number, "name": f"Build {number}", "isActive": False}
        for number in range(1_000, 1, -1)
    ]
    url = f"**/api/workflows/{workflow_id}/deployments"
    console.page.route(url, lambda route: route.fulfill(json={"versions": [*others, only]}))
    page = console.goto(f"/workflows/{workflow_id}").press("Live").shows("Build 1000").page
    rows = page.get_by_role("region", name="Version table").get_by_role("row")
    expect(rows.last).to_contain_text("v1 (live)")
    assert rows.count() < 200
    console.press("Show older versions").shows("Build 801")
    page.get_by_label("Search versions").fill("build 7")
    expect(rows.nth(1)).to_contain_text("Build 799")
    page.get_by_label("Search versions").fill("build 471")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Build 471 v471").click()
    expect(rows.last).to_have_attribute("aria-selected", "true")


def _overlap(console: Console, text: str, action: Locator) -> bool:
    notice, pressed = console.page.get_by_text(text).last.bounding_box(), action.bounding_box()
    assert notice
    assert pressed
    return notice["y"] + notice["height"] > pressed["y"] and notice["x"] + notice["width"] > pressed["x"]


@pytest.mark.full
def test_home_shows_the_live_version_without_a_call_for_each_workflow(console: Console, account: Account) -> None:
    account.publish(answering("At the top of the list", "return 1;"))
    urls: list[str] = []
    console.page.on("request", lambda request: urls.append(request.url))
    console.goto("/")
    expect(_row(console, "At the top of the list")).to_contain_text("Live v1")
    assert [url for url in urls if url.endswith("/deploy")] == []

    console.page.get_by_role("link", name="At the top of the list").click()
    console.press("Live").press("Update").confirm("Deploy anyway").notifies("Version 2 is live.")
    console.press("Close").page.get_by_role("link", name="All workflows").click()
    expect(_row(console, "At the top of the list")).to_contain_text("Live v2")


def _row(console: Console, name: str) -> Locator:
    return console.page.get_by_role("row", name=re.compile(rf"^{name}\b"))


@pytest.mark.full
def test_an_undeployable_draft_shows_its_errors(console: Console, account: Account) -> None:
    workflow = answering("Without a start", "return 1;")
    del workflow["state"]["blocks"]["start"]
    workflow["state"]["edges"] = []
    console.goto(f"/workflows/{account.import_(workflow)}").press("Deploy").shows("No deployments yet").press("Deploy")
    expect(console.page.get_by_role("region", name="Draft problems")).to_contain_text("start", ignore_case=True)
    expect(console.page.get_by_role("alert")).to_contain_text("Fix the draft problems above")


def test_a_failed_deploy_is_reported_after_its_window_was_closed(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('Too soon', 'return 1;'))}").press("Deploy").page
    console.shows("No deployments yet")
    tried = _held_deploys(page)
    console.press("Deploy").press("Close")
    expect(page.get_by_role("dialog")).to_have_count(0)
    _refuse(page, tried)
    console.notifies("No store to keep it in")


@pytest.mark.full
def test_a_failed_update_is_reported_after_leaving_the_page(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Gone already", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    console.write("Code", "return 2;").saved()
    tried = _held_deploys(page)
    console.press("Update").page.get_by_role("link", name="All workflows").click()
    console.shows_page("Workflows")
    _refuse(page, tried)
    console.notifies("No store to keep it in")


def _held_deploys(page: Page) -> list[Route]:
    """Return a list that collects the deploy requests from now on; they wait for their answer."""
    tried: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            tried.append(route)
        else:
            route.continue_()

    page.route("**/api/workflows/*/deploy", hold)
    return tried


def _refuse(page: Page, tried: list[Route]) -> None:
    """Answer the first of them, as soon as it arrives."""
    while not tried:
        page.wait_for_timeout(50)
    tried.pop().fulfill(status=503, json={"error": "No store to keep it in"})


def test_loading_a_version_is_confirmed_and_can_be_undone(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Load and undo", "return 'one';"))
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    console.write("Code", "return 'two';").saved()
    console.press("Deployment").choose("Actions for v1", "Load deployment").confirm("Load deployment")
    console.notifies("Loaded v1 into the draft.")
    expect(console.block("Answer")).to_contain_text("return 'one';")
    console.press("Undo").saved()
    expect(console.block("Answer")).to_contain_text("return 'two';")
    code = account.draft(workflow_id)["blocks"]["answer"]["subBlocks"]["code"]["value"]
    assert code == "return 'two';"
    console.button("Undo (Ctrl Z)").click()
    expect(console.block("Answer")).to_contain_text("return 'one';")


def test_errors_of_the_draft_are_listed_once_and_lead_to_their_block(console: Console, account: Account) -> None:
    workflow = answering("Broken draft", "return 1;")
    workflow["state"]["blocks"]["answer"]["type"] = "no_such_type"
    console.goto(f"/workflows/{account.import_(workflow)}").press("Deploy")
    window = console.shows("Draft problems").page.get_by_role("dialog")
    console.button("Deploy", window).click()
    expect(window.get_by_role("alert")).to_have_text(re.compile("Fix the draft problems above"))
    expect(window.get_by_text(re.compile("no_such_type"))).to_have_count(1)
    console.press("Edit Answer")
    expect(console.page.get_by_label("Settings of Answer")).to_be_visible()


@pytest.mark.full
def test_a_warning_prevents_the_deploy_until_it_is_accepted(console: Console, account: Account) -> None:
    workflow = talking("Misspelled")
    workflow["state"]["blocks"]["agent"]["subBlocks"] |= setting("temprature", "slider", 1)
    workflow_id = account.import_(workflow)
    console.goto(f"/workflows/{workflow_id}").press("Deploy")
    window = console.shows("Draft problems").page.get_by_role("dialog")
    expect(window.get_by_role("region", name="Draft problems")).to_contain_text("temperature")
    console.button("Deploy", window).click()
    expect(window.get_by_role("alert")).to_be_visible()
    assert not account.deployment(workflow_id)["isDeployed"]
    window.get_by_role("checkbox", name=re.compile("^Accept")).check()
    console.button("Deploy", window).click()
    console.notifies("Version 1 is live.")
    assert account.deployment(workflow_id)["isDeployed"]
