"""Answer text of a run's output."""

from typing import Any, Final

import msgspec

_ANSWER_KEYS: Final = ("content", "result", "data")
_decode: Final = msgspec.json.Decoder().decode


def answer_in_output(output: bytes) -> Any:
    """Return the answer: an agent's content, a function's result, a response's data; otherwise the whole output."""
    value = _decode(output)
    if isinstance(value, dict):
        return next((value[key] for key in _ANSWER_KEYS if value.get(key) is not None), value)
    return value
