"""Structural differences of two JSON values."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Final

import msgspec

from shared.contracts.recordings import Difference
from shared.workflow.format.js_values import Json

MAX_DIFFERENCES: Final = 50
MAX_VALUE_BYTES: Final = 500
"""JSON of one shown value; a longer one is shown as the beginning of its JSON."""
_encode: Final = msgspec.json.Encoder().encode


def differences(before: Json, after: Json, *, ignore: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Return the first differences, in the order of `before`. `ignore` has patterns of paths, with `*` for any text.

    A path has the keys and indexes that lead to a value: `items.0.price`.
    """
    return tuple(islice(_differences(before, after, "", ignore), MAX_DIFFERENCES))


def _differences(before: Json, after: Json, path: str, ignore: Sequence[str]) -> Iterator[Difference]:
    if path and any(fnmatchcase(path, pattern) for pattern in ignore):
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
    before: dict[Any, Json], after: dict[Any, Json], keys: Sequence[Any], path: str, ignore: Sequence[str]
) -> Iterator[Difference]:
    for key in keys:
        inner = f"{path}.{key}" if path else str(key)
        if key in before and key in after:
            yield from _differences(before[key], after[key], inner, ignore)
        elif not any(fnmatchcase(inner, pattern) for pattern in ignore):
            given = _shown(before[key]) if key in before else msgspec.UNSET
            yield Difference(inner, given, _shown(after[key]) if key in after else msgspec.UNSET)


def _shown(value: Json) -> Json:
    raw = _encode(value)
    return value if len(raw) <= MAX_VALUE_BYTES else raw[:MAX_VALUE_BYTES].decode(errors="ignore") + " …"
