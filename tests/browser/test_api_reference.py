"""The API reference: every route of the gateway's own document, readable and usable without any other host."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.console import Account, Console


def test_it_lists_every_tag_and_contacts_no_other_host(open_page: Callable[..., Page], account: Account) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/docs")
    paths = account.http.get("/openapi.json").json()["paths"]
    tags = {tag for path in paths.values() for operation in path.values() for tag in operation["tags"]}
    expect(page.locator(".opblock-tag")).to_have_count(len(tags))
    assert [url for url in asked if not url.startswith((account.url, "data:"))] == []


def test_a_route_is_opened_with_the_keyboard_and_tried_with_a_key(
    open_page: Callable[..., Page], account: Account
) -> None:
    page = open_page()
    page.goto("/docs")
    page.locator("#operations-tag-Execute .expand-operation").focus()
    page.keyboard.press("Enter")
    operation = page.locator(".opblock", has_text="Get usage and limits")
    operation.locator(".opblock-summary-control").focus()
    page.keyboard.press("Enter")
    page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").first.fill(account.http.headers["x-api-key"])
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").last.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute", exact=True).click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


@pytest.mark.parametrize(("theme", "background"), [("dark", "rgb(28, 32, 34)"), ("light", "rgb(255, 255, 255)")])
def test_it_has_the_theme_of_the_console(open_page: Callable[..., Page], theme: str, background: str) -> None:
    page = open_page(theme=theme)
    page.goto("/docs")
    expect(page.locator("body")).to_have_css("background-color", background)


def test_the_console_leads_to_it(console: Console) -> None:
    page = console.goto("/").page
    with page.context.expect_page() as opened:
        console.choose(console.account.email, "API reference")
    expect(opened.value.get_by_role("heading", name="Flowport API")).to_be_visible()
