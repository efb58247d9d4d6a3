"""Every case that was observed on a running Sim, on our engine."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from tests.conformance.cases import CASES
from tests.conformance.matching import differences
from tests.conformance.system import EngineSystem
from tests.support.http_stub import HttpStub, answer_of
from tests.support.model_server import ModelServer, Reply, ToolCall

from executor_service.sandbox import JavaScriptSandbox

TOKENS_PER_ANSWER = 5
PROMPT_TOKENS = 10
MODEL = "test"


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[JavaScriptSandbox]:
    async with JavaScriptSandbox() as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case_id", CASES)
async def test_a_case_ends_as_it_was_observed(case_id: str, models: ModelServer, sandbox: JavaScriptSandbox) -> None:
    async with HttpStub() as http:
        case = CASES[case_id].at(f"localhost:{http.port}")
        http.answer(*(answer_of(stub) for stub in case.stubs.get("http", [])))
        models.answer(MODEL, *_replies(case_id, case.stubs.get("llm", [])))
        observed = await EngineSystem(sandbox).run(case, models.url)
    assert differences(case, observed) == []


def _replies(case_id: str, turns: list[dict[str, Any]]) -> list[Reply]:
    if case_id == "K09":
        call = _reply({"tool_calls": [{"name": "custom_add", "arguments": {"a": 1, "b": 1}}]})
        return [*[call] * 21, _reply({"content": "gave up"})]
    return [_reply(turn) for turn in turns]


def _reply(turn: dict[str, Any]) -> Reply:
    """Each call uses as many tokens as the stub of the observed system reported."""
    text = turn.get("content") or ""
    calls = tuple(ToolCall(call["name"], call["arguments"]) for call in turn.get("tool_calls", []))
    tokens = (text, *[""] * (TOKENS_PER_ANSWER - 1))
    return Reply(tokens=tokens, tool_calls=calls, prompt_tokens=PROMPT_TOKENS)
