"""Every page passes axe: in one theme and size, in `make test-full` in both themes at each size.

`FLOWPORT_SCREENSHOTS=docs/console` also takes a screenshot of each.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from tests.browser.console import NEXT_FRAME, Account, Console, held
from tests.browser.visits import STRANGERS, VISITS, Sights, Visit
from tests.browser.workflows import talking
from tests.support.eventually import PATIENCE_MS

AXE = (Path(__file__).parents[2] / "console/node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
LOOKS: dict[str, tuple[Literal["dark", "light"], int, int]] = {
    "dark-wide": ("dark", 1440, 900),
    "light-wide": ("light", 1440, 900),
    "dark-phone": ("dark", 390, 844),
    "light-phone": ("light", 390, 844),
}
CROSSED = ("dark-wide", "light-phone")
"""Both themes and both widths."""
FIRST_LOAD = 300 * 1024
SETTLED_MS = 300
"""A graph is measured first, and then drawn."""

WATCH_SHIFTS = """
window.moved = [];
const watch = new PerformanceObserver(list => list.getEntries().forEach(shift => window.moved.push(shift)));
watch.observe({type: 'layout-shift', buffered: true});
"""
ONE_BY_ONE = """
window.held = 0;
const asked = window.fetch;
window.fetch = async (...request) => {
    const answer = await asked(...request);
    window.held += 1;
    await new Promise(done => setTimeout(done, 100 * window.held));
    window.held -= 1;
    return answer;
};
"""
"""Holds answers back so that each arrives after the earlier ones are drawn, however fast the machine is."""
ALL_ANSWERED = """() => new Promise(done => {
    const look = () => window.held ? setTimeout(look, 50) : done(true);
    look();
})"""
ALL_FINISHED = """patience => Promise.race([
    Promise.allSettled(document.getAnimations().map(each => each.finished)).then(() => true),
    new Promise(done => setTimeout(done, patience, false)),
])"""
"""Returns whether all animations end. The page's policy allows no `wait_for_function`, which evaluates text later."""
SWITCH_THEME = """() => {
    document.documentElement.dataset.theme = 'light';
    return document.getAnimations().filter(each => each instanceof CSSTransition).length;
}"""
"""Returns the number of transitions that the theme starts."""
STEADY = (
    "/",
    "/runs",
    "/runs/{talking}/{ended}",
    "/runs/{asking}/{paused}",
    "/settings/keys",
    "/settings/members",
    "/workflows/{recorded}/replays",
    "/workflows/{recorded}/replays/{replay}",
    "/workflows/{recorded}/recordings",
)
"""Pages that show answers as they arrive."""
TITLES = {
    "invite": "Join My Workspace",
    "home": "Workflows",
    "panel": "Summarise an article",
    "runs": "Runs",
    "run": "Run of Check an order",
    "replays": "Replays",
    "replay": "Replay",
    "recordings": "Recordings",
    "recording": "Recording",
    "settings-members": "Members",
    "help": "Workflow files – Help",
    "no-page": "Page not found",
}
"""Titles by visit."""
SHIFTS = "() => window.moved.map(({value, sources}) => [value, ...sources.map(({node}) => node?.textContent ?? '')])"


@pytest.fixture(scope="module")
def sights(account: Account) -> Iterator[Sights]:
    """Created once; other files start with a workspace without tool servers."""
    sights = Sights(account)
    yield sights
    account.http.delete(f"/api/mcp/workflow-servers/{sights.server_id}").raise_for_status()


@pytest.fixture(scope="module")
def pictures() -> Path | None:
    """The folder for screenshots, None without FLOWPORT_SCREENSHOTS."""
    wanted = os.environ.get("FLOWPORT_SCREENSHOTS")
    if not wanted:
        return None
    folder = Path(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_every_page_is_accessible_named_in_its_tab_and_follows_its_window(
    open_page: Callable[..., Page], account: Account, sights: Sights, pictures: Path | None
) -> None:
    _walk_through(Console(open_page(), account), sights, pictures, CROSSED)


@pytest.mark.full
@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_where_it_is_opened(
    open_page: Callable[..., Page], account: Account, sights: Sights, pictures: Path | None, look: str
) -> None:
    _walk_through(Console(open_page(), account), sights, pictures, (look,))


def _walk_through(console: Console, sights: Sights, pictures: Path | None, looks: Sequence[str]) -> None:
    """Open every page with one look, and check it with the next."""
    found: list[str] = []
    turns = cycle(looks)

    def look_at(name: str, visit: Visit) -> None:
        visit(console, sights)
        expect(console.page.get_by_role("status", name="Loading")).to_have_count(0)
        if name in TITLES:
            expect(console.page).to_have_title(f"{TITLES[name]} – Flowport")
        _wear(console.page, look := next(turns))
        found.extend(_barriers(console.page, name))
        if pictures:
            console.page.screenshot(path=pictures / f"{name}-{look}.png")

    _wear(console.page, looks[-1])
    for name, visit in STRANGERS.items():
        look_at(name, visit)
    console.signed_in()
    for name, visit in VISITS.items():
        look_at(name, visit)
    assert not found, "\n".join(found)


def _wear(page: Page, look: str) -> None:
    theme, width, height = LOOKS[look]
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": height})
    root = page.locator("html[data-theme]")
    if root.count():  # a chat's page has no theme setting: its style follows the system
        expect(root).to_have_attribute("data-theme", theme)


def _barriers(page: Page, name: str) -> list[str]:
    page.wait_for_timeout(SETTLED_MS)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    result = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    return [
        f"{name}: {violation['id']} {node['target']} {node.get('failureSummary', '')}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def test_the_theme_follows_the_system_until_one_is_chosen(open_page: Callable[..., Page], account: Account) -> None:
    console = Console(open_page(), account).signed_in().goto("/").shows("Workflows")
    shown = console.page.locator("html")
    console.page.emulate_media(color_scheme="light")
    expect(shown).to_have_attribute("data-theme", "light")
    console.press("Dark theme")
    console.page.emulate_media(color_scheme="dark")
    console.page.emulate_media(color_scheme="light")
    expect(shown).to_have_attribute("data-theme", "dark")
    console.page.reload()
    expect(shown).to_have_attribute("data-theme", "dark")


def test_nothing_keeps_moving_for_people_who_prefer_reduced_motion(console: Console) -> None:
    with held(console.page, "**/api/workspaces/*/api-keys", methods=["GET"]):
        console.page.goto("/settings/keys")
        expect(console.page.get_by_role("status", name="Loading")).to_be_visible()
        assert console.page.evaluate(ALL_FINISHED, PATIENCE_MS)
        assert console.page.evaluate(SWITCH_THEME) == 0


def test_the_first_load_is_small_and_cached_permanently(open_page: Callable[..., Page], account: Account) -> None:
    console = Console(open_page(fresh=True), account).signed_in()
    loaded: dict[str, int] = {}
    console.page.on(
        "requestfinished",
        lambda request: (
            loaded.update({request.url: request.sizes()["responseBodySize"]}) if "/api/" not in request.url else None
        ),
    )
    console.goto("/").shows("Workflows")
    assert sum(loaded.values()) < FIRST_LOAD, loaded
    script = next(url for url in loaded if url.endswith(".js") and "/assets/" in url)
    assert account.http.get(script).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(("width", "height"), [(1440, 900), pytest.param(390, 844, marks=pytest.mark.full)])
def test_nothing_jumps_while_a_page_loads(
    open_page: Callable[..., Page], account: Account, sights: Sights, width: int, height: int
) -> None:
    console = Console(open_page(width=width, height=height), account).signed_in()
    console.page.add_init_script(WATCH_SHIFTS)
    console.page.add_init_script(ONE_BY_ONE)
    for path in STEADY:
        console.goto(path.format(**vars(sights)))
        for _ in range(3):  # some send more requests after their answers
            console.page.evaluate(ALL_ANSWERED)
            console.page.wait_for_timeout(SETTLED_MS)
        shifts = console.page.evaluate(SHIFTS)
        assert sum(value for value, *_ in shifts) < 0.01, (path, shifts)


@pytest.mark.full
def test_the_description_of_a_block_is_fully_visible_on_a_phone(
    open_page: Callable[..., Page], account: Account
) -> None:
    console = Console(open_page(width=390, height=844), account).signed_in()
    console.goto(f"/workflows/{account.import_(talking('On a phone'))}").press("Add block")
    about = console.page.get_by_role("option").get_by_text("Calls a model with tools, memory and structured output")
    assert about.evaluate("text => text.scrollWidth <= text.clientWidth")


@pytest.mark.usefixtures("sights")
def test_no_table_scrolls_sideways(console: Console) -> None:
    for path, row, name in (("/", "Check an order", "Workflows"), ("/settings/keys", "Newsletter", "Key table")):
        tables = console.goto(path).shows(row).page.get_by_role("region", name=name).all()
        assert tables
        for width in (770, 900, 1000, 1100, 1440):
            console.page.set_viewport_size({"width": width, "height": 900})
            console.page.evaluate(NEXT_FRAME)
            for table in tables:
                assert table.evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0, (name, width)


@pytest.mark.parametrize("path", ["/", "/workflows/x", "/runs", "/settings/keys", "/invite", "/help/blocks"])
def test_every_address_of_the_console_is_served_with_its_policy(account: Account, path: str) -> None:
    answer = account.http.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert '<div id="root">' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/nothing",
        "/v1/nothing",
        "/metrics/nothing",
        "/assets/none.js",
        "/assets/..%2findex.html",
    ],
)
def test_unknown_paths_are_not_pages(account: Account, path: str) -> None:
    answer = account.http.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "root" not in answer.text


def test_a_mistyped_address_shows_page_not_found(console: Console, account: Account) -> None:
    answer = console.page.goto("/nonsense")
    assert answer
    assert answer.status == 404
    console.shows("Page not found")
    assert account.http.get("/nonsense", headers={"accept": "*/*"}).json() == {"error": "Not found"}
    assert account.http.post("/nonsense", headers={"accept": "text/html"}).json() == {"error": "Not found"}
