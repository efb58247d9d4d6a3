"""The selected block stays visible next to the panel that opens for it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import FloatRect, Page
from tests.browser.console import Account, Console
from tests.browser.workflows import waiting


@pytest.fixture
def narrow(open_page: Callable[..., Page], account: Account) -> Console:
    """Open a window of 1,024 pixels, with three blocks that fill it."""
    console = Console(open_page(width=1024, height=768), account).signed_in()
    return console.goto(f"/workflows/{account.import_(waiting('Side by side', 1))}")


def test_the_canvas_makes_way_where_a_panel_opens_over_the_chosen_block(narrow: Console) -> None:
    narrow.block("Answer").click()
    narrow.shows("Connects to")
    assert _is_in_sight(narrow, "Answer")


@pytest.mark.full
def test_the_canvas_stays_where_the_chosen_block_is_in_sight_anyway(narrow: Console) -> None:
    before = narrow.place_of("Start")
    narrow.block("Start").click()
    narrow.shows("Connects to")
    assert narrow.place_of("Start") == before


@pytest.mark.full
def test_an_added_block_stays_visible_beside_the_run_panel(
    narrow: Console,
) -> None:
    narrow.block("Answer").click()
    narrow.page.keyboard.press("/")
    narrow.page.get_by_role("combobox", name="Search blocks").fill("function")
    narrow.page.keyboard.press("Enter")
    assert _is_in_sight(narrow, "Function 1")
    narrow.press("Close panel").focus("Answer")
    narrow.page.keyboard.press("Enter")
    narrow.press("Run")
    assert _is_in_sight(narrow, "Answer")


def _is_in_sight(console: Console, name: str) -> bool:
    canvas = console.page.get_by_role("main").locator(".react-flow").bounding_box()
    assert canvas
    return _lies_in(console.place_of(name), canvas)


def _lies_in(part: FloatRect, whole: FloatRect) -> bool:
    across = whole["x"] <= part["x"] and part["x"] + part["width"] <= whole["x"] + whole["width"]
    down = whole["y"] <= part["y"] and part["y"] + part["height"] <= whole["y"] + whole["height"]
    return across and down


def test_the_run_panel_covers_no_block(narrow: Console) -> None:
    narrow.press("Run").shows("Not run yet")
    for name in ("Start", "Wait", "Answer"):
        assert _is_in_sight(narrow, name)


@pytest.mark.full
def test_the_run_panel_lies_below_the_canvas_of_a_phone(open_page: Callable[..., Page], account: Account) -> None:
    console = Console(open_page(width=390, height=844), account).signed_in()
    console.goto(f"/workflows/{account.import_(waiting('Below the canvas', 1))}").press("Run").shows("Not run yet")
    assert _is_in_sight(console, "Start")
    panel = console.page.get_by_label("Run the draft").bounding_box()
    canvas = console.page.get_by_role("main").locator(".react-flow").bounding_box()
    assert panel
    assert canvas
    assert panel["y"] >= canvas["y"] + canvas["height"]
