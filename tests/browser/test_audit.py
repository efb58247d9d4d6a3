"""The audit log: readable sentences, with codes and ids on demand."""

import re

import pytest
from playwright.sync_api import Locator, Route, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering


def test_an_entry_is_a_sentence_with_its_code_on_demand(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Told in words", "return 1;"))
    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()
    account.http.patch(f"/api/workflows/{workflow_id}/deployments/1", json={"isActive": True}).raise_for_status()
    console.goto("/settings/audit")
    promoted = _entries(console, "promoted version 1 of Told in words")
    promoted.get_by_text("promoted version 1").click()
    expect(promoted).to_contain_text("workflow.promoted")
    expect(promoted).to_contain_text(workflow_id)

    console.page.get_by_label("Action", exact=True).select_option("Deployed a workflow")
    expect(_entries(console, "promoted")).to_have_count(0)
    expect(_entries(console, "deployed Told in words as version 2")).to_have_count(1)
    console.page.get_by_label("Action", exact=True).select_option("Erased the workspace")
    console.shows("No matching entries")


@pytest.mark.full
def test_an_action_unknown_to_the_console_is_shown_by_its_code(console: Console) -> None:
    def newer(route: Route) -> None:
        answer = route.fetch()
        row = {"action": "tea.made", "targetName": "Darjeeling", "actor": {"id": "u", "name": "Ann", "kind": "user"}}
        rows = [{**answer.json()["data"][0], **row}]
        route.fulfill(response=answer, json={"data": rows, "nextCursor": None})

    console.page.route("**/audit?*", newer)
    console.goto("/settings/audit")
    expect(_entries(console, "Ann tea.made Darjeeling")).to_be_visible()


def _entries(console: Console, words: str) -> Locator:
    table = console.page.get_by_role("region", name="Audit entries")
    return table.get_by_role("row").filter(has_text=re.compile(words))
