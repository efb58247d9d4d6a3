"""Imported workflows that start by a schedule or another service, or that call one."""

import pytest
from tests.support.workflow_states import block, chain, start

from shared.workflow.catalog import Catalog, UnsupportedBlock
from shared.workflow.catalog.replacements import REPLACEMENTS
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import JsonObject, object_of
from shared.workflow.format.reader import read_state
from shared.workflow.transfer.conversions import Replaced, with_api_start, with_replacements
from shared.workflow.validate.validator import problems

CATALOG = Catalog()
ANSWER = block("f", name="Answer", code="return <mail.email.subject> + <mail.sender>")


def trigger(kind: str, name: str = "Mail") -> JsonObject:
    return {**block("t", kind, name), "triggerMode": True}


@pytest.mark.parametrize("kind", ["schedule", "gmail_v2", "generic_webhook"])
def test_a_trigger_that_nothing_fires_becomes_an_api_start(kind: str) -> None:
    state, name = with_api_start(chain(trigger(kind), ANSWER))
    assert name == "Mail"
    assert problems(compile_workflow(state), catalog=CATALOG) == []
    fields = read_state(state).blocks["t"].value("inputFormat")
    assert fields == [
        {"id": "email", "name": "email", "type": "object"},
        {"id": "sender", "name": "sender", "type": "string"},
    ]


def test_a_workflow_that_calls_can_start_stays_as_it_is() -> None:
    state = chain(start(), ANSWER)
    assert with_api_start(state) == (state, None)


def test_a_block_for_another_service_becomes_a_call_of_its_api() -> None:
    message = block("s", "slack", "Tell", channel="C1", text="Hi <start.who>", operation="send")
    state, replaced = with_replacements(chain(start({"name": "who"}), message), catalog=CATALOG)
    assert replaced == [Replaced("Tell", "Slack message", "SLACK_TOKEN")]
    assert problems(compile_workflow(state), catalog=CATALOG) == []
    tell = read_state(state).blocks["s"]
    assert (tell.type, tell.name, tell.value("url")) == ("api", "Tell", "https://slack.com/api/chat.postMessage")
    assert "Bearer {{SLACK_TOKEN}}" in str(tell.value("headers"))
    assert str(tell.value("body")).split() == ["{", '"channel":', '"C1",', '"text":', '"Hi', '<start.who>"', "}"]


def test_a_block_that_does_something_else_stays() -> None:
    state = chain(start(), block("s", "slack", "Read", operation="read"))
    assert with_replacements(state, catalog=CATALOG) == (state, [])


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_every_replacement_is_named_and_can_run(kind: str) -> None:
    refusal = CATALOG.find(f"{kind}_v2")
    assert isinstance(refusal, UnsupportedBlock)
    assert f"{{{{{REPLACEMENTS[kind].secret}}}}}" in refusal.message
    state, replaced = with_replacements(chain(start(), block("s", f"{kind}_v2", "Tell")), catalog=CATALOG)
    assert len(replaced) == 1
    assert problems(compile_workflow(state), catalog=CATALOG) == []
    assert "TODO-" in str(object_of(state["blocks"])["s"])


@pytest.mark.parametrize("kind", ["table_v2", "file_v4", "file_v5", "knowledge"])
def test_a_newer_version_of_an_unsupported_type_gets_the_helpful_sentence(kind: str) -> None:
    refusal = CATALOG.find(kind)
    assert isinstance(refusal, UnsupportedBlock)
    assert "API block" in refusal.message
