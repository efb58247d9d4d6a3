"""Nearest valid value for a misspelled one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Final

LEAST_RATIO: Final = 0.6
_CLOSE_RATIO: Final = 0.65
"""Least similarity of a value beside a list of all valid ones: FETCH is not meant as PATCH."""
_MOST_LISTED: Final = 10
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


def nearest_of_few(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `word` means; None if it is only the most similar one, since a message lists all."""
    return nearest(word, candidates, least=_CLOSE_RATIO)


def one_of(word: str, candidates: Iterable[str], meant: str | None = None) -> str:
    """Return the end of a message about an invalid value: the one that is `meant`, and all valid ones if few."""
    known = list(candidates)
    is_few = len(known) <= _MOST_LISTED
    near = meant or (nearest_of_few(word, known) if is_few else nearest(word, known))
    listed = f" Use one of: {', '.join(known)}." if known and (is_few or near is None) else ""
    return f"{did_you_mean(near)}{listed}"
