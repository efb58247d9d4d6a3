"""What of a run's output is the answer."""

from typing import Any, Final

import msgspec

_SPEAKING: Final = ("content", "result", "data")
_decode: Final = msgspec.json.Decoder().decode


def spoken(output: bytes) -> Any:
    """What the run has to say: an agent's content, a function's result, a response's data; otherwise all of it."""
    value = _decode(output)
    if isinstance(value, dict):
        return next((value[key] for key in _SPEAKING if value.get(key) is not None), value)
    return value
