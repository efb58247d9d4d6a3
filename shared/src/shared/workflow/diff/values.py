"""Structural differences of two JSON values."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import msgspec

from shared.contracts.recordings import Difference
from shared.workflow.format.js_values import Json

MAX_DIFFERENCES: Final = 50
MAX_VALUE_BYTES: Final = 500
"""JSON of one shown value; a longer one is shown as the beginning of its JSON."""
MAX_PATH_CHARS: Final = 1_000
"""Longer paths match no pattern: the cost of a match is the product of both lengths."""
MAX_STEPS: Final = 100_000_000
"""Steps of matching in one comparison, about a second. Fields after them match no pattern."""
CACHED_PATTERNS: Final = 256
_encode: Final = msgspec.json.Encoder().encode


def differences(before: Json, after: Json, *, ignore: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Return the first differences, in the order of `before`. `ignore` has patterns of paths, with `*` for any text.

    A path has the keys and indexes that lead to a value: `items.0.price`.
    """
    return tuple(islice(_differences(before, after, "", _Ignored(ignore)), MAX_DIFFERENCES))


class _Ignored:
    """Paths that match a pattern."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._matches = [_compiled(pattern).match for pattern in patterns]
        self._pattern_chars = sum(map(len, patterns))
        self._steps = 0

    def __contains__(self, path: str) -> bool:
        if not path or not self._matches or len(path) > MAX_PATH_CHARS or self._steps > MAX_STEPS:
            return False
        self._steps += len(path) * self._pattern_chars
        return any(matches(path) for matches in self._matches)


def _differences(before: Json, after: Json, path: str, ignored: _Ignored) -> Iterator[Difference]:
    """Yield differences. Only paths that lead to one are matched with the patterns: most values are equal."""
    found = _unfiltered(before, after, path, ignored)
    first = next(found, None)
    if first is not None and path not in ignored:
        yield first
        yield from found


def _unfiltered(before: Json, after: Json, path: str, ignored: _Ignored) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = dict.fromkeys((*before, *after))
        yield from _of_parts(before, after, list(keys), path, ignored)
    elif isinstance(before, list) and isinstance(after, list):
        old, new = dict(enumerate(before)), dict(enumerate(after))
        yield from _of_parts(old, new, range(max(len(before), len(after))), path, ignored)
    elif type(before) is not type(after) or before != after:
        yield Difference(path, _shown(before), _shown(after))


def _of_parts(
    before: dict[Any, Json], after: dict[Any, Json], keys: Sequence[Any], path: str, ignored: _Ignored
) -> Iterator[Difference]:
    for key in keys:
        inner = f"{path}.{key}" if path else str(key)
        if key in before and key in after:
            yield from _differences(before[key], after[key], inner, ignored)
        elif inner not in ignored:
            given = _shown(before[key]) if key in before else msgspec.UNSET
            yield Difference(inner, given, _shown(after[key]) if key in after else msgspec.UNSET)


@lru_cache(CACHED_PATTERNS)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _shown(value: Json) -> Json:
    raw = _encode(value)
    return value if len(raw) <= MAX_VALUE_BYTES else raw[:MAX_VALUE_BYTES].decode(errors="ignore") + " …"
