"""The console as a person uses it."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2
from playwright.sync_api import Browser, BrowserContext, FilePayload, FloatRect, Locator, Page, Route, expect
from tests.support.eventually import PATIENCE_MS

Json = dict[str, Any]
NEXT_FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"

STILL_PLACE = """block => new Promise(done => {
    let [last, frames] = [null, 0];
    const look = () => {
        const {x, y, width, height} = block.getBoundingClientRect();
        const now = [x, y, width, height].join();
        frames = now === last ? frames + 1 : 0;
        last = now;
        if (frames === 15) done({x, y, width, height}); else requestAnimationFrame(look);
    };
    look();
})"""
"""Counts frames instead of time: a browser that draws none for a while has not finished an animation."""

RECORD_NOTIFICATIONS = """new MutationObserver(changes => {
    const {dataset} = document.documentElement;
    for (const {target, addedNodes} of changes)
        if (addedNodes.length && target instanceof Element && target.matches('[role=status][aria-live=polite]'))
            dataset.notifications = [dataset.notifications, target.textContent].join('\\n');
}).observe(document, {childList: true, subtree: true})"""
"""Records notifications: they close after a few seconds, which a busy machine may spend otherwise."""


@contextmanager
def held(page: Page, url: str | re.Pattern[str], methods: Sequence[str] = ("POST",)) -> Iterator[list[Route]]:
    """Requests that reach the server when the block ends."""
    routes: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method in methods:
            routes.append(route)
        else:
            route.continue_()

    page.route(url, hold)
    yield routes
    for route in routes:
        route.continue_()
    page.unroute(url)


def without_refresh(page: Page) -> None:
    """Keep the page from loading what others save, until it saves itself."""
    refreshes = re.compile(r"/api/workflows/[^/]+/state$")
    page.route(
        refreshes,
        lambda route: route.abort() if "if-none-match" in route.request.headers else route.fallback(),
    )


IS_NATIVE_CLOCK = "/native code/.test(setTimeout)"

NOTHING_LATER = """
const later = window.setTimeout;
window.setTimeout = (work, delay, ...given) => delay < 300 || !delay ? later(work, delay, ...given) : 0;
"""
"""Keep toasts open however slow the machine is, and keep tooltips from covering the pointer."""


@dataclass(frozen=True)
class Account:
    """The system's address, its administrator, and a client with a key of every scope."""

    url: str
    workspace_id: str
    email: str
    password: str
    http: httpx2.Client
    amqp_url: str
    session: list[Any] = field(default_factory=list)
    """Cookies of a session that tests share unless they end it: sign-in attempts are limited."""

    def import_(self, workflow: Json) -> str:
        """Import a file; return the workflow's id."""
        body = {"workspaceId": self.workspace_id, "workflow": workflow}
        return str(self.http.post("/api/v1/workflows/import", json=body).raise_for_status().json()["data"]["id"])

    def publish(self, workflow: Json) -> str:
        """Import and deploy a file; return the workflow's id."""
        workflow_id = self.import_(workflow)
        self.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
        return workflow_id

    def run(self, workflow_id: str, body: Json | None = None, *, key: str | None = None) -> httpx2.Response:
        """Call it and wait."""
        headers = {"x-api-key": key} if key else {}
        return self.http.post(f"/api/workflows/{workflow_id}/execute", json=body or {}, headers=headers)

    def chat(self, workflow_id: str, identifier: str, **settings: Any) -> None:
        """Publish it as a chat."""
        body = {"workflowId": workflow_id, "identifier": identifier, "authType": "public", **settings}
        self.http.post("/api/chat", json=body).raise_for_status()

    def queue(self, workflow_id: str) -> str:
        """Queue a run; return its id."""
        path, headers = f"/api/workflows/{workflow_id}/execute", {"x-execution-mode": "async"}
        return str(self.http.post(path, json={}, headers=headers).raise_for_status().json()["executionId"])

    def set_secret(self, name: str, value: str) -> None:
        """Set an environment value of the workspace."""
        path = f"/api/workspaces/{self.workspace_id}/environment/{name}"
        self.http.put(path, json={"value": value}).raise_for_status()

    def draft(self, workflow_id: str) -> Json:
        """Return the draft."""
        found: Json = self.http.get(f"/api/workflows/{workflow_id}/state").raise_for_status().json()
        return found

    def deployment(self, workflow_id: str) -> Json:
        """Return the live version, and whether the draft differs."""
        found: Json = self.http.get(f"/api/workflows/{workflow_id}/deploy").raise_for_status().json()
        return found


class Profile:
    """The browser context that the tests use one after the other.

    It keeps the console's files in its cache, and a page open whose process the tests' pages use, too. In a new context
    each test would start a process, and load and compile the files again: a third of the processor time of a visit.
    """

    def __init__(self, browser: Browser, account: Account) -> None:
        self._browser = browser
        self._account = account
        self._first: Page | None = None

    def close(self) -> None:
        """Close the context."""
        if self._first is not None:
            self._first.context.close()
            self._first = None

    @contextmanager
    def pages(self) -> Iterator[Callable[..., Page]]:
        """Yield what opens the pages of a test. Raises AssertionError at the end for unexpected errors in one.

        The first page is of this context, unless it is to be `fresh`. Each other one is of a new context.
        """
        wrong: list[str] = []
        is_taken = False
        with ExitStack() as stack:

            def opened(*, width: int = 1440, height: int = 900, fresh: bool = False) -> Page:
                nonlocal is_taken
                if fresh or is_taken:
                    context = self._new_context()
                    stack.callback(context.close)
                else:
                    is_taken = True
                    context = self._context()
                    stack.callback(self._clean)
                page = context.new_page()
                page.set_viewport_size({"width": width, "height": height})
                page.set_default_timeout(PATIENCE_MS)
                page.on("pageerror", lambda error: wrong.append(str(error)))
                page.on(
                    "console",
                    lambda message: wrong.append(message.text) if "Content Security" in message.text else None,
                )
                return page

            yield opened
        assert wrong == []

    def _context(self) -> BrowserContext:
        if self._first is None:
            self._first = self._new_context().new_page()
            self._first.goto("/theme.js")
        return self._first.context

    def _new_context(self) -> BrowserContext:
        context = self._browser.new_context(base_url=self._account.url, color_scheme="dark", reduced_motion="reduce")
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(RECORD_NOTIFICATIONS)
        return context

    def _clean(self) -> None:
        """Leave the context as new, except for its cache. Close one whose clock a test has replaced."""
        assert self._first is not None
        context = self._first.context
        for page in context.pages:
            if page is not self._first:
                page.close()
        if not self._first.evaluate(IS_NATIVE_CLOCK):
            self.close()
            return
        storage = {"origin": self._account.url, "storageTypes": "all"}
        tools = context.new_cdp_session(self._first)
        tools.send("Storage.clearDataForOrigin", storage)
        tools.detach()
        context.clear_cookies()
        context.unroute_all()


class Console:
    """One page of it."""

    def __init__(self, page: Page, account: Account) -> None:
        self.page = page
        self.account = account

    def signed_in(self) -> Self:
        """Sign in without the form, with the session that all tests share."""
        if self.account.session:
            self.page.context.add_cookies(self.account.session)
            return self
        self.signed_in_separately()
        self.account.session.extend(self.page.context.cookies())
        return self

    def signed_in_separately(self) -> Self:
        """Sign in without the form, with a session that the test may end."""
        self.page.context.clear_cookies()
        body = {"email": self.account.email, "password": self.account.password}
        answer = self.page.request.post("/api/auth/sign-in/email", data=body)
        assert answer.ok, answer.text()
        return self

    def goto(self, path: str) -> Self:
        """Open an address and wait until the page has loaded."""
        self.page.goto(path)
        self.page.wait_for_load_state("networkidle")
        return self

    def follow(self, path: str) -> Self:
        """Open an address as a link of the console does, without loading the document."""
        self.page.evaluate("path => history.pushState(null, '', path)", path)
        return self

    def import_file(self, workflow: Json) -> str:
        """Choose a file on the home page; return the id of the workflow that opens."""
        file = FilePayload(name="workflow.json", mimeType="application/json", buffer=json.dumps(workflow).encode())
        self.page.locator("input[type=file]").set_input_files(file)
        self.page.wait_for_url(re.compile("/workflows/.+"))
        return self.page.url.rpartition("/")[2]

    def button(self, name: str, within: Page | Locator | None = None) -> Locator:
        """Return a button by its exact name."""
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> Self:
        """Press a button of the page, or of the dialog on top."""
        self.button(name).last.click()
        return self

    def choose(self, menu: str, item: str) -> Self:
        """Open a menu and choose from it."""
        self.button(menu).click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()
        return self

    def close_dialog(self) -> Self:
        """Close the dialog or menu on top."""
        self.page.keyboard.press("Escape")
        return self

    def click_outside(self) -> Self:
        """Click beside the dialog, once it can notice that.

        A dialog listens for clicks from a timer on. Chromium holds timers back after an input until it has drawn the
        next frame: a person cannot click before, a test can.
        """
        self.page.evaluate("() => new Promise(done => setTimeout(done))")
        self.page.mouse.click(5, 5)
        return self

    def confirm(self, action: str) -> Self:
        """Confirm the dialog."""
        dialog = self.page.get_by_role("dialog").last
        self.button(action, dialog).click()
        return self

    def block(self, name: str) -> Locator:
        """Return a block on the canvas."""
        return self.page.get_by_role("main").locator(f'.react-flow__node[aria-label^="{name}, "]')

    def focus(self, block: str) -> Self:
        """Focus a block. One that was just added can take the focus once the canvas has measured it."""
        added = self.block(block)
        expect(added).to_be_visible()
        added.focus()
        expect(added).to_be_focused()
        return self

    def place_of(self, name: str) -> FloatRect:
        """Return the position of a block once the canvas stands still."""
        place: FloatRect = self.block(name).evaluate(STILL_PLACE)
        return place

    def places_of(self, *names: str) -> list[FloatRect]:
        """Return the positions of blocks at one moment, once the canvas stands still."""
        self.place_of(names[0])
        blocks = [self.block(name).element_handle() for name in names]
        places: list[FloatRect] = self.page.evaluate(
            "blocks => blocks.map(block => block.getBoundingClientRect().toJSON())", blocks
        )
        return places

    def write(self, label: str, text: str) -> Self:
        """Replace the text of a code field."""
        field = self.page.get_by_role("textbox", name=label, exact=True)
        field.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)
        return self

    def saved(self) -> Self:
        """Wait until the draft is saved, including the last change: the page shows it with its next frame."""
        self.page.wait_for_timeout(100)
        self.page.evaluate(NEXT_FRAME)
        expect(self.page.get_by_role("status").filter(has_text=re.compile("^Saved$"))).to_be_visible()
        return self

    def shows(self, text: str | re.Pattern[str]) -> Self:
        """Wait for a text."""
        expect(self.page.get_by_text(text).last).to_be_visible()
        return self

    def shows_page(self, title: str) -> Self:
        """Wait for a page by its heading."""
        expect(self.page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
        return self

    def notifies(self, text: str) -> Self:
        """Wait for a notification since the last one, whether it is still shown or not."""
        page = self.page.locator("html")
        expect(page).to_have_attribute("data-notifications", re.compile(re.escape(text)))
        page.evaluate("page => { delete page.dataset.notifications }")
        return self
