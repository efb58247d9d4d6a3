"""A public workflow that answers with an HTML page, opened by a user with a session at the same origin."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import Json, block, file, setting

STEAL = (
    "<title>Harmless</title><script>fetch('/api/auth/get-session').then(answer => answer.json())"
    ".then(found => { document.title = found.user.email })</script>"
)
"""Without line ends: answers are JSON, which writes them as two characters."""
ELSEWHERE = """
<form method="post" action="{url}" enctype="text/plain"><input name='{{"a":"' value='"}}'></form>
<script>document.forms[0].submit()</script>
"""


def trap() -> Json:
    """Create a workflow whose answer is a page with a script."""
    settings = {
        **setting("dataMode", "dropdown", "json"),
        **setting("data", "code", json.dumps(STEAL)),
        **setting("headers", "table", [{"id": "1", "cells": {"Key": "Content-Type", "Value": "text/html"}}]),
    }
    start = block("start", "start_trigger", "Start", 0, 0)
    answer = block("answer", "response", "Answer", 300, 0, sub_blocks=settings)
    return file("Trap", [start, answer], [("start", "answer", "source")])


def open_trap(console: Console, account: Account) -> Page:
    """Navigate the signed-in browser from a foreign page to the workflow's answer."""
    workflow_id = account.publish(trap())
    account.http.patch(f"/api/workflows/{workflow_id}/deploy", json={"isPublicApi": True}).raise_for_status()
    url = f"{account.url}/api/workflows/{workflow_id}/execute"
    console.goto("/").page.goto("about:blank")
    with console.page.expect_navigation(url=url):
        console.page.set_content(ELSEWHERE.format(url=url))
    console.page.wait_for_load_state("networkidle")
    return console.page


def test_its_script_does_not_run_and_sends_no_request_to_us(console: Console, account: Account) -> None:
    requested: list[str | None] = []
    console.page.on("request", lambda request: requested.append(request.headers.get("referer")))
    page = open_trap(console, account)
    expect(page).to_have_title("Harmless")
    assert page.url not in requested


def test_without_the_sandbox_it_would_take_the_session(open_page: Callable[..., Page], account: Account) -> None:
    """The same attack without the header succeeds, so the test above guards against a real one."""
    console = Console(open_page(), account).signed_in()

    def unprotected(route: Route) -> None:
        # A browser sends no cookie of ours with another site's form; Playwright's own client would.
        answer = route.fetch(headers={**route.request.headers, "cookie": "none=0"})
        headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
        route.fulfill(response=answer, headers=headers)

    console.page.route("**/execute", unprotected)
    expect(open_trap(console, account)).to_have_title(account.email)
