"""Editing on the canvas."""

import re
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Literal

import pytest
from playwright.sync_api import FloatRect, Locator, expect
from tests.browser.console import NEXT_FRAME, Account, Console, without_refresh
from tests.browser.workflows import answering, block, file, long, setting, talking, thirty

ALT, CONTROL, SHIFT = 1, 2, 8
"""Modifier flags of Chromium's protocol."""
TYPED = "return 'tea for two, two for tea'"
RECORD_PLACES = """
window.places = new Set();
const record = () => {
    const block = document.querySelector('.react-flow__node');
    if (block && getComputedStyle(block).visibility === 'visible') {
        const {x, y, width} = block.getBoundingClientRect();
        window.places.add([x, y, width].map(Math.round).join());
    }
    requestAnimationFrame(record);
};
requestAnimationFrame(record);
"""
"""Record the position of the first block in every frame that shows it."""


def test_thirty_blocks_open_and_save_back_without_a_difference(console: Console, account: Account) -> None:
    workflow_id = account.publish(thirty("Thirty blocks"))
    before = account.draft(workflow_id)
    console.goto(f"/workflows/{workflow_id}")
    expect(console.page.get_by_role("main").locator(".react-flow__node")).to_have_count(30)
    expect(console.page.get_by_role("main").locator(".react-flow__edge")).to_have_count(len(before["edges"]))
    console.focus("Join")
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("complementary", name="Settings of Join")).to_be_focused()
    console.focus("Join")
    console.page.keyboard.press("ArrowRight")
    console.saved()
    after = account.draft(workflow_id)
    assert after["blocks"]["join"]["position"] != before["blocks"]["join"]["position"]
    assert account.deployment(workflow_id)["needsRedeployment"] is False
    assert account.http.get(f"/api/workflows/{workflow_id}/diff").json()["changes"] == []
    expect(console.button("Live")).to_be_visible()


def test_typing_does_not_rerender_every_block_of_a_large_workflow_and_is_saved(
    console: Console, account: Account
) -> None:
    small, _ = _typed(console, account, blocks=5)
    large, workflow_id = _typed(console, account, blocks=300)
    assert account.draft(workflow_id)["blocks"]["s0"]["subBlocks"]["code"]["value"] == TYPED
    assert 0 < large < 3 * small, f"{large:.0f} calls for a key, {small:.0f} in a small one"


def _typed(console: Console, account: Account, *, blocks: int) -> tuple[float, str]:
    """Type into the first of `blocks` blocks; return the number of function calls that the page made per key."""
    workflow_id = account.import_(long(f"A chain of {blocks}", blocks))
    console.page.clock.install()
    page = console.goto(f"/workflows/{workflow_id}").page
    console.focus("Step 0")
    page.keyboard.press("Enter")
    console.write("Code", "").saved()
    page.evaluate(NEXT_FRAME)
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    profiler = page.context.new_cdp_session(page)
    profiler.send("Profiler.enable")
    profiler.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": False})
    page.keyboard.type(TYPED)
    called = sum(
        function["ranges"][0]["count"]
        for script in profiler.send("Profiler.takePreciseCoverage")["result"]
        for function in script["functions"]
    )
    profiler.detach()
    page.clock.resume()
    console.saved()
    return called / len(TYPED), workflow_id


@pytest.mark.full
def test_a_workflow_is_built_by_keyboard_alone(console: Console, account: Account) -> None:
    console.goto("/").press("New workflow").press("Blank workflow")
    console.page.wait_for_url(re.compile("/workflows/.+"))
    workflow_id = console.page.url.rpartition("/")[2]
    page = console.page
    console.shows("This workflow is empty")
    for wanted in ("start", "function"):
        page.keyboard.press("Escape") if wanted == "start" else None
        page.keyboard.press("/")
        page.get_by_role("combobox", name="Search blocks").fill(wanted)
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
    console.write("Code", "return <start.input>;").saved()
    state = account.draft(workflow_id)
    assert [block["type"] for block in state["blocks"].values()] == ["start_trigger", "function"]
    assert len(state["edges"]) == 1
    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
    assert account.run(workflow_id, {"input": 42}).json()["output"]["result"] == 42


def test_the_settings_of_a_block_are_one_key_press_from_the_canvas(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(long('Far to go', 30))}").page
    console.focus("Step 3")
    page.keyboard.press("Enter")
    page.keyboard.press("F2")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Third")
    page.keyboard.press("Enter")
    expect(console.block("Third")).to_be_visible()


@pytest.mark.full
def test_blocks_are_inserted_where_nothing_lies_and_on_the_way_that_is_free(console: Console, account: Account) -> None:
    workflow_id = account.import_(file("Insert", [block("start", "start_trigger", "Start", 0, 0)], []))
    console.goto(f"/workflows/{workflow_id}").block("Start").click()
    for after, wanted in (
        ("Start", "condition"),
        ("Condition 1", "function"),
        ("Condition 1", "agent"),
        ("Start", "loop"),
        ("Loop 1", "wait"),
    ):
        console.focus(after)
        console.page.keyboard.press("Enter")
        expect(console.page.get_by_role("complementary", name=f"Settings of {after}")).to_be_focused()
        console.focus(after)
        console.page.keyboard.press("/")
        console.page.get_by_role("combobox", name="Search blocks").fill(wanted)
        console.page.keyboard.press("Enter")
        expect(console.block(after)).to_be_focused()  # faster than that, the closing palette takes the focus away
    console.saved()
    state = account.draft(workflow_id)
    names = {key: each["name"] for key, each in state["blocks"].items()}
    connected = {
        (names[edge["source"]], edge["sourceHandle"].replace(f"{edge['source']}-", ""), names[edge["target"]])
        for edge in state["edges"]
    }
    assert connected == {
        ("Start", "source", "Loop 1"),
        ("Loop 1", "loop-start-source", "Wait 1"),
        ("Loop 1", "loop-end-source", "Condition 1"),
        ("Condition 1", "condition-if", "Function 1"),
        ("Condition 1", "condition-else", "Agent 1"),
    }
    places = console.places_of("Start", "Condition 1", "Function 1", "Agent 1", "Loop 1")
    assert not any(_overlap(one, other) for one, other in combinations(places, 2))


def _overlap(one: FloatRect, other: FloatRect) -> bool:
    def meet(start: Literal["x", "y"], size: Literal["width", "height"]) -> bool:
        return one[start] < other[start] + other[size] and other[start] < one[start] + one[size]

    return meet("x", "width") and meet("y", "height")


@pytest.mark.parametrize(
    "blocks", [pytest.param(3, id="small graph", marks=pytest.mark.full), pytest.param(60, id="large graph")]
)
def test_a_graph_does_not_move_once_it_is_visible(console: Console, account: Account, blocks: int) -> None:
    console.page.add_init_script(RECORD_PLACES)
    console.goto(f"/workflows/{account.import_(long(f'{blocks} blocks in place', blocks))}").place_of("Step 0")
    assert len(console.page.evaluate("() => [...window.places]")) == 1


@pytest.mark.full
def test_only_the_start_block_of_deployed_runs_is_offered(console: Console, account: Account) -> None:
    imported = answering("Every morning", "return 1;")
    imported["state"]["blocks"]["start"] |= {"type": "schedule", "name": "Every Morning"}
    console.goto(f"/workflows/{account.import_(imported)}")
    expect(console.block("Every Morning")).to_be_visible()
    starts = console.press("Add block").page.get_by_role("group", name="Triggers").get_by_role("option")
    expect(starts).to_have_text([re.compile("^Start")])


@pytest.mark.full
def test_renaming_updates_references_and_can_be_undone(console: Console, account: Account) -> None:
    workflow = answering("References", "return 1;")
    workflow["state"]["blocks"]["last"] = {
        **workflow["state"]["blocks"]["answer"],
        "id": "last",
        "name": "Last",
        "position": {"x": 660, "y": 0},
        "subBlocks": {"code": {"id": "code", "type": "code", "value": "return <answer.result>;"}},
    }
    workflow["state"]["edges"].append({"id": "e9", "source": "answer", "target": "last", "sourceHandle": "source"})
    workflow_id = account.import_(workflow)
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    console.page.get_by_label("Name", exact=True).fill("Reply")
    console.page.keyboard.press("Enter")
    console.saved()
    blocks = account.draft(workflow_id)["blocks"]
    assert (blocks["answer"]["name"], blocks["last"]["subBlocks"]["code"]["value"]) == (
        "Reply",
        "return <reply.result>;",
    )
    console.press("Undo (Ctrl Z)").saved()
    blocks = account.draft(workflow_id)["blocks"]
    assert blocks["last"]["subBlocks"]["code"]["value"] == "return <answer.result>;"


@pytest.mark.parametrize(
    ("undo", "redo"),
    [
        pytest.param("я", "н", id="Russian", marks=pytest.mark.full),
        pytest.param("ζ", "υ", id="Greek"),
        pytest.param("z", "y", id="Latin", marks=pytest.mark.full),
    ],
)
def test_shortcuts_follow_the_keyboard_layout(console: Console, account: Account, undo: str, redo: str) -> None:
    console.goto(f"/workflows/{account.import_(answering('Another alphabet', 'return 1;'))}").block("Answer").click()
    console.page.get_by_role("switch", name="Enabled").click()
    switch = console.page.get_by_role("switch", name="Enabled")
    expect(switch).not_to_be_checked()
    keyboard = console.page.context.new_cdp_session(console.page)

    def press(key: str, code: str, modifiers: int) -> None:
        console.page.evaluate("document.activeElement.blur()")
        for kind in ("rawKeyDown", "keyUp"):
            keyboard.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code, "modifiers": modifiers})

    press(undo, "KeyZ", CONTROL)
    expect(switch).to_be_checked()
    press(redo, "KeyY", CONTROL)
    expect(switch).not_to_be_checked()
    press(undo, "KeyZ", CONTROL | ALT)  # it types a letter on some keyboards
    press("/", "Digit7", SHIFT)
    expect(console.page.get_by_role("combobox", name="Search blocks")).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(switch).not_to_be_checked()


@pytest.mark.full
def test_references_are_offered_as_they_are_typed(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(answering('Completion', 'return 1;'))}").block("Answer").click()
    console.write("Code", "return ")
    console.page.keyboard.type("<")
    console.page.get_by_role("option", name=re.compile("<start.input>")).click()
    console.saved()
    expect(console.page.get_by_role("textbox", name="Code", exact=True)).to_have_text("return <start.input>")


def test_a_single_line_field_keeps_stored_line_breaks(console: Console, account: Account) -> None:
    rows = [{"id": key, "cells": {"Key": key, "Value": value}} for key, value in (("Note", "one\ntwo"), ("Token", ""))]
    call = {**setting("url", "short-input", "https://example.com"), **setting("headers", "table", rows)}
    blocks = [block("start", "start_trigger", "Start", 0, 0), block("call", "api", "Call", 330, 0, sub_blocks=call)]
    workflow_id = account.import_(file("Pasted with its line end", blocks, [("start", "call", "source")]))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Call").click()
    page.get_by_role("textbox", name="Value of row 1").click()
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.type("!")
    page.evaluate("navigator.clipboard.writeText('sk-1\\n')")
    page.get_by_role("textbox", name="Value of row 2").click()
    page.keyboard.press("ControlOrMeta+v")
    console.saved()
    saved = account.draft(workflow_id)["blocks"]["call"]["subBlocks"]["headers"]["value"]
    assert [row["cells"]["Value"] for row in saved] == ["one\ntwo!", "sk-1"]


@pytest.mark.full
def test_multiline_values_stay_multiline(console: Console, account: Account) -> None:
    workflow = talking("Lines")
    workflow["state"]["variables"] = {"v": {"id": "v", "name": "letter", "type": "plain", "value": "one\ntwo"}}
    order = {"type": "string", "description": "one\ntwo"}
    parameters = {"type": "object", "properties": {"order": order}, "required": []}
    function = {"name": "find_order", "description": "one\ntwo", "parameters": parameters}
    tool = {
        "type": "custom-tool",
        "title": "find_order",
        "schema": {"type": "function", "function": function},
        "code": "",
    }
    workflow["state"]["blocks"]["agent"]["subBlocks"] |= setting("tools", "tool-input", [tool])
    workflow_id = account.import_(workflow)
    page = console.goto(f"/workflows/{workflow_id}").press("Variables").page
    _write_on(page.get_by_label("Value of variable 1"))
    console.press("Done").block("Agent 1").click()
    tools = page.get_by_role("group", name="Tools")
    tools.get_by_text("find_order").click()
    _write_on(tools.get_by_label("Description", exact=True))
    _write_on(tools.get_by_label("Description of parameter 1 of tool 1"))
    console.saved()
    draft = account.draft(workflow_id)
    assert draft["variables"]["v"]["value"] == "one\ntwo!"
    (tool_entry,) = draft["blocks"]["agent"]["subBlocks"]["tools"]["value"]
    assert tool_entry["schema"]["function"]["description"] == "one\ntwo!"
    assert tool_entry["schema"]["function"]["parameters"]["properties"]["order"]["description"] == "one\ntwo!"


def _write_on(field: Locator) -> None:
    field.press("ControlOrMeta+End")
    field.press_sequentially("!")


def test_right_to_left_text_is_shown_right_to_left(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(talking('Right to left'))}").block("Agent 1").click()
    name = console.page.get_by_role("textbox", name="Name", exact=True)
    name.fill("כותב")
    expect(name).to_have_css("direction", "rtl")
    prompt = console.write("Message 1", "שלום!").page.get_by_role("textbox", name="Message 1")
    expect(prompt).to_have_css("direction", "rtl")
    console.write("Message 1", "Hello!")
    expect(prompt).to_have_css("direction", "ltr")


def test_an_unset_choice_looks_the_same_on_canvas_and_panel(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(talking('Nothing chosen'))}").block("Agent 1").click()
    expect(console.page.get_by_label("Memory").locator("option:checked")).to_have_text("None")
    expect(console.block("Agent 1")).to_contain_text(re.compile(r"Memory\s*None"))


@pytest.mark.full
def test_a_json_field_follows_an_undo(console: Console, account: Account) -> None:
    workflow_id = account.import_(talking("Skills"))
    console.goto(f"/workflows/{workflow_id}").block("Agent 1").click()
    field = console.page.get_by_role("textbox", name="Skills", exact=True)
    console.write("Skills", '["first"]').saved()
    console.press("Undo (Ctrl Z)").saved()
    expect(field).not_to_contain_text("first")
    console.press("Redo (Ctrl Shift Z)").saved()
    expect(field).to_contain_text("first")


@pytest.mark.full
def test_a_number_is_stored_as_typed(console: Console, account: Account) -> None:
    warm = talking("Temperatures")
    warm["state"]["blocks"]["agent"]["subBlocks"] |= setting("model", "combobox", "gpt-4.1")
    warm_id = account.import_(warm)
    console.goto(f"/workflows/{warm_id}").block("Agent 1").click()
    temperature = console.page.get_by_label("Temperature")
    for typed in ("0.7", "1.05", "0"):
        temperature.fill("")
        temperature.press_sequentially(typed)
        expect(temperature).to_have_value(typed)
        console.saved()
        assert account.draft(warm_id)["blocks"]["agent"]["subBlocks"]["temperature"]["value"] == float(typed)

    workflow = talking("Numbers")
    price = {"id": "f", "name": "price", "type": "number", "value": ""}
    workflow["state"]["blocks"]["start"]["subBlocks"] = setting("inputFormat", "input-format", [price])
    workflow["state"]["blocks"]["agent"]["subBlocks"] |= setting(
        "messages", "messages-input", [{"role": "user", "content": "<start.price>"}]
    )
    console.goto(f"/workflows/{account.import_(workflow)}").press("Run").page.get_by_label("price").fill("")
    console.page.get_by_label("price").press_sequentially("1.05")
    console.press("Run draft")
    expect(console.page.get_by_role("region", name="Result")).to_contain_text("You said: 1.05")


def test_the_count_of_a_loop_is_stored_as_typed(console: Console, account: Account) -> None:
    once = block("loop", "loop", "Loop 1", 330, 0, data={"width": 500, "height": 300, "loopType": "for", "count": 3})
    workflow_id = account.import_(file("Times", [block("start", "start_trigger", "Start", 0, 0), once], []))
    console.goto(f"/workflows/{workflow_id}").focus("Loop 1")
    console.page.keyboard.press("Enter")
    times = console.page.get_by_label("Iterations")
    times.fill("")
    console.shows("Enter a number. The default is 5.")
    times.press_sequentially("12")
    expect(times).to_have_value("12")
    console.saved()
    assert account.draft(workflow_id)["blocks"]["loop"]["data"]["count"] == 12
    times.fill("twice")
    console.shows("Enter a number of at least 1.")


@pytest.mark.full
def test_a_parameter_is_named_past_the_name_of_another(console: Console, account: Account) -> None:
    workflow_id = account.import_(talking("Two parameters"))
    console.goto(f"/workflows/{workflow_id}").block("Agent 1").click()
    tools = console.page.get_by_role("group", name="Tools")
    console.button("Add tool", tools).click()
    for number, name in enumerate(("id", "id_of_order"), start=1):
        console.button("Add parameter", tools).click()
        field = tools.get_by_label(f"Name of parameter {number} of tool 1")
        field.fill("")
        field.press_sequentially(name)
        expect(field).to_have_value(name)
    console.saved()
    (tool,) = account.draft(workflow_id)["blocks"]["agent"]["subBlocks"]["tools"]["value"]
    assert list(tool["schema"]["function"]["parameters"]["properties"]) == ["id", "id_of_order"]


@pytest.mark.full
def test_a_stale_save_is_refused_shown_and_decided(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Two authors", "return 1;"))
    without_refresh(console.page)
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    state = account.draft(workflow_id)
    state["blocks"]["answer"]["name"] = "Theirs"
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()

    console.write("Code", "return 'mine';").shows("Someone else changed this workflow.")
    assert account.draft(workflow_id)["blocks"]["answer"]["name"] == "Theirs"
    console.press("Overwrite with mine").saved()
    saved = account.draft(workflow_id)["blocks"]["answer"]
    assert (saved["name"], saved["subBlocks"]["code"]["value"]) == ("Answer", "return 'mine';")


def test_an_agent_is_given_tools_by_forms(console: Console, account: Account) -> None:
    workflow_id = account.import_(talking("With tools"))
    called = account.publish(answering("Find an order", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").block("Agent 1").click()
    tools = console.page.get_by_role("group", name="Tools")
    console.button("Add tool", tools).click()
    tools.get_by_label("Name", exact=True).fill("price_of")
    tools.get_by_label("Description", exact=True).fill("Tells the price")
    console.button("Add parameter", tools).click()
    tools.get_by_label("Name of parameter 1 of tool 1").fill("item")
    console.write("Code of tool 1", "return item.length;")
    console.button("Add tool", tools).click()
    tools.get_by_label("Type of tool 2").select_option("workflow_input")
    tools.get_by_label("Workflow", exact=True).select_option("Find an order")
    console.saved()

    custom, workflow = account.draft(workflow_id)["blocks"]["agent"]["subBlocks"]["tools"]["value"]
    function = custom["schema"]["function"]
    assert (custom["type"], custom["title"], custom["code"]) == ("custom-tool", "price_of", "return item.length;")
    assert (function["name"], function["description"]) == ("price_of", "Tells the price")
    assert (list(function["parameters"]["properties"]), function["parameters"]["required"]) == (["item"], ["item"])
    assert (workflow["title"], workflow["params"]) == ("Find an order", {"workflowId": called})
