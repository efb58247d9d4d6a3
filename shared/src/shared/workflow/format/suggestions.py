"""Nearest valid value for a misspelled one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Final

LEAST_RATIO: Final = 0.6
_MOST_CANDIDATES: Final = 500
_LONGEST: Final = 60
"""Longer words are not typing mistakes, and comparing them takes quadratic time."""


def nearest(word: str, candidates: Iterable[str], *, least: float = LEAST_RATIO) -> str | None:
    """Return the candidate most similar to `word`, regardless of case; None if none is similar."""
    if not 0 < len(word) <= _LONGEST:
        return None
    matcher = SequenceMatcher(b=word.lower(), autojunk=False)
    best, best_ratio = None, least
    for candidate in islice(candidates, _MOST_CANDIDATES):
        matcher.set_seq1(candidate.lower()[:_LONGEST])
        if matcher.real_quick_ratio() < best_ratio or matcher.quick_ratio() < best_ratio:
            continue
        if (ratio := matcher.ratio()) > best_ratio or (best is None and ratio == best_ratio):
            best, best_ratio = candidate, ratio
    return best


def nearest_type(word: str, types: Sequence[str]) -> str | None:
    """Return the type that a name from another language means, else the most similar one."""
    bare = re.split(r"[<(\[]", word.strip().lower(), maxsplit=1)[0]
    meant = _TYPE_SYNONYMS.get("list" if word.endswith("[]") or bare == "array" else bare, ())
    return next((each for each in meant if each in types), None) or nearest(word, types)


_TYPE_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("int", "long", "integer"), ("integer", "number")),
    **dict.fromkeys(("float", "double", "decimal", "numeric"), ("number",)),
    **dict.fromkeys(("bool", "flag"), ("boolean",)),
    **dict.fromkeys(("str", "text", "char"), ("string",)),
    **dict.fromkeys(("list", "tuple", "set"), ("array",)),
    **dict.fromkeys(("dict", "map", "json", "record"), ("object",)),
    **dict.fromkeys(("file", "files"), ("file[]",)),
}


def did_you_mean(suggestion: str | None) -> str:
    """Return the question that ends a message, with a leading space; empty without a suggestion."""
    return f' Did you mean "{suggestion}"?' if suggestion else ""


def one_of(word: str, candidates: Iterable[str]) -> str:
    """Return the end of a message about an invalid value: the nearest valid value, or all of them."""
    known = list(candidates)
    return did_you_mean(nearest(word, known)) or (f" Use one of: {', '.join(known)}." if known else "")
