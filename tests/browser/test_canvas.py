"""Blocks are inserted, found and duplicated on the canvas."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, block, file, function, long, setting, thirty

PICKED = "function"


def test_a_connection_dropped_on_the_canvas_adds_a_connected_block(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Drop a connection", "return 1;"))
    console.goto(f"/workflows/{workflow_id}")
    answer = console.place_of("Answer")
    _drag(console, _handle(console, "Answer", "source"), answer["x"] + 420, answer["y"] + 260)
    expect(console.page.get_by_role("group", name="Triggers")).to_have_count(0)
    _pick(console)
    console.saved()
    assert _connections(account, workflow_id) == {("Start", "Answer"), ("Answer", "Function 1")}
    answer, added = console.places_of("Answer", "Function 1")
    assert abs(added["x"] - answer["x"] - 420) < 8


@pytest.mark.full
def test_a_connection_dragged_back_from_an_input_adds_a_block_before_it(console: Console, account: Account) -> None:
    workflow_id = account.import_(file("Drag it back", [function("only", "Only", 330, 0, "return 1;")], []))
    console.goto(f"/workflows/{workflow_id}")
    only = console.place_of("Only")
    _drag(console, _handle(console, "Only", "target"), only["x"] - 120, only["y"] + 200)
    _pick(console)
    console.saved()
    assert _connections(account, workflow_id) == {("Function 1", "Only")}


def test_a_connection_dropped_on_a_block_connects_to_it(console: Console, account: Account) -> None:
    blocks = [block("start", "start_trigger", "Start", 0, 0), function("answer", "Answer", 400, 100, "return 1;")]
    workflow_id = account.import_(file("Drop it on a block", blocks, []))
    console.goto(f"/workflows/{workflow_id}")
    answer = console.place_of("Answer")
    _drag(console, _handle(console, "Start", "source"), answer["x"] + 180, answer["y"] + 20)
    console.saved()
    assert _connections(account, workflow_id) == {("Start", "Answer")}
    expect(console.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.full
def test_a_connection_dropped_inside_a_container_adds_a_block_to_it(console: Console, account: Account) -> None:
    blocks = [block("loop", "loop", "Each", 0, 0, data={"width": 700, "height": 400, "count": 2, "loopType": "for"})]
    workflow_id = account.import_(file("Drop it inside", blocks, []))
    console.goto(f"/workflows/{workflow_id}")
    loop = console.place_of("Each")
    _drag(console, _handle(console, "Each", "loop-start-source"), loop["x"] + 250, loop["y"] + 200)
    _pick(console)
    console.saved()
    blocks = list(account.draft(workflow_id)["blocks"].values())
    assert [each["data"].get("parentId") for each in blocks if each["type"] == "function"] == ["loop"]
    assert _connections(account, workflow_id) == {("Each", "Function 1")}


def test_a_block_is_inserted_by_the_button_of_a_connection_and_undone_in_one_step(
    console: Console, account: Account
) -> None:
    workflow_id = account.import_(answering("Insert on a connection", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.place_of("Start")
    page.locator(".react-flow__edge [data-insert]").hover()
    page.locator(".react-flow__edge [data-insert]").click()
    _pick(console)
    console.saved()
    assert _connections(account, workflow_id) == {("Start", "Function 1"), ("Function 1", "Answer")}
    places = console.places_of("Start", "Function 1", "Answer")
    assert [place["x"] for place in places] == sorted(place["x"] for place in places)
    assert not any(_overlap(one, other) for one, other in pairwise(places))
    console.press("Undo (Ctrl Z)").saved()
    assert _connections(account, workflow_id) == {("Start", "Answer")}


@pytest.mark.full
def test_a_block_added_after_a_connected_block_is_inserted(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Insert after", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").block("Start").click()
    console.page.keyboard.press("/")
    _pick(console)
    console.saved()
    assert _connections(account, workflow_id) == {("Start", "Function 1"), ("Function 1", "Answer")}


def test_the_keyboard_inserts_on_a_selected_connection(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("By keyboard", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    edge = page.get_by_label("From Start to Answer")
    edge.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    _pick(console)
    console.saved()
    assert _connections(account, workflow_id) == {("Start", "Function 1"), ("Function 1", "Answer")}


def test_the_context_menu_of_a_block_duplicates_disables_and_deletes_it(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Right-click", "return 1;"))
    console.goto(f"/workflows/{workflow_id}")
    _choose(console, console.block("Answer"), "Duplicate").saved()
    assert _names(account, workflow_id) == {"Start", "Answer", "Answer 1"}
    _choose(console, console.block("Answer 1"), "Disable").saved()
    enabled = {each["name"]: each["enabled"] for each in account.draft(workflow_id)["blocks"].values()}
    assert enabled == {"Start": True, "Answer": True, "Answer 1": False}
    _choose(console, console.block("Answer 1"), "Delete block").saved()
    assert _names(account, workflow_id) == {"Start", "Answer"}


@pytest.mark.full
def test_the_context_menu_acts_on_all_selected_blocks(console: Console, account: Account) -> None:
    workflow_id = account.import_(long("Several", 3))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Step 1").click()
    console.block("Step 2").click(modifiers=["Shift"])
    _choose(console, console.block("Step 2"), "Delete 2 blocks").saved()
    assert "Step 0" in _names(account, workflow_id)
    assert not {"Step 1", "Step 2"} & _names(account, workflow_id)
    expect(page.get_by_role("menu")).to_have_count(0)


@pytest.mark.full
def test_the_context_menu_of_the_canvas_adds_a_block_where_it_was_opened(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Add it here", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.place_of("Start")
    pane = page.locator(".react-flow__pane")
    box = pane.bounding_box()
    assert box
    pane.click(button="right", position={"x": 200, "y": box["height"] - 200})
    page.get_by_role("menuitem", name="Add block").click()
    _pick(console)
    place = console.place_of("Function 1")
    assert abs(place["x"] - box["x"] - 200) < 8
    assert abs(place["y"] - box["y"] - box["height"] + 200) < 8


def test_the_context_menu_of_a_connection_inserts_and_deletes(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Menu of a connection", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.place_of("Start")
    page.locator(".react-flow__edge [data-insert]").click(button="right")
    page.get_by_role("menuitem", name="Delete connection").click()
    console.saved()
    assert _connections(account, workflow_id) == set()


def test_the_context_menu_gives_the_keyboard_back(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('Menu by key', 'return 1;'))}").page
    console.focus("Answer")
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menu", name="Canvas")).to_be_visible()
    page.keyboard.press("Escape")
    expect(console.block("Answer")).to_be_focused()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Add next block").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(console.block("Answer")).to_be_focused()


def test_a_block_is_found_by_a_text_in_its_settings(console: Console, account: Account) -> None:
    workflow = long("Find it", 40)
    workflow["state"]["blocks"]["s37"]["subBlocks"] |= setting("code", "code", "return 'needle in a haystack';")
    page = console.goto(f"/workflows/{account.import_(workflow)}").page
    console.block("Step 0").press("ControlOrMeta+f")
    page.get_by_role("combobox", name="Search names and settings").fill("needle")
    expect(page.get_by_role("option")).to_have_text([re.compile("Step 37.*needle in a haystack")])
    page.keyboard.press("Enter")
    expect(page.get_by_label("Settings of Step 37")).to_be_visible()
    expect(console.block("Step 37")).to_be_in_viewport()


@pytest.mark.parametrize(
    ("width", "is_shown"),
    [pytest.param(1440, True, id="wide"), pytest.param(390, False, id="phone", marks=pytest.mark.full)],
)
def test_large_workflows_have_a_minimap_where_there_is_room(
    open_page: Callable[..., Page], account: Account, width: int, is_shown: bool
) -> None:
    console = Console(open_page(width=width), account).signed_in()
    console.goto(f"/workflows/{account.import_(thirty('On the map'))}")
    console.place_of("Start")
    minimap = console.page.get_by_label("Minimap")
    expect(minimap).to_be_visible() if is_shown else expect(minimap).to_be_hidden()


@pytest.mark.full
def test_small_workflows_have_no_minimap(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(answering('No map', 'return 1;'))}").place_of("Start")
    expect(console.page.get_by_label("Minimap")).to_have_count(0)


def _handle(console: Console, name: str, handle: str) -> Locator:
    return console.block(name).locator(f'.react-flow__handle[data-handleid="{handle}"]')


def _drag(console: Console, handle: Locator, x: float, y: float) -> None:
    """Drag from a handle to a place on the screen."""
    box = handle.bounding_box()
    assert box
    mouse = console.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(x, y, steps=8)
    mouse.up()


def _pick(console: Console) -> None:
    """Choose a function in the list of blocks."""
    console.page.get_by_role("combobox", name="Search blocks").fill(PICKED)
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("dialog")).to_have_count(0)


def _choose(console: Console, place: Locator, item: str) -> Console:
    """Choose from the context menu."""
    place.click(button="right", position={"x": 60, "y": 15})
    console.page.get_by_role("menuitem", name=re.compile(f"^{item}")).click()
    return console


def _connections(account: Account, workflow_id: str) -> set[tuple[str, str]]:
    """Return the names of the blocks that each connection joins."""
    state = account.draft(workflow_id)
    names = {key: str(each["name"]) for key, each in state["blocks"].items()}
    return {(names[edge["source"]], names[edge["target"]]) for edge in state["edges"]}


def _names(account: Account, workflow_id: str) -> set[str]:
    return {each["name"] for each in account.draft(workflow_id)["blocks"].values()}


def _overlap(one: FloatRect, other: FloatRect) -> bool:
    across = one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
    return across and one["y"] < other["y"] + other["height"] and other["y"] < one["y"] + one["height"]
