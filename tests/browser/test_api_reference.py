"""The API reference: every route of the gateway's own document, readable and usable without any other host."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console import Account, Console, Profile

DOCUMENT = "**/openapi.json"


@dataclass(frozen=True)
class Reference:
    """The page, and the URLs that it loaded."""

    page: Page
    loaded: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def reference(browser: Browser, account: Account) -> Iterator[Reference]:
    """One page for several tests: it takes seconds of CPU time to show all routes."""
    with Profile(browser, account).pages() as open_page:
        reference = Reference(open_page(fresh=True))
        reference.page.on("request", lambda request: reference.loaded.append(request.url))
        reference.page.goto("/docs")
        yield reference


def test_it_lists_every_tag_and_contacts_no_other_host(reference: Reference, account: Account) -> None:
    paths = account.http.get("/openapi.json").json()["paths"]
    tags = {tag for path in paths.values() for operation in path.values() for tag in operation["tags"]}
    expect(reference.page.locator(".opblock-tag")).to_have_count(len(tags))
    assert [url for url in reference.loaded if not url.startswith((account.url, "data:"))] == []


def test_a_route_is_opened_with_the_keyboard_and_tried_with_a_key(reference: Reference, account: Account) -> None:
    page = reference.page
    page.locator("#operations-tag-Execute .expand-operation").focus()
    page.keyboard.press("Enter")
    operation = page.locator(".opblock", has_text="Get usage and limits")
    operation.locator(".opblock-summary-control").focus()
    page.keyboard.press("Enter")
    expect(operation.locator(".responses-inner")).to_contain_text('"percentUsed"')  # of a schema that a schema names
    page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").first.fill(account.http.headers["x-api-key"])
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").last.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute", exact=True).click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


@pytest.mark.full
def test_it_has_the_theme_of_the_console(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.route(DOCUMENT, lambda route: route.abort())
    page.goto("/docs")
    expect(page.locator("body")).to_have_css("background-color", "rgb(28, 32, 34)")
    page.emulate_media(color_scheme="light")
    page.reload()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")


def test_the_console_links_to_it(console: Console) -> None:
    page = console.goto("/").page
    page.context.route(DOCUMENT, lambda route: route.abort())
    with page.context.expect_page() as opened:
        console.choose(console.account.email, "API reference")
    expect(opened.value).to_have_url("/docs")
    expect(opened.value).to_have_title("Flowport API")
