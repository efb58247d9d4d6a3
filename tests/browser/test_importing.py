"""Importing files."""

import json

from playwright.sync_api import FilePayload, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering


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
        console.choose("Actions for תה לשניים / tea for 2", "Export")
    assert saved.value.suggested_filename == "תה-לשניים-tea-for-2.json"
