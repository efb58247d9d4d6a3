"""Unsaved changes are stored until they are saved, and never replaced by other content."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Locator, Page, Request, Route, expect
from tests.browser.console import Account, Console, held, without_refresh
from tests.browser.workflows import answering

OVERTAKEN = "Someone else changed this workflow."
SAVES = re.compile(r"/api/workflows/[^/]+/state$")
DEPLOYS = re.compile(r"/api/workflows/[^/]+/deploy$")
UNSEEN = "Your draft is outdated. Load the latest draft and try again."
NOT_DONE = "Your changes are not saved. Save them and try again."


@pytest.fixture
def console(console: Console) -> Console:
    """A page that does not load what others save."""
    without_refresh(console.page)
    return console


def test_unsaved_changes_are_neither_published_nor_run(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Overtaken", "return 'first';"))
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    console.write("Code", "return 'second';").saved()
    _overtake(account, workflow_id)
    console.write("Code", "return 'mine';").shows(OVERTAKEN)

    console.press("Update").shows(NOT_DONE)
    assert account.run(workflow_id).json()["output"]["result"] == "first"
    window = console.press("Deployment").page.get_by_role("dialog")
    console.button("Update", window).click()
    console.shows(NOT_DONE)
    assert account.run(workflow_id).json()["output"]["result"] == "first"
    console.press("Close").press("Run").press("Run draft")
    expect(console.page.get_by_label("Run the draft").get_by_role("alert")).to_have_text(NOT_DONE)


def test_changes_of_another_author_are_neither_published_nor_run_unseen(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Unseen", "return 'first';"))
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    console.write("Code", "return 'mine';").saved()
    _overtake(account, workflow_id)

    console.press("Update").notifies(UNSEEN)
    assert account.run(workflow_id).json()["output"]["result"] == "first"
    console.press("Run").press("Run draft")
    expect(console.page.get_by_label("Run the draft").get_by_role("alert")).to_have_text(UNSEEN)
    expect(console.button("Overwrite with mine")).to_have_count(0)

    console.press("Load latest").block("Answer").click()
    expect(_code(console)).to_have_text("return 'theirs';")
    console.press("Update").notifies("Version 2 is live.")
    assert account.run(workflow_id).json()["output"]["result"] == "theirs"


@pytest.mark.full
def test_changes_saved_during_the_deploy_are_not_published(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("On its way", "return 'first';"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    console.write("Code", "return 'mine';").saved()
    with held(page, DEPLOYS), page.expect_request(_is_deploy):
        console.press("Update")
        _overtake(account, workflow_id)
    console.notifies(UNSEEN).shows(OVERTAKEN)
    assert account.run(workflow_id).json()["output"]["result"] == "first"


def test_a_version_does_not_replace_unseen_changes(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Not over theirs", "return 'first';"))
    page = console.goto(f"/workflows/{workflow_id}").press("Live").page
    _overtake(account, workflow_id)
    console.choose("Actions for v1", "Load deployment").confirm("Load deployment").notifies(UNSEEN)
    assert _answer(account, workflow_id) == "return 'theirs';"
    page.reload()
    console.press("Deployment").choose("Actions for v1", "Load deployment").confirm("Load deployment")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert _answer(account, workflow_id) == "return 'first';"


@pytest.mark.full
def test_own_changes_are_published_together_with_the_rest(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Wrote on", "return 'first';"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    console.write("Code", "return 'second';").saved()
    with held(page, DEPLOYS), page.expect_request(_is_deploy):
        console.press("Update").write("Code", "return 'third';").saved()
    console.notifies("Version 2 is live.")
    assert account.run(workflow_id).json()["output"]["result"] == "third"


def test_changes_being_saved_are_visible_after_returning_to_the_page(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("There and back", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    with held(console.page, SAVES, methods=["PUT"]) as saves:
        console.write("Code", "return 'on the way';")
        console.page.get_by_role("link", name="All workflows").click()
        console.shows_page("Workflows").page.go_back()
        console.block("Answer").click()
        expect(_code(console)).to_have_text("return 'on the way';")
        assert len(saves) == 1
    console.write("Code", "return 'there';").saved()
    assert _answer(account, workflow_id) == "return 'there';"


@pytest.mark.full
def test_typing_during_a_slow_save_causes_one_more_save(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("On a slow line", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    saves: list[str] = []
    page.on("request", lambda request: saves.append(request.url) if request.method == "PUT" else None)
    with held(page, SAVES, methods=["PUT"]):
        for number in range(4):
            console.write("Code", f"return {number};")
            page.wait_for_timeout(1_000)  # longer than an author pauses before a save
    console.saved()
    page.wait_for_timeout(1_000)  # for a duplicate save
    assert len(saves) == 2
    expect(page.get_by_text(OVERTAKEN)).to_have_count(0)
    assert _answer(account, workflow_id) == "return 3;"


def test_a_save_with_a_lost_answer_is_not_taken_for_another_authors(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Lost answer", "return 1;"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()

    def lose(route: Route) -> None:
        if route.request.method == "PUT":
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(SAVES, lose)
    console.write("Code", "return 2;").shows("Your changes are not saved.")
    page.unroute(SAVES)
    console.saved()
    expect(page.get_by_text(OVERTAKEN)).to_have_count(0)
    assert _answer(account, workflow_id) == "return 2;"


def test_changes_overtaken_by_another_author_are_offered_again(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Waits for me", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    _overtake(account, workflow_id)
    console.write("Code", "return 'mine';").shows(OVERTAKEN)
    console.page.get_by_role("link", name="All workflows").click()
    console.shows_page("Workflows").page.go_back()

    console.shows(OVERTAKEN).press("Overwrite with mine").saved()
    assert _answer(account, workflow_id) == "return 'mine';"


@pytest.mark.full
def test_changes_written_after_that_are_offered_again_too(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Wrote on all the same", "return 'first';"))
    page = console.goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    console.write("Code", "return 'mine';").saved()
    _overtake(account, workflow_id)
    console.press("Update").notifies(UNSEEN).write("Code", "return 'mine again';")
    expect(console.button("Overwrite with mine")).to_be_visible()
    page.get_by_role("link", name="All workflows").click()
    console.shows_page("Workflows").page.go_back()

    console.shows(OVERTAKEN).press("Overwrite with mine").saved()
    assert _answer(account, workflow_id) == "return 'mine again';"


def test_discarded_changes_do_not_return(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Discarded", "return 1;"))
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    _overtake(account, workflow_id)
    console.write("Code", "return 'mine';").shows(OVERTAKEN)
    console.press("Discard my changes").block("Answer").click()
    expect(_code(console)).to_have_text("return 'theirs';")
    console.page.get_by_role("link", name="All workflows").click()
    console.shows_page("Workflows").page.go_back()
    console.block("Answer").click()
    expect(_code(console)).to_have_text("return 'theirs';")


def test_signing_out_with_unsaved_changes_requires_confirmation(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Before you go", "return 1;"))
    page = console.signed_in_separately().goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    _overtake(account, workflow_id)
    console.write("Code", "return 'mine';").shows(OVERTAKEN)
    dialogs: list[str] = []

    def leave(dialog: Dialog) -> None:
        dialogs.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    console.choose(account.email, "Sign out").shows("Sign in to Flowport")
    assert dialogs == ["beforeunload"]


def test_copied_blocks_are_not_available_to_the_next_user(console: Console, account: Account) -> None:
    workflow_id = account.import_(answering("Mine to paste", "return 'key';"))
    page = console.signed_in_separately().goto(f"/workflows/{workflow_id}").page
    console.block("Answer").click()
    page.keyboard.press("ControlOrMeta+c")
    console.choose(account.email, "Sign out").shows("Sign in to Flowport")
    console.signed_in_separately().goto(f"/workflows/{account.import_(answering('Not mine', 'return 1;'))}")
    page.keyboard.press("ControlOrMeta+v")
    page.wait_for_timeout(500)
    expect(console.page.locator(".react-flow__node")).to_have_count(2)


@pytest.mark.parametrize(
    ("status", "is_repeated"), [pytest.param(400, False, marks=pytest.mark.full), (413, False), (503, True)]
)
def test_a_save_is_repeated_only_where_it_may_pass(
    console: Console, account: Account, status: int, is_repeated: bool
) -> None:
    workflow_id = account.import_(answering("Save me again", "return 1;"))
    page = console.page
    page.clock.install()
    console.goto(f"/workflows/{workflow_id}").block("Answer").click()
    tries: list[str] = []

    def refuse(route: Route) -> None:
        if route.request.method == "PUT":
            tries.append(route.request.url)
            route.fulfill(status=status, json={"error": "Not like this"})
        else:
            route.continue_()

    page.route(SAVES, refuse)
    console.write("Code", "return 2;")
    page.clock.run_for(1_000)
    console.shows("Your changes are not saved.")
    if is_repeated:
        with page.expect_request(lambda request: request.method == "PUT"):
            page.clock.run_for(30_000)
    else:
        page.clock.run_for(30_000)
        page.wait_for_timeout(500)
        assert len(tries) == 1
    page.unroute(SAVES)
    console.write("Code", "return 3;")
    page.clock.run_for(10_000)
    console.saved()
    assert _answer(account, workflow_id) == "return 3;"


@pytest.mark.full
def test_a_reverted_change_leaves_nothing_to_save(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.import_(answering('Never mind', 'return 1;'))}").block("Answer").click()
    console.page.get_by_role("switch", name="Enabled").click()
    console.press("Undo (Ctrl Z)").saved()


def test_drafts_are_made_and_links_copied_over_plain_http(open_page: Callable[..., Page], account: Account) -> None:
    workflow_id = account.publish(answering("Plain HTTP", "return 1;"))
    console = Console(open_page(), account).signed_in()
    console.page.context.add_cookies([each | {"domain": "flowport.test"} for each in account.session])
    page = console.goto(f"{account.url.replace('127.0.0.1', 'flowport.test')}/workflows/{workflow_id}").page
    assert page.evaluate("[isSecureContext, crypto.randomUUID, navigator.clipboard]") == [False, None, None]
    console.press("Add block").page.get_by_role("combobox", name="Search blocks").fill("function")
    page.keyboard.press("Enter")
    expect(console.block("Function 1")).to_be_visible()
    console.saved().press("Deployment").page.get_by_role("tab", name="API").click()
    console.press("Copy: Run workflow")
    expect(console.button("Copied")).to_be_visible()


def _overtake(account: Account, workflow_id: str) -> None:
    state = account.draft(workflow_id)
    state["blocks"]["answer"]["subBlocks"]["code"]["value"] = "return 'theirs';"
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()


def _is_deploy(request: Request) -> bool:
    return request.method == "POST" and DEPLOYS.search(request.url) is not None


def _answer(account: Account, workflow_id: str) -> str:
    return str(account.draft(workflow_id)["blocks"]["answer"]["subBlocks"]["code"]["value"])


def _code(console: Console) -> Locator:
    return console.page.get_by_role("textbox", name="Code", exact=True)
