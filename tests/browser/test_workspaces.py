"""A person with several workspaces works in one at a time, with the permissions of the role there."""

from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering
from tests.support.eventually import PATIENCE_SECONDS


def test_a_second_workspace_is_made_and_left_again(console: Console, account: Account) -> None:
    account.import_(answering("Only in the first", "return 1;"))
    console.goto("/").shows("Only in the first")
    first = console.page.get_by_role("button", name="Workspace ").get_attribute("aria-label") or ""

    console.choose(first, "New workspace")
    console.page.get_by_role("textbox", name="Name").fill("Second home")
    console.press("Create").shows("No workflows yet")
    expect(console.page.get_by_text("Only in the first")).to_have_count(0)
    console.goto("/settings/members").shows("Second home")

    console.choose("Workspace Second home", first.removeprefix("Workspace ")).shows("Only in the first")
    console.goto("/runs")
    expect(console.button(first)).to_be_visible()


def test_an_invitation_link_joins_with_the_permissions_of_the_role(
    console: Console, open_page: Callable[..., Page], account: Account
) -> None:
    workflow_id = account.publish(answering("For readers, too", "return 1;"))
    console.goto("/settings/members").press("Invite")
    console.page.get_by_role("dialog").get_by_label("Role", exact=True).select_option("read")
    console.press("Create link")
    link = console.page.get_by_role("dialog").locator("code").inner_text()

    guest = Console(open_page(), account).goto(link)
    guest.page.get_by_label("Email").fill("reader@example.com")
    guest.page.get_by_role("textbox", name="Name").fill("Rita Reader")
    guest.page.get_by_label("Password").fill("correct horse battery")
    guest.press("Join").shows("For readers, too")
    expect(guest.button("New workflow")).to_have_count(0)
    guest.goto(f"/workflows/{workflow_id}").shows("Read-only")
    expect(guest.button("Add block")).to_have_count(0)
    guest.press("Live").shows("Admin permissions required")
    expect(guest.button("Undeploy")).to_be_disabled()
    guest.goto("/settings/members").shows("Rita Reader")
    expect(guest.button("Invite")).to_have_count(0)


@pytest.mark.full
def test_the_limits_shown_belong_to_the_current_workspace(console: Console, account: Account) -> None:
    made = console.page.request.post("/api/workspaces", data={"name": "With limits of its own"}).json()["workspace"]
    first = console.goto("/").page.get_by_role("button", name="Workspace ").get_attribute("aria-label") or ""
    for name, workspace_id in ((first, account.workspace_id), ("Workspace With limits of its own", made["id"])):
        if name != first:
            console.choose(first, "With limits of its own").shows("No workflows yet")
        with console.page.expect_response("**/usage-limits?*") as response_info:
            console.goto("/settings/limits").shows("Available now")
        assert response_info.value.url.endswith(f"workspaceId={workspace_id}")


def test_a_tab_stays_in_its_workspace_when_another_tab_switches(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Mine is the first", "return 1;"))
    first = console.goto("/").page.get_by_role("button", name="Workspace ").get_attribute("aria-label") or ""
    other = Console(console.page.context.new_page(), account).goto("/")
    other.choose(first, "New workspace").page.get_by_role("textbox", name="Name").fill("Elsewhere")
    other.press("Create").shows("No workflows yet")

    console.goto(f"/workflows/{workflow_id}")
    expect(console.block("Answer")).to_be_visible()
    expect(console.button(first)).to_be_visible()
    other.goto(f"/workflows/{workflow_id}").shows(f"This workflow is in {first.removeprefix('Workspace ')}")
    other.press("Switch workspace")
    expect(other.block("Answer")).to_be_visible()


def test_cancelling_a_switch_for_unsaved_changes_stays_in_the_workspace(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Not saved yet", "return 1;"))
    page = console.page
    assert page.request.post("/api/workspaces", data={"name": "Tempting"}).ok
    page.clock.install()
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    first = page.get_by_role("button", name="Workspace ").get_attribute("aria-label") or ""
    page.route("**/state", lambda route: route.fulfill(status=413, json={"error": "Too large"}))
    console.write("Code", "return 'mine';")
    page.clock.run_for(1_000)
    console.shows("Your changes are not saved.")
    page.on("dialog", lambda dialog: dialog.dismiss())
    console.choose(first, "Tempting")

    page.clock.run_for(61_000)
    with page.expect_response("**/api/workspaces"):
        page.evaluate("window.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(1_000)
    expect(console.button(first)).to_be_visible()
    expect(page.get_by_role("textbox", name="Code", exact=True)).to_have_text("return 'mine';")


@pytest.mark.full
def test_a_person_without_a_workspace_can_sign_out(
    console: Console, open_page: Callable[..., Page], account: Account
) -> None:
    console.goto("/settings/members").press("Invite")
    console.press("Create link")
    link = console.page.get_by_role("dialog").locator("code").inner_text()
    guest = Console(open_page(), account).goto(link)
    guest.page.get_by_label("Email").fill("gone@example.com")
    guest.page.get_by_role("textbox", name="Name").fill("Gone Tomorrow")
    guest.page.get_by_label("Password").fill("correct horse battery")
    guest.press("Join").shows_page("Workflows")
    console.goto("/settings/members").press("Remove Gone Tomorrow").confirm("Remove")
    expect(console.button("Remove Gone Tomorrow")).to_have_count(0)

    guest.goto("/").shows("You are not in a workspace").press("Sign out").shows("Sign in to Flowport")


def test_a_person_changes_their_password(console: Console, open_page: Callable[..., Page], account: Account) -> None:
    console.goto("/settings/members").press("Invite")
    console.press("Create link")
    link = console.page.get_by_role("dialog").locator("code").inner_text()
    guest = Console(open_page(), account).goto(link)
    guest.page.get_by_label("Email").fill("careful@example.com")
    guest.page.get_by_role("textbox", name="Name").fill("Carla Careful")
    guest.page.get_by_label("Password").fill("the first password")
    guest.press("Join").shows_page("Workflows")

    guest.choose("careful@example.com", "Change password")
    guest.page.get_by_label("Current password").fill("not this one")
    guest.page.get_by_label("New password").fill("the second password")
    guest.press("Change password")
    expect(guest.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    guest.page.get_by_label("Current password").fill("the first password")
    guest.press("Change password").notifies("Password changed.")
    body = {"email": "careful@example.com", "password": "the second password"}
    assert httpx2.post(f"{account.url}/api/auth/sign-in/email", json=body, timeout=PATIENCE_SECONDS).status_code == 200
