"""The four services as processes, the console that they serve, and Chromium in front of it.

Playwright's own loop runs for as long as a browser is open. The fixtures of the package close it before other tests.
"""

import asyncio
from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.browser.console import Account, Console, Profile
from tests.support.browser import CHROMIUM
from tests.support.eventually import PATIENCE_MS

from flowport.local.stack import Stack, StackPorts
from gateway.first_key import make_first_key, set_admin_password
from gateway.settings import GatewaySettings

PLAIN_HTTP = "--host-resolver-rules=MAP flowport.test 127.0.0.1"
"""To a browser, only localhost by name is as secure as HTTPS."""
BASELINE_ONLY = "--js-flags=--no-opt --no-maglev"
"""V8 optimizes no function: pages of tests close before that saves the processor time that it takes."""
PASSWORD = "correct horse battery"
ENVIRONMENT = {
    "FLOWPORT_DEFAULT_PLAN": "benchmark",
    "FLOWPORT_DISPATCH_POLL_SECONDS": "2",  # polls are most of the work of an idle stack
    "FLOWPORT_JOB_SWEEP_SECONDS": "5",
    "FLOWPORT_SMTP_HOST": "localhost",
    "FLOWPORT_SMTP_PORT": "9",  # no server listens there: other tests cover delivery
    "FLOWPORT_MAIL_FROM": "flowport@example.org",
    "FLOWPORT_OUTBOUND_ALLOW": "localhost",  # where webhooks of tests lead
}

expect.set_options(timeout=PATIENCE_MS)

Open = Callable[..., Console]


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running system."""
    with Stack(tmp_path_factory.mktemp("console"), ports=StackPorts.free(), environment=ENVIRONMENT) as stack:
        yield stack


@pytest.fixture(scope="package")
def account(stack: Stack) -> Iterator[Account]:
    """Its administrator, and a key with every scope."""
    settings = GatewaySettings(mongodb_uri=stack.mongodb_uri)
    made = asyncio.run(make_first_key(settings))
    admin = asyncio.run(set_admin_password(settings, PASSWORD))
    headers = {"x-api-key": made.api_key}
    with httpx2.Client(base_url=stack.url, headers=headers, timeout=30) as http:
        yield Account(stack.url, made.workspace_id, admin.admin_email, PASSWORD, http, stack.amqp_url)


@pytest.fixture(scope="module", autouse=True)
def _own_workflows_only(account: Account) -> Iterator[None]:
    """Delete the workflows of a file's tests: every page loads the list of all."""
    yield
    listed = account.http.get(f"/api/workflows?workspaceId={account.workspace_id}").raise_for_status().json()["data"]
    for workflow in listed:
        account.http.delete(f"/api/workflows/{workflow['id']}").raise_for_status()


@pytest.fixture(scope="package")
def browser(account: Account) -> Iterator[Browser]:
    """One Chromium for all tests of the console."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--renderer-process-limit=1", BASELINE_ONLY, PLAIN_HTTP]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def profile(browser: Browser, account: Account) -> Iterator[Profile]:
    """The browser context of the tests."""
    profile = Profile(browser, account)
    yield profile
    profile.close()


@pytest.fixture
def open_page(profile: Profile) -> Iterator[Callable[..., Page]]:
    """Opens pages, and fails the test for unexpected errors in one."""
    with profile.pages() as opened:
        yield opened


@pytest.fixture
def console(open_page: Callable[..., Page], account: Account) -> Console:
    """A signed-in page."""
    return Console(open_page(), account).signed_in()
