"""Pages, dialogs and toasts above each other."""

import pytest
from playwright.sync_api import expect
from tests.browser.console import NOTHING_LATER, Account, Console
from tests.browser.workflows import answering

IS_COVERED = """heading => {
    heading.closest('[role=dialog]').style.pointerEvents = 'auto';
    const {x, y, height} = heading.getBoundingClientRect();
    return document.elementFromPoint(x + 2, y + height / 2).closest('[role=dialog]') === null;
}"""
"""An open dialog takes the pointer from the one below, which would then count as covered without being dimmed."""


@pytest.mark.full
def test_a_short_page_does_not_scroll(console: Console) -> None:
    for path in ("/settings/webhooks", "/settings/limits", "/nonsense"):
        page = console.goto(path).page
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollHeight - document.documentElement.clientHeight") == 0


def test_a_nested_dialog_dims_the_dialog_below(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(answering('Dim below', 'return 1;'))}").press("Live").page
    heading = page.get_by_role("heading", name="Workflow Deployment")
    assert not heading.evaluate(IS_COVERED)
    console.press("Undeploy")
    expect(page.get_by_role("dialog", name="Undeploy API")).to_be_visible()
    assert page.locator("h2", has_text="Workflow Deployment").evaluate(IS_COVERED)


@pytest.mark.full
def test_opening_a_dialog_closes_earlier_toasts(console: Console, account: Account) -> None:
    page = console.page
    page.add_init_script(NOTHING_LATER)
    console.goto(f"/workflows/{account.import_(answering('Close toasts', 'return 1;'))}")
    console.press("Deploy").shows("No deployments yet").press("Deploy").notifies("Version 1 is live.")
    expect(page.get_by_role("dialog").get_by_text("Version 1 is live.")).to_be_visible()
    console.press("Undeploy")
    expect(page.get_by_role("dialog", name="Undeploy API")).to_be_visible()
    expect(page.get_by_text("Version 1 is live.")).to_have_count(0)


@pytest.mark.full
def test_a_plan_without_rate_limits_shows_no_meters(console: Console) -> None:
    page = console.goto("/settings/limits").shows("Available now").page
    expect(page.get_by_text("Unlimited")).to_have_count(4)
    expect(page.get_by_role("meter")).to_have_count(0)


@pytest.mark.full
def test_the_chat_page_has_the_font_of_the_console(console: Console, account: Account) -> None:
    account.chat(account.publish(answering("Same font", "return 1;")), "same-font", title="Same font")
    page = console.goto("/chat/same-font").page
    assert page.evaluate("document.fonts.load('16px Geist').then(faces => faces.length)") == 1
