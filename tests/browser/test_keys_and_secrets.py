"""Keys and secrets: created, shown once or never, limited, rotated and revoked."""

import re
import time
from datetime import UTC, datetime, timedelta

import httpx2
from playwright.sync_api import Locator, expect
from tests.browser.console import Account, Console, Json
from tests.browser.workflows import answering
from tests.support.eventually import PATIENCE_SECONDS


def test_a_key_is_shown_once_works_and_is_revoked(console: Console, account: Account) -> None:
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
    console.notifies("Revoked Browser test.")
    assert _eventually_refused(account, workflow_id, key).status_code == 401


def test_a_key_shows_its_expiry_and_its_scopes(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Only this one", "return 1;"))
    now = datetime.now(UTC)
    soon = {"name": "For an hour", "expiresAt": (now + timedelta(hours=1)).isoformat()}
    later = {"name": "For a day", "expiresAt": (now + timedelta(days=1)).isoformat(), "workflowIds": [workflow_id]}
    for body in (soon, later):
        _made(account, {"scopes": ["execute"], **body})
    console.page.clock.set_fixed_time(now + timedelta(hours=2))
    console.goto("/settings/keys")
    expect(_key(console, "For an hour")).to_contain_text("Expired")
    expect(_key(console, "For a day")).to_contain_text("Workflows: Only this one")
    expect(_key(console, "For a day")).not_to_contain_text("expired", ignore_case=True)


def test_a_rotated_key_works_for_the_chosen_overlap(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Behind two keys", "return 'in';"))
    old = _made(account, {"name": "Turned over", "scopes": ["execute"]})
    console.goto("/settings/keys")
    new = _rotated(console, "Turned over", "Expires in 1 hour")
    assert [account.run(workflow_id, key=key).status_code for key in (old, new)] == [200, 200]
    expect(_key(console, "Turned over").filter(has_text="Replaced")).to_contain_text("Expires")

    newest = _rotated(console, "Turned over", "Expires immediately")
    assert _eventually_refused(account, workflow_id, new).status_code == 401
    assert [account.run(workflow_id, key=key).status_code for key in (old, newest)] == [200, 200]


def _rotated(console: Console, name: str, old: str) -> str:
    console.press(f"Rotate {name}")
    console.page.get_by_label("Old key").select_option(old)
    console.confirm("Rotate")
    shown = console.page.get_by_test_id("shown-once").inner_text()
    console.press("Copy key")
    assert console.page.evaluate("navigator.clipboard.readText()") == shown
    console.press("Done")
    return shown


def _made(account: Account, body: Json) -> str:
    answer = account.http.post(f"/api/workspaces/{account.workspace_id}/api-keys", json=body).raise_for_status()
    return str(answer.json()["key"]["key"])


def _eventually_refused(account: Account, workflow_id: str, key: str) -> httpx2.Response:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := account.run(workflow_id, key=key)).status_code != 401 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def test_the_rate_limit_of_a_key_can_be_raised(console: Console, account: Account) -> None:
    workflow_id = account.publish(answering("Now and then", "return 1;"))
    console.goto("/settings/keys").press("Create key")
    console.page.get_by_role("textbox", name="Name").fill("Twice a minute")
    console.page.get_by_label("Rate limit (calls per minute)").fill("2")
    console.press("Create")
    key = console.page.get_by_test_id("shown-once").inner_text()
    console.press("Done")
    expect(_key(console, "Twice a minute")).to_contain_text("2 calls per minute")
    assert 429 in [account.run(workflow_id, key=key).status_code for _ in range(10)]

    console.press("Edit Twice a minute")
    console.page.get_by_role("textbox", name="Name").fill("Often")
    console.page.get_by_label("Rate limit (calls per minute)").fill("1000")
    console.confirm("Save")
    expect(_key(console, "Often")).to_contain_text("1,000 calls per minute")
    assert account.run(workflow_id, key=key).status_code == 200


def _key(console: Console, name: str) -> Locator:
    return console.page.get_by_role("row", name=re.compile(name))


def test_a_click_outside_does_not_close_a_new_key(console: Console, account: Account) -> None:
    console.goto("/settings/keys").press("Create key")
    console.page.get_by_role("textbox", name="Name").fill("Not copied yet")
    console.press("Create")
    key = console.page.get_by_test_id("shown-once")
    expect(key).to_be_visible()
    console.click_outside().page.wait_for_timeout(300)
    expect(key).to_be_visible()
    console.press("Copy key").press("Done")
    expect(key).to_have_count(0)


def test_a_secret_is_stored_and_never_shown(console: Console, account: Account) -> None:
    console.goto("/settings/secrets")
    console.page.get_by_label("Value").fill("oolong")
    for wrong in ("TEA/KIND", "TEA+KIND", "2ND_TEA"):
        console.page.get_by_role("textbox", name="Name").fill(wrong)
        console.shows("Use letters, digits, “_”, “.” and “-”. Start with a letter or “_”.")
        expect(console.button("Save")).to_be_disabled()
    longest = "TEA_KIND".ljust(128, "S")
    console.page.get_by_role("textbox", name="Name").fill(longest)
    console.press("Save").shows(f"{{{{{longest}}}}}")
    assert "oolong" not in console.page.content()
    workflow_id = account.publish(answering("With a secret", f"return {{{{{longest}}}}};"))
    assert account.run(workflow_id).status_code == 200


def test_a_secret_keeps_its_lines_except_a_trailing_line_end(console: Console, account: Account) -> None:
    console.goto("/settings/secrets").page.get_by_role("textbox", name="Name").fill("PRIVATE_KEY")
    console.page.get_by_label("Value").focus()
    console.page.evaluate("navigator.clipboard.writeText('BEGIN\\nMIIE\\nEND\\n')")
    console.page.keyboard.press("ControlOrMeta+v")
    console.page.keyboard.press("Enter")
    console.shows("{{PRIVATE_KEY}}")
    workflow_id = account.publish(answering("Three lines", "return {{PRIVATE_KEY}}.split('\\n');"))
    assert account.run(workflow_id).json()["output"]["result"] == ["BEGIN", "MIIE", "END"]
