"""Data of a workspace in use, and the way to each of its pages."""

from collections.abc import Callable
from typing import Any

import httpx2
from playwright.sync_api import expect
from tests.browser.console import Account, Console
from tests.browser.recorded_runs import change_code, recorded
from tests.browser.workflows import answering, asking, setting, talking, thirty

from shared.ids import new_id

PRICE_TOOL = {
    "type": "custom-tool",
    "title": "price_of",
    "schema": {
        "type": "function",
        "function": {
            "name": "price_of",
            "description": "Tells what an article costs",
            "parameters": {
                "type": "object",
                "properties": {"article": {"type": "string", "description": "Its name"}},
                "required": ["article"],
            },
        },
    },
    "code": "return { price: article.length };",
    "usageControl": "auto",
    "params": {},
}

SKILL = {"id": "run", "name": "Summarise an article", "tags": ["writing", "summaries"]}

Visit = Callable[[Console, "Sights"], Any]


class Sights:
    """Workflows and runs to show."""

    def __init__(self, account: Account) -> None:
        self.large = account.publish(thirty("Enrich a list of leads"))
        self.talking = account.publish(talking("Summarise an article"))
        self.failing = account.publish(answering("Check an order", "throw new Error('no such order');"))
        for number in range(3):
            ended = account.run(self.talking, {"input": f"Article {number}"})
        self.ended = ended.headers["x-execution-id"]
        self.run = account.run(self.failing).headers["x-execution-id"]
        for name in ("Production backend", "Nightly report", "Newsletter"):
            key = {"name": name, "scopes": ["execute"]}
            account.http.post(f"/api/workspaces/{account.workspace_id}/api-keys", json=key).raise_for_status()
        path = f"/api/workspaces/{account.workspace_id}/invitations"
        made = account.http.post(path, json={"role": "write", "email": "ada@example.com"}).raise_for_status()
        self.invitation: str = made.json()["invitation"]["url"]
        self.former_member = former_member(account)
        self.asking = account.publish(asking("Release a newsletter"))
        self.paused = account.run(self.asking, {"input": "November"}).json()["executionId"]
        server = {"workspaceId": account.workspace_id, "name": "Editors' desk", "workflowIds": [self.talking]}
        served = account.http.post("/api/mcp/workflow-servers", json=server).raise_for_status()
        self.server_id: str = served.json()["data"]["server"]["id"]
        agent = {"workflowId": self.talking, "description": "Sums up articles.", "skills": [SKILL]}
        account.http.post("/api/a2a/agents", json=agent).raise_for_status()
        look = {"welcomeMessage": "Hi! Send me a text, and I say it back."}
        account.chat(account.publish(talking("Front desk")), "front-desk", title="Front desk", customizations=look)
        deleted = account.import_(answering("Old report", "return 1;"))
        account.http.delete(f"/api/workflows/{deleted}").raise_for_status()
        guests = {"title": "Board room", "authType": "email", "allowedEmails": ["ada@example.com", "@board.example"]}
        self.invited = account.publish(talking("Board room"))
        account.chat(self.invited, "board-room", **guests)
        self.recorded, (self.recording, _) = recorded(account, "Confirm a booking", "return 'confirmed';", 2)
        change_code(account, self.recorded, "return {state: 'confirmed'};")
        replays = f"/api/v2/workflows/{self.recorded}/replays"
        replay = account.http.post(replays, json={"draft": True, "suggestIgnore": False}).raise_for_status()
        self.replay: str = replay.json()["data"]["id"]
        state = account.draft(self.talking)
        writer = state["blocks"]["agent"]
        writer["name"] = "Writer"
        writer["subBlocks"] |= setting("tools", "tool-input", [PRICE_TOOL])
        account.http.put(f"/api/workflows/{self.talking}/state", json=state).raise_for_status()


def former_member(account: Account) -> list[Any]:
    """Return the session of a former member who belongs to no workspace."""
    team = f"/api/workspaces/{account.workspace_id}"
    made = account.http.post(f"{team}/invitations", json={"role": "read"}).raise_for_status().json()
    person = {"email": "homeless@example.com", "name": "Hope Less", "password": "correct horse battery"}
    body = {"token": made["invitation"]["url"].partition("#")[2], **person}
    joined = httpx2.post(f"{account.url}/api/invitations/accept", json=body, timeout=30).raise_for_status()
    account.http.delete(f"{team}/members/{joined.json()['user']['id']}").raise_for_status()
    return [{"name": name, "value": value, "url": account.url} for name, value in joined.cookies.items()]


def _panel(console: Console, sights: Sights) -> None:
    console.follow(f"/workflows/{sights.talking}").block("Writer").click()
    console.shows("Connects to")


def _models(console: Console, _: Sights) -> None:
    console.press("Choose a model").shows("OPENAI_API_KEY not set")


def _palette(console: Console, sights: Sights) -> None:
    console.goto(f"/workflows/{sights.talking}").press("Add block").shows("Calls a model")


def _context_menu(console: Console, _: Sights) -> None:
    console.place_of("Prepare")
    console.block("Prepare").click(button="right")
    console.shows("Duplicate")


def _find_block(console: Console, _: Sights) -> None:
    console.close_dialog().page.keyboard.press("ControlOrMeta+f")
    console.page.get_by_role("combobox", name="Search names and settings").fill("result")


def _commands(console: Console, _: Sights) -> None:
    console.close_dialog().press("Search").shows("This workflow")


def _deployment(console: Console, sights: Sights) -> None:
    console.goto(f"/workflows/{sights.talking}").press("Deployment").shows("v1")


def _api(console: Console, _: Sights) -> None:
    console.page.get_by_role("tab", name="API").click()
    console.shows("Try it")


def _compare(console: Console, sights: Sights) -> None:
    _deployment(console, sights)
    console.choose("Actions for v1", "Compare").shows("Renamed")


def _api_info(console: Console, _: Sights) -> None:
    console.press("Edit API Info").shows("Requires a valid API key")


def _chat(console: Console, _: Sights) -> None:
    console.page.get_by_role("tab", name="Chat").click()
    console.shows("Welcome message")


def _a2a(console: Console, _: Sights) -> None:
    console.page.get_by_role("tab", name="A2A").click()
    console.shows("agent-card.json")


def _chat_of_guests(console: Console, sights: Sights) -> None:
    console.follow(f"/workflows/{sights.invited}").press("Live")
    console.page.get_by_role("tab", name="Chat").click()
    console.shows("Allowed emails")


def _chat_page(console: Console, sights: Sights) -> None:
    page = console.goto("/chat/front-desk").page
    page.get_by_label("Message").fill("Water, **leaves** and `time`.")
    page.keyboard.press("Enter")
    console.shows("leaves").button("New chat").wait_for()


def _chat_address(console: Console, sights: Sights) -> None:
    console.goto("/chat/board-room").shows("Your email address")


def _chat_code(console: Console, _: Sights) -> None:
    # A new address each time: the number of codes per mailbox is limited.
    console.page.get_by_label("Your email address").fill(f"{new_id()[:8]}@board.example")
    console.press("Send code").shows("is on its way")


def _mcp(console: Console, _: Sights) -> None:
    console.close_dialog().page.get_by_role("tab", name="MCP").click()
    console.shows("Editors' desk")


def _tools(console: Console, _: Sights) -> None:
    console.page.get_by_role("group", name="Tools").get_by_text("price_of").click()
    console.shows("Parameters")


def _run_draft(console: Console, sights: Sights) -> None:
    console.goto(f"/workflows/{sights.talking}").press("Run").press("Run draft").shows("Result")


def _edit_key(console: Console, _: Sights) -> None:
    console.press("Edit Newsletter").shows("Rate limit (calls per minute)")


def _rotate_key(console: Console, _: Sights) -> None:
    console.close_dialog().press("Rotate Newsletter").shows("Old key")


def _audit(console: Console, sights: Sights) -> None:
    entry = console.follow("/settings/audit").page.get_by_role("row").filter(has_text="published the chat Board room")
    entry.get_by_text("published").click()
    expect(entry.get_by_text("chat.created")).to_be_visible()


def _password(console: Console, _: Sights) -> None:
    console.close_dialog().choose(console.account.email, "Change password").shows("This signs you out")


def _nowhere(console: Console, sights: Sights) -> None:
    console.page.context.add_cookies(sights.former_member)
    console.goto("/").shows("You are not in a workspace")


def _recording_tab(console: Console, sights: Sights) -> None:
    console.follow(f"/workflows/{sights.recorded}").press("Deployment")
    console.page.get_by_role("tab", name="Recording").click()
    console.shows("Days to keep")


def _check(console: Console, sights: Sights) -> None:
    console.goto(f"/workflows/{sights.recorded}").press("Deployment").press("Check").press("Run check")
    console.shows("Deploy anyway").shows("View all results")


def _replayed_run(console: Console, sights: Sights) -> None:
    console.press(sights.recording)
    console.shows("Final output")


def _recorded_blocks(console: Console, sights: Sights) -> None:
    page = console.follow(f"/workflows/{sights.recorded}/recordings/{sights.recording}").page
    page.get_by_role("region", name="Blocks").get_by_text("Answer").click()
    console.shows("Inputs")


def _repair(console: Console, sights: Sights) -> None:
    console.follow(f"/runs/{sights.failing}/{sights.run}").press("Repair").shows("Does not run again:")


STRANGERS: dict[str, Visit] = {
    "sign-in": lambda console, _: console.goto("/").shows("Sign in to Flowport"),
    "invite": lambda console, sights: console.goto(sights.invitation).shows("Create an account to join."),
    "no-workspace": _nowhere,
}
"""Pages before signing in."""

VISITS: dict[str, Visit] = {
    "home": lambda console, _: console.goto("/").shows("Check an order"),
    "deleted-workflows": lambda console, _: console.press("Deleted workflows").shows("Old report"),
    "new-workflow": lambda console, _: console.close_dialog().press("New workflow").shows("Blank workflow"),
    "password": _password,
    "canvas": lambda console, sights: console.goto(f"/workflows/{sights.large}").shows("Prepare"),
    "context-menu": _context_menu,
    "find-block": _find_block,
    "panel": _panel,
    "tools": _tools,
    "models": _models,
    "palette": _palette,
    "commands": _commands,
    "deployment": _deployment,
    "api": _api,
    "api-info": _api_info,
    "mcp": _mcp,
    "a2a": _a2a,
    "chat-settings": _chat,
    "compare": _compare,
    "chat-guests": _chat_of_guests,
    "chat": _chat_page,
    "chat-address": _chat_address,
    "chat-code": _chat_code,
    "run-draft": _run_draft,
    "runs": lambda console, _: console.follow("/runs").shows("Completed"),
    "runs-filter": lambda console, _: console.follow("/runs?status=failed").press("Filter").shows("Min. cost ($)"),
    "runs-empty": lambda console, sights: console.goto(f"/runs?workflow={sights.talking}&status=failed").shows(
        "Remove a filter"
    ),
    "run": lambda console, sights: console.follow(f"/runs/{sights.failing}/{sights.run}").shows("Blocks"),
    "run-in-editor": lambda console, sights: console.follow(f"/workflows/{sights.failing}?run={sights.run}").shows(
        "with a run of v1"
    ),
    "run-canvas": lambda console, sights: console.follow(
        f"/runs/{sights.failing}/{sights.run}/canvas?block=answer"
    ).shows("Edit this block"),
    "recording-settings": _recording_tab,
    "check": _check,
    "replays": lambda console, sights: console.follow(f"/workflows/{sights.recorded}/replays").shows("Did not pass"),
    "replay": lambda console, sights: console.follow(f"/workflows/{sights.recorded}/replays/{sights.replay}").shows(
        "Reason"
    ),
    "replayed-run": _replayed_run,
    "recordings": lambda console, sights: console.follow(f"/workflows/{sights.recorded}/recordings").shows(
        sights.recording
    ),
    "recording": _recorded_blocks,
    "repair": _repair,
    "answer": lambda console, sights: console.follow(f"/resume/{sights.asking}/{sights.paused}").shows("Submit"),
    "settings-keys": lambda console, _: console.follow("/settings/keys").shows("Workspace keys"),
    "settings-keys-edit": _edit_key,
    "settings-keys-rotate": _rotate_key,
    "settings-members": lambda console, _: console.follow("/settings/members").shows("Invite"),
    "settings-secrets": lambda console, _: console.follow("/settings/secrets").shows("Secrets"),
    "settings-mcp": lambda console, _: console.follow("/settings/mcp").shows("Editors' desk"),
    "settings-webhooks": lambda console, _: console.follow("/settings/webhooks").shows("Add webhook"),
    "settings-limits": lambda console, _: console.follow("/settings/limits").shows("Available now"),
    "settings-dead-letters": lambda console, _: console.follow("/settings/dead-letters").shows("Retry or delete them."),
    "help": lambda console, _: console.follow("/help/workflow-files").shows("How to write a workflow as a YAML file"),
    "no-page": lambda console, _: console.follow("/nonsense").shows("Page not found"),
    "settings-audit": _audit,
}
"""In this order: most go on where the one before ended, which takes less processor time than a load."""
