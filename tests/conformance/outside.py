"""Outside servers of a case: its models and its HTTP server, with the answers of its stubs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conformance.cases import CASES, Case
from tests.support.http_stub import HttpStub, answer_of
from tests.support.model_server import ModelServer, Reply, ToolCall

MODEL = "test"
TOKENS_PER_ANSWER = 5
PROMPT_TOKENS = 10


@asynccontextmanager
async def outside(case_id: str, models: ModelServer) -> AsyncIterator[Case]:
    """Yield the case, with the address of its HTTP server in it."""
    async with HttpStub() as http:
        case = CASES[case_id].at(f"localhost:{http.port}")
        http.answer(*(answer_of(stub) for stub in case.stubs.get("http", [])))
        models.answer(MODEL, *_replies(case_id, case.stubs.get("llm", [])))
        yield case


def _replies(case_id: str, turns: list[dict[str, Any]]) -> list[Reply]:
    if case_id == "K09":
        call = _reply({"tool_calls": [{"name": "custom_add", "arguments": {"a": 1, "b": 1}}]})
        return [*[call] * 21, _reply({"content": "gave up"})]
    return [_reply(turn) for turn in turns]


def _reply(turn: dict[str, Any]) -> Reply:
    """Return the stub's reply. Each call uses as many tokens as the stub of the observed system reported."""
    text = turn.get("content") or ""
    calls = tuple(ToolCall(call["name"], call["arguments"]) for call in turn.get("tool_calls", []))
    tokens = (text, *[""] * (TOKENS_PER_ANSWER - 1))
    return Reply(tokens=tokens, tool_calls=calls, prompt_tokens=PROMPT_TOKENS)
