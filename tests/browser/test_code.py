"""References and errors are visible in code, and code can be edited in a large window."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering, block, file, function


def test_references_and_errors_are_marked_while_typing(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.import_(answering('Marked', 'return 1;'))}").page
    console.block("Answer").click()
    console.write("Code", "return <start.input> + <begin.input>;")
    code = page.get_by_role("textbox", name="Code", exact=True)
    expect(code.locator("[data-problem]")).to_have_text(["<begin.input>"])
    expect(code.locator("[data-problem]")).to_have_attribute("title", "No block is named “begin”.")
    console.write("Code", "return <start.input> + ;")
    expect(code.locator("[data-problem='Syntax error.']")).to_have_count(1)
    console.write("Code", "return <start.input>;")
    expect(code.locator("[data-problem]")).to_have_count(0)


def test_nested_fields_of_the_last_run_are_offered(console: Console, account: Account) -> None:
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        function("first", "First", 330, 0, "return {orders: [{total: 5}]};"),
        function("last", "Last", 660, 0, "return 1;"),
    ]
    edges = [("start", "first", "source"), ("first", "last", "source")]
    page = console.goto(f"/workflows/{account.import_(file('Nested', blocks, edges))}").page
    console.press("Run").press("Run draft")
    expect(page.get_by_role("region", name="Result")).to_contain_text('"result": 1')
    console.press("Close panel").block("Last").click()
    console.write("Code", "return ")
    page.keyboard.type("<first.result.or")
    page.get_by_role("option", name=re.compile(re.escape("<first.result.orders[0].total>"))).click()
    console.saved()
    expect(page.get_by_role("textbox", name="Code", exact=True)).to_have_text("return <first.result.orders[0].total>")


@pytest.mark.full
def test_nested_fields_of_an_earlier_run_are_offered(console: Console, account: Account) -> None:
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        function("first", "First", 330, 0, "return {orders: [{total: 5}]};"),
        function("last", "Last", 660, 0, "return 1;"),
    ]
    edges = [("start", "first", "source"), ("first", "last", "source")]
    workflow_id = account.publish(file("Nested before", blocks, edges))
    account.run(workflow_id).raise_for_status()
    page = console.goto(f"/workflows/{workflow_id}").page
    with page.expect_response(re.compile("/api/v1/logs/[^?]+$")):
        console.block("Last").click()
    console.write("Code", "return ")
    page.keyboard.type("<first.result.or")
    expect(page.get_by_role("option", name=re.compile(re.escape("<first.result.orders[0].total>")))).to_be_visible()


def test_code_is_edited_in_a_large_window(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Large", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    console.press("Expand Code")
    console.write("Code, expanded", "return 'large';").press("Done").saved()
    assert account.draft(workflow_id)["blocks"]["answer"]["subBlocks"]["code"]["value"] == "return 'large';"
    expect(page.get_by_role("textbox", name="Code", exact=True)).to_have_text("return 'large';")
    expect(console.button("Expand Code")).to_be_focused()
