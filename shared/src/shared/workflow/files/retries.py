"""Retries of a block in a file."""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.suggestions import one_of

_RANGES: Final[Mapping[str, tuple[int, int]]] = {"maxTries": (2, 5), "waitBetweenTriesMs": (0, 5000)}


def retry_problems(retry: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the problems of `retry`, each with its key."""
    for key, value in retry.items():
        if key not in _RANGES:
            if key != "enabled":
                yield key, f'retry has no "{key}".{one_of(key, _RANGES)}'
        elif not is_number(value) or not _RANGES[key][0] <= value <= _RANGES[key][1]:  # type: ignore[operator]
            low, high = _RANGES[key]
            yield key, f"{key} must be a number from {low} to {high}"


def is_number(value: Json) -> bool:
    """Return whether a value is a number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)
