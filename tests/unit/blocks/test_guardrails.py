"""A check reports its findings. It never breaks the run, and no pattern can exhaust a worker."""

import asyncio
import gc
import threading
from typing import Any

import pytest
import re2  # type: ignore[import-untyped]
from tests.support.blocks.runs import INPUT, Models, echo, engine_of, failure, names, run, run_block
from tests.support.eventually import PATIENCE_MS, PATIENCE_SECONDS
from tests.support.workflow_states import block, chain, edge, workflow

from executor_service.blocks import guardrails
from executor_service.blocks.guardrails import GuardrailsHandler, personal_data
from executor_service.blocks.guardrails.personal_data import KINDS, MAX_CACHED, MAX_FINDINGS
from shared.workflow.catalog.agents import PII_TYPES


async def check(text: str, kind: str, **settings: Any) -> dict[str, Any]:
    """Return the result of a guardrail for a caller's text."""
    given = {"input": "<start.input>", "validationType": kind, **settings}
    result = await run_block("guardrails", GuardrailsHandler(Models("unasked")), {"input": text}, **given)
    assert result.outcome.error is None
    return result.output


async def test_json_passes() -> None:
    assert await check('{"a": 1}', "json") == {"passed": True, "validationType": "json", "input": '{"a": 1}'}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("abc", "Unexpected token 'a', \"abc\" is not valid JSON"),
        ('{"a": 1', "Expected ',' or '}' after property value in JSON at position 7"),
    ],
)
async def test_invalid_json_is_reported_with_javascripts_message(text: str, problem: str) -> None:
    assert await check(text, "json") == {
        "passed": False,
        "validationType": "json",
        "input": text,
        "error": f"Invalid JSON: {problem}",
    }


async def test_a_deeply_nested_list_is_not_json() -> None:
    assert (await check("[" * 100_000, "json"))["passed"] is False


async def test_a_pattern_may_match_anywhere() -> None:
    assert (await check("order 123", "regex", regex=r"\d+"))["passed"] is True


async def test_a_text_that_does_not_match_is_reported() -> None:
    output = await check("order", "regex", regex=r"^\d+$")
    assert (output["passed"], output["error"]) == (False, "Input does not match regex pattern")


@pytest.mark.parametrize("pattern", [r"(?=a)a", r"(a)\1", r"(?<!a)b", "(", r"[\p{L}]{1000}{1000}"])
async def test_an_invalid_pattern_fails_every_text_with_a_reason(pattern: str) -> None:
    output = await check("a", "regex", regex=pattern)
    assert output["passed"] is False
    assert output["error"].startswith("Invalid regex pattern: ")
    assert output["error"].endswith("(look-around and back references are not supported)")


async def test_a_pattern_with_exponential_backtracking_elsewhere_terminates() -> None:
    assert (await check("x" * 100_000, "regex", regex=r"^(x+x+)+y$"))["passed"] is False


async def test_a_pattern_that_is_slow_on_a_long_text_is_refused_in_advance() -> None:
    output = await check("ab" * 100_000, "regex", regex=r"a(.{1,900})(b)(.{0,900})y")
    assert output["error"] == "Invalid regex pattern: the pattern is too complex for a text of 200000 characters"


async def test_a_failed_check_takes_the_error_edge_and_not_the_other() -> None:
    document = workflow(
        INPUT,
        block("g", "guardrails", "Guard", input="<start.input>", validationType="json"),
        echo("ok", "passed"),
        echo("bad", "<guard.error>"),
        edges=(edge("start", "g"), edge("g", "ok"), edge("g", "bad", "error")),
    )
    engine = engine_of({"guardrails": GuardrailsHandler(Models("unasked"))})
    assert (await run(document, engine, {"input": "{}"})).output == {"data": "passed"}
    failed = await run(document, engine, {"input": "["})
    assert names(failed) == ["Start", "Guard", "bad"]
    assert failed.output == {"data": "Invalid JSON: Unexpected end of JSON input"}


PERSONAL = "Write to ada@example.org or call +44 20 7946 0958, card 4111 1111 1111 1111, host 10.0.0.300."


async def test_personal_data_is_found_by_its_form() -> None:
    output = await check(PERSONAL, "pii")
    assert [(entity["type"], entity["text"]) for entity in output["detectedEntities"]] == [
        ("EMAIL_ADDRESS", "ada@example.org"),
        ("PHONE_NUMBER", "+44 20 7946 0958"),
        ("CREDIT_CARD", "4111 1111 1111 1111"),
    ]
    assert output["error"] == "PII detected: EMAIL_ADDRESS (1), PHONE_NUMBER (1), CREDIT_CARD (1)"


async def test_a_text_without_personal_data_passes() -> None:
    output = await check("The sky is blue.", "pii")
    assert (output["passed"], output["detectedEntities"]) == (True, [])


async def test_masking_passes_and_hides_the_findings() -> None:
    output = await check("I am ada@example.org.", "pii", piiEntityTypes=["EMAIL_ADDRESS"], piiMode="mask")
    assert (output["passed"], output["maskedText"]) == (True, "I am <EMAIL_ADDRESS>.")


async def test_only_the_selected_kinds_are_detected() -> None:
    assert (await check(PERSONAL, "pii", piiEntityTypes=["US_SSN"]))["passed"] is True


async def test_authors_can_add_patterns() -> None:
    own = [{"name": "ORDER", "pattern": r"#\d{4}"}]
    output = await check("Where is #1234?", "pii", piiEntityTypes=["US_SSN"], piiCustomPatterns=own, piiMode="mask")
    assert output["maskedText"] == "Where is <ORDER>?"


async def test_a_number_that_resembles_a_card_is_not_a_finding() -> None:
    assert (await check("4111 1111 1111 1112", "pii", piiEntityTypes=["CREDIT_CARD"]))["passed"] is True


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"piiEntityTypes": ["PERSON", "US_SSN"]},
            "Personal data of these types cannot be detected on this server: PERSON",
        ),
        (
            {"piiCustomPatterns": [{"name": "A", "pattern": "("}]},
            "Invalid custom pattern: missing ): ( (look-around and back references are not supported)",
        ),
        (
            {"piiCustomPatterns": [{"name": f"A{n}", "pattern": "a"} for n in range(17)]},
            "More than 16 custom patterns",
        ),
    ],
)
async def test_an_unsupported_kind_is_reported_and_fails_the_check(settings: dict[str, Any], reason: str) -> None:
    output = await check("x", "pii", **settings)
    assert (output["passed"], output["error"]) == (False, reason)


async def test_the_number_of_findings_is_bounded() -> None:
    own = [{"name": "ANY", "pattern": "."}]
    text = "x" * (MAX_FINDINGS + 1)
    output = await check(text, "pii", piiEntityTypes=["US_SSN"], piiCustomPatterns=own, piiMode="mask")
    assert (output["passed"], output["error"]) == (False, "The text has more than 100000 pieces of personal data")
    assert "maskedText" not in output
    assert len((await check(text[1:], "pii", piiCustomPatterns=own))["detectedEntities"]) == MAX_FINDINGS


@pytest.mark.parametrize("pattern", ["(?s)x.*z|x", "(?s)(?:x.*z)?"])
async def test_a_pattern_that_looks_through_the_rest_of_the_text_each_time_is_given_up(
    monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setattr(personal_data, "MAX_SECONDS", 0.5)
    monkeypatch.setattr(personal_data, "MAX_FINDINGS", 10**9)
    own = [{"name": "ANY", "pattern": pattern}]
    output = await check("x" * 10_000_000, "pii", piiEntityTypes=["US_SSN"], piiCustomPatterns=own)
    assert output["error"] == "The text could not be searched within 0.5 seconds"


async def test_patterns_without_findings_share_one_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal_data, "MAX_SECONDS", 0)
    output = await check("nothing", "pii", piiEntityTypes=["US_SSN"])
    assert output["error"] == "The text could not be searched within 0 seconds"


async def test_long_checks_delay_no_other_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, slow = threading.Event(), guardrails._check

    def checked(kind: str, text: str, params: Any) -> Any:
        return slow(kind, text, params) if text == "{}" or go_on.wait(60) else {}

    monkeypatch.setattr(guardrails, "_check", checked)
    engine = engine_of({"guardrails": GuardrailsHandler(Models("unasked"))})
    document = chain(INPUT, block("g", "guardrails", "G", input="<start.input>", validationType="json"))
    patient = {"time_limit_ms": 2 * PATIENCE_MS}
    many = [asyncio.ensure_future(run(document, engine, {"input": "[]"}, **patient)) for _ in range(40)]
    try:
        await asyncio.sleep(0.05)
        other = await asyncio.wait_for(
            run(document, engine, {"input": "{}"}, workspace_id="w2", **patient), PATIENCE_SECONDS
        )
        assert other.output["passed"] is True
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "a thread"), 30) == "a thread"
    finally:
        go_on.set()
        await asyncio.gather(*many)


async def test_an_abandoned_check_occupies_its_slot_until_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on, slow = threading.Event(), guardrails._check

    def checked(kind: str, text: str, params: Any) -> Any:
        return slow(kind, text, params) if text == "{}" or go_on.wait(60) else {}

    monkeypatch.setattr(guardrails, "_check", checked)
    engine = engine_of({"guardrails": GuardrailsHandler(Models("unasked"))}, cancel_seconds=0)
    document = chain(INPUT, block("g", "guardrails", "G", input="<start.input>", validationType="json"))
    try:
        for _ in range(40):
            assert failure(await run(document, engine, {"input": "[]"}, time_limit_ms=10)).startswith("Execution timed")
        patient = {"workspace_id": "w2", "time_limit_ms": 2 * PATIENCE_MS}
        other = await asyncio.wait_for(run(document, engine, {"input": "{}"}, **patient), PATIENCE_SECONDS)
        assert other.output["passed"] is True
    finally:
        go_on.set()


async def test_the_pattern_cache_is_bounded() -> None:
    for number in range(2 * MAX_CACHED):
        await check("order 1", "regex", regex=f"(order|number) {number}")
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, re2._Regexp) and "order|number" in each.pattern]
    assert len(kept) <= MAX_CACHED + 1


def test_the_checks_of_workflows_know_the_types_of_personal_data() -> None:
    assert KINDS == PII_TYPES
