"""The workflows that are measured, as a person would import them."""

from typing import Any

START = "b0000000-0000-4000-8000-000000000001"
LAST = "b0000000-0000-4000-8000-000000000002"
TOKENS = 200


def no_op() -> dict[str, Any]:
    """A start and a response: everything but the work."""
    response = {"dataMode": "json", "data": '{"ok": true}'}
    return _document("Bench no-op", _block(LAST, "response", "Answer", response))


def streaming() -> dict[str, Any]:
    """A start and an agent that says back what it was sent, word by word."""
    agent = {"model": "echo", "messages": [{"role": "user", "content": "<start.input>"}]}
    return _document("Bench stream", _block(LAST, "agent", "Agent 1", agent))


def words(count: int = TOKENS) -> str:
    """An input that the echo model answers with `count` tokens."""
    return " ".join(f"w{number:03d}" for number in range(count))


def _document(name: str, last: dict[str, Any]) -> dict[str, Any]:
    start = _block(START, "start_trigger", "Start", {"inputFormat": []})
    edge = {"id": "e1", "source": START, "target": LAST, "sourceHandle": "source", "targetHandle": "target"}
    state = {"blocks": {START: start, LAST: last}, "edges": [edge], "loops": {}, "parallels": {}, "variables": {}}
    return {"version": "1.0", "workflow": {"name": name}, "state": {**state, "metadata": {"name": name}}}


def _block(block_id: str, kind: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    sub_blocks = {key: {"id": key, "type": "short-input", "value": value} for key, value in values.items()}
    position = {"x": 0, "y": 0}
    return {
        "id": block_id,
        "type": kind,
        "name": name,
        "position": position,
        "subBlocks": sub_blocks,
        "outputs": {},
        "enabled": True,
    }
