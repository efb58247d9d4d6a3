"""Checks a text. A failed check does not fail the block: it sets `error`, which selects the error edge."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from executor_service.blocks.guardrails.hallucination import check_hallucination
from executor_service.blocks.guardrails.personal_data import (
    KINDS,
    BadPattern,
    SearchLimitExceeded,
    find_personal_data,
    mask,
    pattern_for,
)
from executor_service.blocks.ports import ModelServer
from executor_service.blocks.values import text_of
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from shared.concurrency_slots import ConcurrencySlots
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, to_string
from shared.workflow.format.json_problems import json_problem

MAX_CUSTOM_PATTERNS: Final = 16
CHECKS: Final = 4
"""Concurrent checks: this process has at least one more thread, for work that must not wait behind them."""


class GuardrailsHandler(BlockHandler):
    """JSON, a regular expression, personal data, or hallucinations."""

    def __init__(self, models: ModelServer) -> None:
        self._models = models
        self._slots = ConcurrencySlots(CHECKS)

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Check the text."""
        params = inputs.params
        text = text_of(params.get("input"))
        kind = to_string(params.get("validationType") or "json")
        if kind == "hallucination":
            result = await check_hallucination(self._models, call, text, params)
        else:
            async with self._slots.hold(call.request.workspace_id):
                result = BlockResult(await _in_thread(kind, text, params))
        output = {"passed": result.output["passed"], "validationType": kind, "input": text, **result.output}
        return msgspec.structs.replace(result, output=output)


async def _in_thread(kind: str, text: str, params: JsonObject) -> JsonObject:
    """Check in a thread. Threads cannot be stopped: this ends with the thread, even if the run was stopped."""
    check = asyncio.ensure_future(asyncio.to_thread(_check, kind, text, params))
    try:
        return await asyncio.shield(check)
    finally:
        await asyncio.wait([check])


def _check(kind: str, text: str, params: JsonObject) -> JsonObject:
    match kind:
        case "json":
            problem = json_problem(text)
            return _verdict(None if problem is None else f"Invalid JSON: {problem}")
        case "regex":
            return _verdict(_regex_problem(text, to_string(params.get("regex") or "")))
        case "pii":
            return _personal_data(text, params)
        case _:
            return _verdict(f"Unknown validation type: {kind}")


def _verdict(problem: str | None) -> JsonObject:
    return {"passed": True} if problem is None else {"passed": False, "error": problem}


def _regex_problem(text: str, pattern: str) -> str | None:
    if not pattern:
        return "No regex pattern is given"
    try:
        found = pattern_for(text, pattern).search(text)
    except BadPattern as error:
        return f"Invalid regex pattern: {error}"
    return None if found else "Input does not match regex pattern"


def _personal_data(text: str, params: JsonObject) -> JsonObject:
    wanted = [to_string(kind) for kind in parse_list(params.get("piiEntityTypes"))]
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown:
        return _verdict(f"Personal data of these types cannot be detected on this server: {', '.join(unknown)}")
    custom = _custom_patterns(params.get("piiCustomPatterns"))
    if len(custom) > MAX_CUSTOM_PATTERNS:
        return _verdict(f"More than {MAX_CUSTOM_PATTERNS} custom patterns")
    try:
        findings = find_personal_data(text, wanted or KINDS, custom)
    except BadPattern as error:
        return _verdict(f"Invalid custom pattern: {error}")
    except SearchLimitExceeded as error:
        return _verdict(str(error))
    shown: JsonObject = {"detectedEntities": [finding.to_json() for finding in findings]}
    if params.get("piiMode") == "mask":
        return {"passed": True, **shown, "maskedText": mask(text, findings)}
    counts = Counter(finding.kind for finding in findings)
    summary = ", ".join(f"{kind} ({count})" for kind, count in counts.items())
    return {**_verdict(f"PII detected: {summary}" if counts else None), **shown}


def _custom_patterns(value: Json) -> Mapping[str, str]:
    entries = [entry for entry in parse_list(value) if isinstance(entry, dict)]
    named = ((entry.get("name"), entry.get("pattern") or entry.get("regex")) for entry in entries)
    return {to_string(name): to_string(pattern) for name, pattern in named if name and pattern}
