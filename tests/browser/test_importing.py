"""Importing files."""

import json

import pytest
from playwright.sync_api import FilePayload, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, block, file, function


def test_each_invalid_file_of_several_is_named(console: Console, account: Account) -> None:
    good = json.dumps(answering("The good one", "return 1;"))
    texts = {"photo.json": "no JSON", "good.json": good, "list.json": "[]"}
    files = [FilePayload(name=name, mimeType="application/json", buffer=text.encode()) for name, text in texts.items()]
    console.goto("/").page.locator("input[type=file]").set_input_files(files)
    console.notifies("Imported The good one.")
    expect(console.page.get_by_role("alert")).to_have_count(2)
    expect(console.page.get_by_role("alert").nth(0)).to_contain_text("photo.json: Invalid JSON")
    expect(console.page.get_by_role("alert").nth(1)).to_contain_text("list.json: Invalid workflow")
    expect(console.page.get_by_role("link", name="The good one")).to_be_visible()


def test_an_exported_file_is_called_as_its_workflow_in_any_script(console: Console, account: Account) -> None:
    account.import_(answering("תה לשניים / tea for 2", "return 1;"))
    with console.goto("/").page.expect_download() as saved:
        console.choose("Actions for תה לשניים / tea for 2", "Export JSON")
    assert saved.value.suggested_filename == "תה-לשניים-tea-for-2.json"


def test_a_yaml_file_is_exported_and_imported(console: Console, account: Account) -> None:
    account.import_(answering("Asked", "return 'the same';"))
    with console.goto("/").page.expect_download() as saved:
        console.choose("Actions for Asked", "Export YAML")
    assert saved.value.suggested_filename == "asked.yaml"
    text = saved.value.path().read_text()
    assert text.startswith("name: Asked\n")
    assert "code: return 'the same';" in text
    picker = console.page.locator("input[type=file]")
    assert ".yaml" in (picker.get_attribute("accept") or "").split(",")
    again = FilePayload(name="again.yaml", mimeType="application/yaml", buffer=text.replace("Asked", "Again").encode())
    picker.set_input_files([again])
    expect(console.page.get_by_role("heading", name="Again")).to_be_visible()
    expect(console.block("Answer")).to_contain_text("return 'the same';")


def test_a_duplicate_has_the_same_draft(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Twice", "return 'the same';"))
    console.goto("/").choose("Actions for Twice", "Duplicate").notifies("Created Twice (copy).")
    console.page.get_by_role("link", name="Twice (copy)", exact=True).click()
    expect(console.block("Answer")).to_contain_text("return 'the same';")
    assert console.page.url.rpartition("/")[2] != workflow_id


@pytest.mark.full
def test_a_container_covers_no_later_block(console: Console) -> None:
    loop = block("loop", "loop", "Each", 330, 0, data={"loopType": "for", "count": 2})
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        loop,
        *(function(f"s{n}", f"Step {n}", 150 + 330 * n, 90, f"return {n};", "loop") for n in range(3)),
        function("after", "After", 860, 0, "return 'after';"),
    ]
    edges = [("start", "loop", "source"), ("loop", "s0", "loop-start-source"), ("loop", "after", "loop-end-source")]
    console.goto("/").import_file(file("Covering", blocks, edges))
    each, after = console.places_of("Each", "After")
    assert after["x"] >= each["x"] + each["width"]
