"""Webhooks: a test event at creation and on demand, and its entry in the audit log."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.console import Account, Console


class Receiver(ThreadingHTTPServer):
    """Server that stores the events that it receives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.events: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Return the address of a webhook."""
        return f"http://localhost:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.events.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def receiver(account: Account) -> Iterator[Receiver]:
    """A server for events. Afterwards, no webhooks are left."""
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
    path = f"/api/workspaces/{account.workspace_id}/notifications"
    for webhook in account.http.get(path).raise_for_status().json()["data"]:
        account.http.delete(f"{path}/{webhook['id']}").raise_for_status()


def test_a_new_webhook_gets_a_test_event(console: Console, receiver: Receiver) -> None:
    _add(console, receiver).notifies("Test event delivered (status 204).")
    assert len(receiver.events) == 1
    receiver.status = 500
    console.press(f"Test {receiver.url}").notifies("Test event failed")
    assert len(receiver.events) == 2
    page = console.goto("/settings/audit").page
    page.get_by_label("Action", exact=True).select_option("Tested a webhook")
    entries = page.get_by_role("region", name="Audit entries").get_by_role("row")
    expect(entries.filter(has_text="sent a test event to localhost, which succeeded").first).to_be_visible()
    expect(entries.filter(has_text="sent a test event to localhost, which failed").first).to_be_visible()


@pytest.mark.full
def test_a_webhook_is_added_without_a_test_event(console: Console, receiver: Receiver) -> None:
    console.goto("/settings/webhooks").press("Add webhook")
    console.page.get_by_role("switch", name="Send a test event").click()
    console.page.get_by_label("URL").fill(receiver.url)
    console.press("Add")
    expect(console.button(f"Test {receiver.url}")).to_be_visible()
    assert receiver.events == []


def _add(console: Console, receiver: Receiver) -> Console:
    console.goto("/settings/webhooks").press("Add webhook")
    console.page.get_by_label("URL").fill(receiver.url)
    return console.press("Add")
