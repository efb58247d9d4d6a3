"""Workflows are created blank or from a template."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.workflows import answering

TEMPLATES = {
    "Question and answer": {"Start", "Answer", "Reply"},
    "Message routing": {"Start", "Classify", "Route", "Escalate", "Answer", "Reply"},
    "Approval": {"Start", "Approval", "Decide", "Approved", "Rejected"},
}


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("Question and answer", marks=pytest.mark.full),
        "Message routing",
        pytest.param("Approval", marks=pytest.mark.full),
    ],
)
def test_a_workflow_made_from_a_template_opens_and_can_be_deployed(
    console: Console, account: Account, template: str
) -> None:
    page = console.goto("/").press("New workflow").page
    page.get_by_role("dialog").get_by_role("button", name=template, exact=True).click()
    page.wait_for_url(re.compile("/workflows/.+"))
    expect(page.get_by_role("heading", name=template)).to_be_visible()
    workflow_id = page.url.rpartition("/")[2]
    assert {block["name"] for block in account.draft(workflow_id)["blocks"].values()} == TEMPLATES[template]
    account.http.post(f"/api/workflows/{workflow_id}/deploy").raise_for_status()


@pytest.mark.full
def test_a_new_workflow_gets_a_name_that_no_other_has(console: Console, account: Account) -> None:
    for template, name in (("Blank workflow", "New workflow"), ("Approval", "Approval")):
        account.import_(answering(name, "return 1;"))
        page = console.goto("/").press("New workflow").page
        page.get_by_role("dialog").get_by_role("button", name=template, exact=True).click()
        page.wait_for_url(re.compile("/workflows/.+"))
        expect(page.get_by_role("heading", level=1, name=re.compile(rf"^{name} \d+$"))).to_be_visible()
    listed = account.http.get(f"/api/workflows?workspaceId={account.workspace_id}").json()["data"]
    names = [workflow["name"] for workflow in listed if re.fullmatch(r"(New workflow|Approval) \d+", workflow["name"])]
    assert len(names) == len(set(names))


@pytest.mark.full
def test_an_empty_workspace_offers_the_templates(console: Console) -> None:
    page = console.signed_in_separately().goto("/").page
    first = page.get_by_role("button", name="Workspace ").get_attribute("aria-label") or ""
    console.choose(first, "New workspace")
    page.get_by_role("textbox", name="Name").fill("Only templates")
    console.press("Create").shows("No workflows yet")
    page.get_by_role("list", name="Templates").get_by_role("button", name="Approval", exact=True).click()
    page.wait_for_url(re.compile("/workflows/.+"))
    expect(console.block("Decide")).to_be_visible()
