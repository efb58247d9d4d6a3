"""A person with several workspaces works in one at a time."""

from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering


def test_a_second_workspace_is_made_and_left_again(console: Console, account: Account) -> None:
    account.import_(answering("Only in the first", "return 1;"))
    console.goto("/").shows("Only in the first")
    first = console.page.get_by_role("button", name="Workspace ").get_attribute("aria-label") or ""

    console.choose(first, "New workspace")
    console.page.get_by_label("Name").fill("Second home")
    console.press("Create").shows("No workflows yet")
    expect(console.page.get_by_text("Only in the first")).to_have_count(0)
    console.goto("/settings/members").shows("Second home")

    console.choose("Workspace Second home", first.removeprefix("Workspace ")).shows("Only in the first")
    console.goto("/runs")
    expect(console.button(first)).to_be_visible()
