"""Removes secrets and personal data from a recorded run, the same everywhere, so that calls still match."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from flowport.errors import CommandFailed

_KNOWN_SECRETS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs])[-_][A-Za-z0-9_-]{16,}"
    r"|\bgithub_pat_\w{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bAIza[0-9A-Za-z_-]{35}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"
    r"|(?<=[Bb]earer )(?!\{\{)[A-Za-z0-9._~+/=-]{8,}",
    re.DOTALL,
)
_SECRET_NAMES: Final = re.compile(
    r"(?:.*[-_])?(?:api[-_]?key|password|passwd|secret|token|authorization|cookie|set-cookie|private[-_]?key"
    r"|access[-_]?key|x-api-key)",
    re.IGNORECASE,
)
_LEAST_CHARS: Final = 4
"""Shorter values occur everywhere by chance: only whole texts are replaced."""


def scrub(document: Any, redact: Sequence[str]) -> Any:
    """Return a JSON value without known secrets, values of fields with such names, and the values at the paths.

    A path is `part.part…` from the top; `*` matches any part. Raises CommandFailed if a path matches nothing.
    """
    values: dict[str, str] = {}
    for path in redact:
        found = list(_at(document, path.split(".")))
        if not found:
            raise CommandFailed(f"--redact {path} matches nothing in the recorded run")
        _add(values, "redacted", (text for value in found for text in _texts(value)))
    _add(values, "secret", _secrets(document))
    return _replaced(document, values, sorted(values, key=len, reverse=True)) if values else document


def _add(values: dict[str, str], label: str, texts: Iterable[str]) -> None:
    for text in texts:
        if text and text not in values:
            values[text] = f"[{label} {len(values) + 1}]"


def _at(value: Any, parts: Sequence[str]) -> Iterator[Any]:
    if not parts:
        yield value
        return
    for name, item in _members(value):
        if parts[0] in ("*", name):
            yield from _at(item, parts[1:])


def _members(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(str(index), item) for index, item in enumerate(value)] if isinstance(value, list) else []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _KNOWN_SECRETS.findall(value)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and _SECRET_NAMES.fullmatch(name) and "{{" not in item and "<" not in item:
                yield item
            else:
                yield from _secrets(item)


def _replaced(value: Any, values: dict[str, str], longest_first: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _replaced_text(value, values, longest_first)
    if isinstance(value, list):
        return [_replaced(item, values, longest_first) for item in value]
    if isinstance(value, dict):
        return {
            _replaced_text(name, values, longest_first): _replaced(item, values, longest_first)
            for name, item in value.items()
        }
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in values:
        return values[str(value)]
    return value


def _replaced_text(text: str, values: dict[str, str], longest_first: Sequence[str]) -> str:
    if text in values:
        return values[text]
    for value in longest_first:
        if len(value) >= _LEAST_CHARS:
            text = text.replace(value, values[value])
    return text
