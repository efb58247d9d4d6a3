"""Keys, samples, the panel that calls, and the other ways to publish a workflow."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.browser.console import Account, Console, Json, held
from tests.browser.workflows import answering, asking, talking


def test_a_key_is_shown_once_opens_the_door_and_is_revoked(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Behind a key", "return 'in';"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="API").click()
    console.press("Generate API Key")
    console.page.get_by_role("textbox", name="Name").fill("Browser test")
    console.press("Create")
    key = console.page.get_by_test_id("shown-once").inner_text()
    console.press("Done")
    assert account.run(workflow_id, key=key).json()["output"]["result"] == "in"

    console.goto("/settings/keys").press("Revoke Browser test").confirm("Revoke")
    console.shows("Browser test is revoked.")
    assert _refused_within_a_second(account, workflow_id, key).status_code == 401


def test_a_key_tells_that_it_has_expired_and_what_it_is_for(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Only this one", "return 1;"))
    now = datetime.now(UTC)
    soon = {"name": "For an hour", "expiresAt": (now + timedelta(hours=1)).isoformat()}
    later = {"name": "For a day", "expiresAt": (now + timedelta(days=1)).isoformat(), "workflowIds": [workflow_id]}
    for wish in (soon, later):
        _made(account, {"scopes": ["execute"], **wish})
    console.page.clock.set_fixed_time(now + timedelta(hours=2))
    console.goto("/settings/keys")
    expect(_key(console, "For an hour")).to_contain_text("Expired")
    expect(_key(console, "For a day")).to_contain_text("only Only this one")
    expect(_key(console, "For a day")).not_to_contain_text("expired", ignore_case=True)


def test_a_rotated_key_works_beside_the_new_one_for_as_long_as_is_chosen(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Behind two keys", "return 'in';"))
    old = _made(account, {"name": "Turned over", "scopes": ["execute"]})
    console.goto("/settings/keys")
    new = _rotated(console, "Turned over", "Works for another hour")
    assert [account.run(workflow_id, key=key).status_code for key in (old, new)] == [200, 200]
    expect(_key(console, "Turned over").filter(has_text="Replaced")).to_contain_text("until")

    newest = _rotated(console, "Turned over", "Stops working at once")
    assert _refused_within_a_second(account, workflow_id, new).status_code == 401
    assert [account.run(workflow_id, key=key).status_code for key in (old, newest)] == [200, 200]


def _rotated(console: Console, name: str, old: str) -> str:
    console.press(f"Rotate {name}")
    console.page.get_by_label("The old key").select_option(old)
    console.confirm("Rotate")
    shown = console.page.get_by_test_id("shown-once").inner_text()
    console.press("Copy key")
    assert console.page.evaluate("navigator.clipboard.readText()") == shown
    console.press("Done")
    return shown


def _made(account: Account, wish: Json) -> str:
    answer = account.http.post(f"/api/workspaces/{account.workspace_id}/api-keys", json=wish).raise_for_status()
    return str(answer.json()["key"]["key"])


def test_a_key_may_have_a_limit_of_its_own_which_is_raised_in_use(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Now and then", "return 1;"))
    console.goto("/settings/keys").press("Create key")
    console.page.get_by_role("textbox", name="Name").fill("Twice a minute")
    console.page.get_by_label("Calls a minute").fill("2")
    console.press("Create")
    key = console.page.get_by_test_id("shown-once").inner_text()
    console.press("Done")
    expect(_key(console, "Twice a minute")).to_contain_text("2 calls a minute")
    assert 429 in [account.run(workflow_id, key=key).status_code for _ in range(10)]

    console.press("Edit Twice a minute")
    console.page.get_by_role("textbox", name="Name").fill("Often")
    console.page.get_by_label("Calls a minute").fill("1000")
    console.confirm("Save")
    expect(_key(console, "Often")).to_contain_text("1,000 calls a minute")
    assert account.run(workflow_id, key=key).status_code == 200


def _key(console: Console, name: str) -> Locator:
    return console.page.get_by_role("row", name=re.compile(name))


def test_the_document_of_a_protected_workflow_is_saved_with_the_typed_key(
    open_page: Callable[..., Page], account: Account
) -> None:
    workflow_id = account.publish(answering("Read the document", "return 1;"))
    page = open_page()
    page.goto(f"/api/workflows/{workflow_id}/docs")
    page.get_by_label("API key").fill(account.http.headers["x-api-key"])
    page.get_by_role("button", name="Show").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="openapi.json").click()
    assert saved.value.suggested_filename == "openapi.json"
    assert json.loads(saved.value.path().read_text())["info"]["title"] == "Read the document"


def _refused_within_a_second(account: Account, workflow_id: str, key: str) -> httpx.Response:
    deadline = time.monotonic() + 1
    while (answer := account.run(workflow_id, key=key)).status_code != 401 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def test_the_api_tab_shows_code_for_every_language_and_the_selected_outputs(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Samples"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    page = console.page
    page.get_by_role("tab", name="API").click()
    for language, words in (("Python", "requests"), ("TypeScript", "fetch"), ("cURL", "curl")):
        page.get_by_role("radio", name=language, exact=True).click()
        expect(page.get_by_role("region", name="Run workflow", exact=True)).to_contain_text(words)
    page.get_by_role("button", name=re.compile("Select outputs")).click()
    page.get_by_role("menuitemcheckbox", name="model", exact=True).click()
    page.keyboard.press("Escape")
    stream = page.get_by_role("region", name="Run workflow (stream response)")
    expect(stream).to_contain_text("agent_1.content")
    expect(stream).to_contain_text("agent_1.model")
    page.get_by_role("button", name=re.compile("Select outputs")).click()
    for output in ("model", "content"):
        page.get_by_role("menuitemcheckbox", name=output, exact=True).click()
    page.keyboard.press("Escape")
    expect(stream).not_to_contain_text("selectedOutputs")
    console.press("Copy: Run workflow (stream response)")
    assert workflow_id in page.evaluate("navigator.clipboard.readText()")
    page.get_by_label("Async step").select_option("Check Status")
    expect(page.get_by_role("region", name="Run workflow (async)")).to_contain_text("/api/jobs/")


def test_what_is_written_on_one_tab_is_still_there_after_a_look_at_another(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.publish(talking('Two tabs'))}").press("Live")
    page = console.page
    page.get_by_role("tab", name="Chat").click()
    page.get_by_label("Welcome message").fill("Come in")
    page.get_by_role("tab", name="API").click()
    console.shows("Try it")
    expect(page.get_by_label("Welcome message")).to_be_hidden()
    page.get_by_role("tab", name="Chat").click()
    expect(page.get_by_label("Welcome message")).to_have_value("Come in")


def test_what_is_written_in_a_window_that_was_closed_is_still_there_until_it_is_saved(
    console: Console, account: Account
) -> None:
    server = {"workspaceId": account.workspace_id, "name": "Pantry", "workflowIds": []}
    made = account.http.post("/api/mcp/workflow-servers", json=server).raise_for_status().json()
    console.goto(f"/workflows/{account.publish(talking('Closed too soon'))}").press("Live")
    page = console.page
    written = {
        "Chat": ("Welcome message", "Come in"),
        "A2A": ("Tags", "tea, kitchen"),
        "MCP": ("Description", "Pours tea"),
        "API": ("input", "Two cups"),
    }

    def on_tab(name: str) -> Locator:
        page.get_by_role("tab", name=name).click()
        return page.get_by_role("tabpanel", name=name).get_by_label(written[name][0], exact=True)

    for tab, (_, text) in written.items():
        on_tab(tab).fill(text)
    page.mouse.move(0, 0)  # a tip under the pointer would be what Escape closes first
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.press("Live")
    for tab, (_, text) in written.items():
        expect(on_tab(tab)).to_have_value(text)
    page.get_by_role("tab", name="General").click()
    console.choose("Actions for v1", "Load deployment").confirm("Load deployment")
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.press("Live")
    for tab, (_, text) in written.items():
        expect(on_tab(tab)).to_have_value(text)

    on_tab("A2A")
    console.press("Publish Agent").shows("The agent is published.")
    on_tab("A2A").fill("tea, kitchen, cups")
    console.press("Update").shows("The agent is updated.")
    console.press("Delete").confirm("Delete").shows("The agent is deleted.").press("Close").press("Live")
    expect(on_tab("A2A")).to_have_value("")
    expect(on_tab("MCP")).to_have_value("Pours tea")
    account.http.delete(f"/api/mcp/workflow-servers/{made['data']['server']['id']}").raise_for_status()


@pytest.mark.parametrize(
    ("tab", "route", "action", "done", "field"),
    [
        ("Chat", "**/api/chat", "Launch Chat", "The chat is launched.", "Welcome message"),
        ("A2A", "**/api/a2a/agents", "Publish Agent", "The agent is published.", "Description"),
    ],
)
def test_what_is_written_while_a_save_is_under_way_is_not_taken_for_saved(
    console: Console, account: Account, tab: str, route: str, action: str, done: str, field: str
) -> None:
    console.goto(f"/workflows/{account.publish(talking(f'Still writing in {tab}'))}").press("Live")
    page = console.page
    page.get_by_role("tab", name=tab).click()
    if tab == "Chat":
        page.get_by_label("URL").fill("still-writing")
    page.get_by_label(field).fill("Sent")
    with held(page, route):
        console.press(action)
        page.get_by_label(field).fill("Written later")
    console.shows(done)
    expect(page.get_by_label(field)).to_have_value("Written later")
    console.press("Close").press("Live").page.get_by_role("tab", name=tab).click()
    expect(page.get_by_label(field)).to_have_value("Written later")
    console.press("Update").shows(done.replace("launched", "updated").replace("published", "updated"))
    page.reload()
    console.press("Live").page.get_by_role("tab", name=tab).click()
    expect(page.get_by_label(field)).to_have_value("Written later")


def test_a_tool_that_no_server_offers_is_not_said_to_be_saved(console: Console, account: Account) -> None:
    server = {"workspaceId": account.workspace_id, "name": "Cellar", "workflowIds": []}
    made = account.http.post("/api/mcp/workflow-servers", json=server).raise_for_status().json()
    console.goto(f"/workflows/{account.publish(talking('Nobody offers it'))}").press("Live")
    page = console.page
    page.get_by_role("tab", name="MCP").click()
    page.get_by_label("Description").fill("Fetches wine")
    console.press("Save Tool").shows("Choose the servers that offer it.")
    expect(page.get_by_label("Description")).to_have_value("Fetches wine")
    page.get_by_role("checkbox", name="Cellar").check()
    console.press("Save Tool").shows("The tool is saved.")
    page.get_by_role("checkbox", name="Cellar").uncheck()
    console.press("Save Tool").shows("The workflow is no tool any more.")
    account.http.delete(f"/api/mcp/workflow-servers/{made['data']['server']['id']}").raise_for_status()


@pytest.mark.parametrize(
    ("path", "opener", "name"), [("keys", "Create key", "Backend"), ("mcp", "Create server", "Kitchen")]
)
def test_a_half_written_form_is_not_closed_by_accident(console: Console, path: str, opener: str, name: str) -> None:
    page = console.goto(f"/settings/{path}").press(opener).page
    page.get_by_role("textbox", name="Name").fill(name)
    page.mouse.click(5, 5)
    console.shows("What you wrote is not saved.").confirm("Cancel")
    page.keyboard.press("Escape")
    console.shows("What you wrote is not saved.").confirm("Cancel")
    expect(page.get_by_role("textbox", name="Name")).to_have_value(name)
    page.keyboard.press("Escape")
    console.confirm("Discard changes")
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.press(opener)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_click_that_misses_a_new_key_does_not_take_it_away(console: Console, account: Account) -> None:
    console.goto("/settings/keys").press("Create key")
    console.page.get_by_role("textbox", name="Name").fill("Not copied yet")
    console.press("Create")
    key = console.page.get_by_test_id("shown-once")
    expect(key).to_be_visible()
    console.page.mouse.click(5, 5)
    console.page.wait_for_timeout(300)
    expect(key).to_be_visible()
    console.press("Copy key").press("Done")
    expect(key).to_have_count(0)


def test_try_it_streams_the_answer(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Stream here"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="API").click()
    panel = console.page.get_by_role("region", name="Try it")
    panel.get_by_label("input").fill("Water, leaves and a little time.")
    console.button("Call and stream", panel).click()
    expect(panel.get_by_label("Streamed text")).to_contain_text("Water, leaves and a little time.")
    expect(panel.get_by_text("Completed")).to_be_visible()


def test_a_tried_call_that_pauses_is_not_said_to_be_completed(console: Console, account: Account) -> None:
    console.goto(f"/workflows/{account.publish(asking('Pause here'))}").press("Live")
    console.page.get_by_role("tab", name="API").click()
    panel = console.press("Call and stream").page.get_by_role("region", name="Try it")
    expect(panel.get_by_text("Paused", exact=True)).to_be_visible()


def test_a_tried_call_whose_stream_breaks_off_is_not_said_to_be_completed(console: Console, account: Account) -> None:
    page = console.goto(f"/workflows/{account.publish(talking('Cut short'))}").press("Live").page
    page.get_by_role("tab", name="API").click()
    frame = 'data: {"blockId": "agent", "chunk": "Half of it"}\n\n'
    page.route("**/execute", lambda route: route.fulfill(content_type="text/event-stream", body=frame))
    panel = console.press("Call and stream").page.get_by_role("region", name="Try it")
    expect(panel.get_by_label("Streamed text")).to_have_text("Half of it")
    expect(panel.get_by_text("Failed", exact=True)).to_be_visible()
    expect(panel.get_by_role("alert")).to_contain_text("The connection to the run was lost")


def test_public_access_is_set_in_the_api_info(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("For everybody", "return 'hello';"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="API").click()
    console.press("Edit API Info")
    expect(console.page.get_by_label("Description")).to_be_focused()
    console.page.get_by_label("Description").fill("Says hello")
    console.page.get_by_role("radio", name="Public").click()
    console.press("Save")
    expect(console.page.get_by_role("heading", name="Edit API Info")).to_be_hidden()
    expect(console.page.get_by_role("tabpanel")).not_to_contain_text("SIM_API_KEY")
    answer = httpx.post(f"{account.url}/api/workflows/{workflow_id}/execute", json={}, timeout=30)
    assert answer.json()["output"]["result"] == "hello"
    assert account.http.get(f"/api/v1/workflows/{workflow_id}").json()["data"]["description"] == "Says hello"


def test_who_may_call_is_not_changed_by_who_was_quicker_than_the_line(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Public already", "return 1;"))
    account.http.patch(f"/api/workflows/{workflow_id}/deploy", json={"isPublicApi": True}).raise_for_status()
    page = console.page
    with held(page, f"**/api/workflows/{workflow_id}/deploy", methods=["GET"]):
        page.goto(f"/workflows/{workflow_id}")
        console.press("Deploy").page.get_by_role("tab", name="API").click()
        expect(console.button("Edit API Info")).to_be_disabled()
    console.press("Edit API Info")
    expect(page.get_by_role("radio", name="Public")).to_be_checked()
    expect(console.button("Save")).to_be_disabled()


def test_a_secret_is_kept_and_never_shown(console: Console, account: Account) -> None:
    console.goto("/settings/secrets")
    console.page.get_by_label("Value").fill("oolong")
    for wrong in ("TEA/KIND", "TEA+KIND", "2ND_TEA"):
        console.page.get_by_role("textbox", name="Name").fill(wrong)
        console.shows("Letters, digits, _ . and -, beginning with a letter or _.")
        expect(console.button("Keep")).to_be_disabled()
    console.page.get_by_role("textbox", name="Name").fill("TEA_KIND")
    console.press("Keep").shows("{{TEA_KIND}}")
    assert "oolong" not in console.page.content()
    workflow_id = account.publish(answering("With a secret", "return {{TEA_KIND}};"))
    assert account.run(workflow_id).status_code == 200


def test_a_secret_keeps_its_lines_and_not_the_line_end_that_was_copied_with_it(
    console: Console, account: Account
) -> None:
    console.goto("/settings/secrets").page.get_by_role("textbox", name="Name").fill("PRIVATE_KEY")
    console.page.get_by_label("Value").focus()
    console.page.evaluate("navigator.clipboard.writeText('BEGIN\\nMIIE\\nEND\\n')")
    console.page.keyboard.press("ControlOrMeta+v")
    console.page.keyboard.press("Enter")
    console.shows("{{PRIVATE_KEY}}")
    workflow_id = account.publish(answering("Three lines", "return {{PRIVATE_KEY}}.split('\\n');"))
    assert account.run(workflow_id).json()["output"]["result"] == ["BEGIN", "MIIE", "END"]


def test_a_workflow_becomes_a_tool_that_agents_find_and_call(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Fetch the tea", "return 'oolong';"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    page = console.page
    page.get_by_role("tab", name="MCP").click()
    console.press("Create server")
    page.get_by_label("Name", exact=False).last.fill("Kitchen")
    console.press("Create")
    page.get_by_label("Tool name").fill("No Spaces")
    console.shows("Small letters, digits and underscores only.")
    page.get_by_label("Tool name").fill("fetch_tea")
    page.get_by_label("Description").fill("Brings tea")
    page.get_by_label("input (string)").fill("Which tea")
    page.get_by_role("checkbox", name="Kitchen").check()
    console.press("Save Tool").shows("The tool is saved.")

    console.press("Copy the address of Kitchen")
    server = page.evaluate("navigator.clipboard.readText()")
    (tool,) = _mcp(account, server, "tools/list")["tools"]
    assert (tool["name"], tool["description"]) == ("fetch_tea", "Brings tea")
    assert tool["inputSchema"]["properties"]["input"]["description"] == "Which tea"
    called = _mcp(account, server, "tools/call", {"name": "fetch_tea", "arguments": {}})
    assert "oolong" in called["content"][0]["text"]

    page.get_by_role("link", name="Manage").click()
    console.shows("fetch_tea").press("Delete Kitchen").confirm("Delete").shows("No MCP servers yet")
    assert account.http.get(server).status_code == 404


def _mcp(account: Account, server: str, method: str, params: Json | None = None) -> Json:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    result: Json = account.http.post(server, json=body).raise_for_status().json()["result"]
    return result


def test_a_workflow_becomes_an_agent_that_others_find_and_call(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Pour the tea", "return 'poured';"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    page = console.page
    page.get_by_role("tab", name="A2A").click()
    page.get_by_label("Description").fill("Pours tea")
    page.get_by_label("Tags").fill("tea, kitchen")
    console.press("Publish Agent").shows("Unpublish")

    console.press("Copy the address of the agent card")
    address = page.evaluate("navigator.clipboard.readText()")
    card = httpx.get(address, timeout=30).json()
    assert (card["name"], card["description"]) == ("Pour the tea", "Pours tea")
    assert card["skills"][0]["tags"] == ["tea", "kitchen"]
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "Please"}]}
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    url = card["supportedInterfaces"][0]["url"]
    task = account.http.post(url, json=body, headers={"a2a-version": "1.0"}).json()["result"]["task"]
    assert task["artifacts"][0]["parts"][0]["text"] == "poured"
    console.press("Copy: Send a message")
    assert url in page.evaluate("navigator.clipboard.readText()")

    page.get_by_label("Agent name").fill("Butler")
    console.press("Update").shows("The agent is updated.")
    assert httpx.get(address, timeout=30).json()["name"] == "Butler"
    console.press("Unpublish").shows("The agent is not published any more.")
    assert httpx.get(address, timeout=30).status_code == 404
    console.press("Delete").confirm("Delete").shows("The agent is deleted.")
    assert account.http.get(f"/api/workflows/{workflow_id}/a2a").json() == {"agent": None}


def test_without_a_mail_server_the_choice_of_email_says_so(console: Console, account: Account) -> None:
    def without_mail(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "canMail": False})

    console.page.route("**/chat/status", without_mail)
    console.goto(f"/workflows/{account.publish(talking('Mail me'))}").press("Live")
    console.page.get_by_role("tab", name="Chat").click()
    problem = console.page.get_by_text(re.compile("No mail can be sent from here yet"))
    expect(problem).to_have_count(0)
    console.page.get_by_role("radio", name="Email").click()
    expect(problem).to_be_visible()


def test_a_workflow_is_published_as_a_chat_and_taken_away(console: Console, account: Account) -> None:
    workflow_id = account.publish(talking("Talk to me"))
    console.goto(f"/workflows/{workflow_id}").press("Live")
    console.page.get_by_role("tab", name="Chat").click()
    console.page.get_by_label("URL").fill("No Spaces")
    console.shows("Small letters, digits and hyphens only.")
    console.page.get_by_label("URL").fill("talk-to-me")
    console.press("Launch Chat").shows("The chat is launched.")
    assert httpx.get(f"{account.url}/api/chat/talk-to-me", timeout=30).json()["title"] == "Talk to me"
    console.page.get_by_role("radio", name="Email").click()
    console.page.get_by_label("Who may enter").fill("Ada@Example.com\n@board.example")
    console.press("Update").shows("The chat is updated.")
    assert httpx.get(f"{account.url}/api/chat/talk-to-me", timeout=30).json()["error"] == "auth_required_email"
    found = account.http.get(f"/api/workflows/{workflow_id}/chat/status").json()["deployment"]
    assert found["allowedEmails"] == ["ada@example.com", "@board.example"]
    console.press("Delete").confirm("Delete").shows("The chat is deleted.")
    assert httpx.get(f"{account.url}/api/chat/talk-to-me", timeout=30).status_code == 404
