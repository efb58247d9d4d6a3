"""The list of models: found by name, with price, context window and what a provider lacks."""

import re

import pytest
from playwright.sync_api import Locator, expect
from tests.browser.console import Account, Console
from tests.browser.workflows import talking


def _panel(console: Console, account: Account, name: str) -> str:
    """Open the settings of an agent; return the workflow's id."""
    workflow_id = account.import_(talking(name))
    console.goto(f"/workflows/{workflow_id}").block("Agent 1").click()
    return workflow_id


def _model(console: Console) -> Locator:
    return console.page.get_by_role("textbox", name="Model", exact=True)


def _stored(account: Account, workflow_id: str, setting: str) -> object:
    return account.draft(workflow_id)["blocks"]["agent"]["subBlocks"][setting]["value"]


def test_a_model_is_found_and_chosen_by_keyboard(console: Console, account: Account) -> None:
    workflow_id = _panel(console, account, "Chosen by keyboard")
    console.button("Choose a model").focus()
    console.page.keyboard.press("Enter")
    search = console.page.get_by_role("combobox", name="Search models and providers")
    expect(search).to_be_focused()
    search.press_sequentially("openai gpt-5-mini")
    option = console.page.get_by_role("option", name=re.compile("GPT-5 mini"))
    expect(option).to_have_attribute("aria-selected", "true")
    expect(option).to_contain_text("400K context · $0.25 in, $2 out")
    search.press("Enter")
    expect(_model(console)).to_have_text("gpt-5-mini")
    expect(console.button("Choose a model")).to_be_focused()
    console.saved()
    assert _stored(account, workflow_id, "model") == "gpt-5-mini"


def test_a_provider_that_is_not_configured_names_its_variable(console: Console, account: Account) -> None:
    account.set_secret("GROQ_API_KEY", "gsk-1")
    workflow_id = _panel(console, account, "Not configured")
    console.press("Choose a model").page.get_by_role("combobox").fill("groq gpt-oss-120b")
    expect(console.page.get_by_role("group", name=re.compile("Groq · GROQ_API_KEY not set"))).to_be_visible()
    console.page.keyboard.press("Enter")
    console.shows("Groq is not configured: set GROQ_API_KEY on executor-service, or an API key in this block.")
    console.press("Use secret GROQ_API_KEY").saved()
    expect(console.page.get_by_text("Groq is not configured")).to_have_count(0)
    assert _stored(account, workflow_id, "apiKey") == "{{GROQ_API_KEY}}"


@pytest.mark.full
def test_any_other_name_can_be_used(console: Console, account: Account) -> None:
    workflow_id = _panel(console, account, "Of our own server")
    console.press("Choose a model")
    search = console.page.get_by_role("combobox")
    console.page.get_by_role("option", name=re.compile("^vLLM")).click()
    expect(search).to_have_value("vllm/")
    search.press_sequentially("ours")
    console.page.get_by_role("option", name=re.compile("Use this name")).click()
    console.saved()
    assert _stored(account, workflow_id, "model") == "vllm/ours"


@pytest.mark.full
def test_the_panel_shows_the_settings_that_the_model_takes(console: Console, account: Account) -> None:
    _panel(console, account, "Settings of a model")
    page = console.page
    console.write("Model", "gpt-5-mini")
    expect(page.get_by_label("Temperature")).to_have_count(0)
    page.get_by_text("More settings").click()
    expect(page.get_by_role("textbox", name="Reasoning Effort")).to_be_visible()
    console.write("Model", "gpt-4.1")
    expect(page.get_by_label("Temperature")).to_be_visible()
    expect(page.get_by_role("textbox", name="Reasoning Effort")).to_have_count(0)
    page.get_by_label("Temperature").fill("0.5")
    console.write("Model", "gpt-5-mini")
    expect(page.get_by_label("Temperature")).to_have_value("0.5")  # a value is never hidden


def test_a_setting_keeps_its_position_while_it_is_edited(console: Console, account: Account) -> None:
    _panel(console, account, "Settings while editing")
    page = console.page
    console.write("Model", "gpt-4.1")
    temperature = page.get_by_label("Temperature")
    temperature.fill("0.5")
    console.write("Model", "gpt-5-mini")
    temperature.fill("")
    expect(temperature).to_be_focused()
    temperature.press_sequentially("1")
    expect(temperature).to_have_value("1")
    page.get_by_text("More settings").click()
    rare = page.get_by_role("textbox", name="Previous Interaction ID")
    rare.click()
    page.keyboard.type("run-1")
    expect(rare).to_have_text("run-1")
    expect(rare).to_be_focused()
