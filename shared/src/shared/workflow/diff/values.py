"""Structural differences of two JSON values."""

import re
from collections.abc import Callable, Iterator, Sequence
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
"""A longer path matches no pattern: matching takes as many steps as path and pattern have characters, multiplied."""
CACHED_PATTERNS: Final = 256
_Patterns = Sequence[Callable[[str], object]]
_encode: Final = msgspec.json.Encoder().encode


def differences(before: Json, after: Json, *, ignore: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Return the first differences, in the order of `before`. `ignore` has patterns of paths, with `*` for any text.

    A path has the keys and indexes that lead to a value: `items.0.price`.
    """
    patterns = [_compiled(pattern).match for pattern in ignore]
    return tuple(islice(_differences(before, after, "", patterns), MAX_DIFFERENCES))


def _differences(before: Json, after: Json, path: str, ignore: _Patterns) -> Iterator[Difference]:
    if path and _is_ignored(path, ignore):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        keys = dict.fromkeys((*before, *after))
        yield from _of_parts(before, after, list(keys), path, ignore)
    elif isinstance(before, list) and isinstance(after, list):
        old, new = dict(enumerate(before)), dict(enumerate(after))
        yield from _of_parts(old, new, range(max(len(before), len(after))), path, ignore)
    elif type(before) is not type(after) or before != after:
        yield Difference(path, _shown(before), _shown(after))


def _of_parts(
    before: dict[Any, Json], after: dict[Any, Json], keys: Sequence[Any], path: str, ignore: _Patterns
) -> Iterator[Difference]:
    for key in keys:
        inner = f"{path}.{key}" if path else str(key)
        if key in before and key in after:
            yield from _differences(before[key], after[key], inner, ignore)
        elif not _is_ignored(inner, ignore):
            given = _shown(before[key]) if key in before else msgspec.UNSET
            yield Difference(inner, given, _shown(after[key]) if key in after else msgspec.UNSET)


@lru_cache(CACHED_PATTERNS)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _is_ignored(path: str, ignore: _Patterns) -> bool:
    return len(path) <= MAX_PATH_CHARS and any(matches(path) for matches in ignore)


def _shown(value: Json) -> Json:
    raw = _encode(value)
    return value if len(raw) <= MAX_VALUE_BYTES else raw[:MAX_VALUE_BYTES].decode(errors="ignore") + " …"
