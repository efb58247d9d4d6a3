"""Help: every page and dialog leads to its page of the documentation, which the gateway serves itself."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, talking

PAGES = {
    "/": ("Help: Workflows", "/help/console/README#pages", "Pages"),
    "/runs": ("Help: Find a run", "/help/console/README#find-a-run", "Find a run"),
    "/settings/keys": ("Help: API keys", "/help/api/access#api-keys", "API keys"),
    "/settings/secrets": ("Help: Secrets", "/help/api/access#environment-values", "Environment values"),
    "/settings/webhooks": ("Help: Webhooks", "/help/api/reliability#webhooks", "Webhooks"),
}


def test_every_page_links_to_its_section_of_the_documentation(console: Console) -> None:
    for path, (label, href, heading) in PAGES.items():
        console.goto(path)
        help_page = _follow(console, label, href)
        section = help_page.get_by_role("heading", name=heading, exact=True, level=2)
        expect(section).to_be_in_viewport()
        help_page.close()


def test_the_deploy_window_links_to_the_page_of_its_tab(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.publish(answering('Ask for help', 'return 1;'))}").press("Live")
    dialog = console.page.get_by_role("dialog")
    for tab, href in {
        "General": "/help/api/deploy",
        "API": "/help/api/execute",
        "MCP": "/help/api/mcp",
        "A2A": "/help/api/a2a",
        "Chat": "/help/api/chat",
        "Recording": "/help/recordings#turn-recording-on",
    }.items():
        dialog.get_by_role("tab", name=tab, exact=True).click()
        expect(dialog.get_by_role("link", name=re.compile("^Help: "))).to_have_attribute("href", href)


@pytest.mark.full
def test_the_settings_of_a_block_link_to_its_type(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(talking('Help with a block'))}").block("Agent 1").click()
    panel = console.page.get_by_label("Settings of Agent 1")
    link = panel.get_by_role("link", name="Help: Agent block")
    with console.page.context.expect_page() as opened:
        link.click()
    expect(opened.value.get_by_role("heading", name="agent block", exact=True)).to_be_in_viewport()
    console.page.keyboard.press("Escape")
    console.block("Start").click()
    link = console.page.get_by_label("Settings of Start").get_by_role("link", name="Help: Start block")
    expect(link).to_have_attribute("href", "/help/workflow-files#start-trigger-block")


@pytest.mark.full
def test_help_is_found_by_the_command_palette(console: Console) -> None:
    console.goto("/runs").page.keyboard.press("ControlOrMeta+k")
    console.page.get_by_role("dialog").get_by_role("combobox").fill("help dead letters")
    with console.page.context.expect_page() as opened:
        console.page.keyboard.press("Enter")
    expect(opened.value.get_by_role("heading", name="Dead letters and redrive")).to_be_in_viewport()


def test_help_is_readable_without_a_session(open_page: Callable[..., Page], account: Account) -> None:
    page = open_page()
    page.goto("/help")
    expect(page.get_by_role("heading", name="Documentation", level=1)).to_be_visible()
    page.get_by_role("link", name="Quickstart").first.click()
    expect(page.get_by_role("heading", name="Quickstart", level=1)).to_be_visible()
    expect(page).to_have_title("Quickstart – Help – Flowport")
    page.goto("/help/nothing")
    expect(page.get_by_text("Page not found")).to_be_visible()


def test_links_between_pages_and_sections_work(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/help/blocks")
    page.get_by_role("link", name="human_in_the_loop").first.click()
    expect(page).to_have_url(re.compile("/help/workflow-files#human_in_the_loop-block$"))
    expect(page.get_by_role("heading", name="human_in_the_loop block")).to_be_in_viewport()
    page.get_by_role("link", name="workflow variables").click()
    expect(page.get_by_role("heading", name="Variables", exact=True)).to_be_in_viewport()


def test_a_page_fits_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, height=844)
    page.goto("/help/api/execute")
    expect(page.get_by_role("heading", name="Run a workflow", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def _follow(console: Console, label: str, href: str) -> Page:
    link = console.page.get_by_role("link", name=label, exact=True)
    expect(link).to_have_attribute("href", href)
    with console.page.context.expect_page() as opened:
        link.click()
    return opened.value
