"""Finds personal data with a recognizable form, and authors' regular expressions, on an engine with bounded cost."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from time import monotonic
from typing import Final

import re2  # type: ignore[import-untyped]  # untyped

from shared.workflow.format.js_values import JsonObject

MAX_MEMORY: Final = 8 << 20
MAX_CACHED: Final = 32
"""Cached patterns. Each retains up to MAX_MEMORY while it is cached."""
MAX_WORK: Final = 500_000_000
"""Characters times instructions: at most about a second of one core."""


class BadPattern(Exception):
    """An unsupported expression; the text says why."""


def pattern_for(text: str, pattern: str) -> "re2._Regexp":
    """Return the expression, ready to search `text`. Raises BadPattern: look-around, back references, too much work."""
    compiled = _compile(pattern)
    if len(text) * compiled.programsize > MAX_WORK:
        raise BadPattern(f"the pattern is too complex for a text of {len(text)} characters")
    return compiled


@lru_cache(maxsize=MAX_CACHED)
def _compile(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    re2.purge()  # the library has another cache of 128 patterns
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        cause = error.args[0] if error.args else b""
        text = cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
        raise BadPattern(f"{text} (look-around and back references are not supported)") from error


MAX_FINDINGS: Final = 100_000
"""More do not fit into an output. Each character may be a finding, and a text has millions."""
MAX_SECONDS: Final = 5.0
"""A pattern may search the whole rest of a text for each finding."""


class SearchLimitExceeded(Exception):
    """The search exceeds a limit; the text says which."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data at a position in the text."""

    kind: str
    start: int
    end: int
    text: str

    def to_json(self) -> JsonObject:
        """Return the finding for the output."""
        return {"type": self.kind, "start": self.start, "end": self.end, "text": self.text}


def _is_card(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_ipv4(text: str) -> bool:
    return all(int(part) <= 255 for part in text.split("."))


def _always(text: str) -> bool:
    return True


_KINDS: Final[Mapping[str, tuple[str, Callable[[str], bool]]]] = {
    "EMAIL_ADDRESS": (r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\b", _always),
    "CREDIT_CARD": (r"\b\d(?:[ -]?\d){12,18}\b", _is_card),
    "IBAN_CODE": (r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _always),
    "US_SSN": (r"\b\d{3}-\d{2}-\d{4}\b", _always),
    "IP_ADDRESS": (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", _is_ipv4),
    "URL": (r"\bhttps?://[^\s<>\"]+", _always),
    "PHONE_NUMBER": (r"(?:\+|\b)\d{1,3}[ .-]?\(?\d{2,4}\)?(?:[ .-]?\d{2,4}){2,4}\b", _always),
}
KINDS: Final = tuple(_KINDS)


def find_personal_data(text: str, kinds: Iterable[str], custom: Mapping[str, str]) -> list[Finding]:
    """Return the findings by position; of overlapping ones, the earlier and longer.

    Raises BadPattern, SearchLimitExceeded.
    """
    deadline = monotonic() + MAX_SECONDS
    wanted = chain(
        ((kind, *_KINDS[kind]) for kind in kinds), ((kind, pattern, _always) for kind, pattern in custom.items())
    )
    found: list[Finding] = []
    for kind, pattern, holds in wanted:
        for finding in _matches(text, kind, pattern, deadline):
            if finding.text and holds(finding.text):
                found.append(finding)
            if len(found) > MAX_FINDINGS:
                raise SearchLimitExceeded(f"The text has more than {MAX_FINDINGS} pieces of personal data")
    return _without_overlaps(sorted(found, key=lambda finding: (finding.start, -finding.end)))


def mask(text: str, findings: Iterable[Finding]) -> str:
    """Replace each finding in the text by the name of its kind."""
    parts: list[str] = []
    position = 0
    for finding in findings:
        parts += [text[position : finding.start], f"<{finding.kind}>"]
        position = finding.end
    return "".join([*parts, text[position:]])


def _matches(text: str, kind: str, pattern: str, deadline: float) -> Iterator[Finding]:
    """Yield matches. Raises SearchLimitExceeded at the deadline, even without findings."""
    matches = pattern_for(text, pattern).finditer(text)
    while monotonic() < deadline:
        match = next(matches, None)
        if match is None:
            return
        yield Finding(kind, match.start(), match.end(), match.group())
    raise SearchLimitExceeded(f"The text could not be searched within {MAX_SECONDS:g} seconds")


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    separate: list[Finding] = []
    for finding in found:
        if not separate or finding.start >= separate[-1].end:
            separate.append(finding)
    return separate
