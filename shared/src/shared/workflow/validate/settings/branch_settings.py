"""Branches of conditions and routers."""

import re
from collections.abc import Generator, Iterable
from itertools import islice
from typing import Final

from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import JsonObject, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block
from shared.workflow.format.references import parse_text
from shared.workflow.format.suggestions import one_of
from shared.workflow.validate.settings.literals import Found

_TITLES: Final = ("if", "else if", "else")
_EXPRESSIONS: Final = ("expression", "condition", "if", "when")
"""Other names of a branch's value."""
_ARROW: Final = re.compile(r"\s*(?:<[^<>]+>|[\w.]+)\s*=>")
_ASSIGNMENT: Final = re.compile(r"\s*(?:<[^<>]+>|\w)[\w.]*\s*=(?![=>]|<\s)")
_ASSIGNED_PART: Final = re.compile(r"(?:&&|\|\|)\s*\w[\w.]*\s*=(?![=<>])")
"""Assignment to an expression with an operator, which is a syntax error."""
_THOUSANDS: Final = re.compile(r"[^()\[\]{},]*(?:[<>]=?|===?)\s*(?P<number>[1-9][0-9]{0,2}(?:,[0-9]{3})+)\s*")
_ALWAYS: Final = re.compile(r"[^?]*[=!]==?[^?]*\|\|\s*(?P<last>\"[^\"\\]+\"|'[^'\\]+'|[1-9][0-9]*)")
"""Comparison, or a text or number, which alone is true."""
_LONGEST: Final = 300
"""Longer expressions are not searched for it, which takes time."""
_TEXT: Final = re.compile(r"\"[^\"]+\"|'[^']+'|`[^`$]+`")
_STRING: Final = re.compile(r"(?<!\\)(?P<quote>[\"'`])(?:\\.|(?!(?P=quote))[^\\])*+(?P=quote)", re.DOTALL)
METHODS: Final = {
    "lower": "toLowerCase()",
    "upper": "toUpperCase()",
    "strip": "trim()",
    "startswith": "startsWith(…)",
    "endswith": "endsWith(…)",
    "contains": "includes(…)",
    "equals": "=== …",
    "length": "length",
    "size": "length",
}
"""Methods of texts in other languages, and their equivalents."""
_METHOD: Final = re.compile(r"\.(lower|upper|strip|startswith|endswith|contains|equals|length|size)\(")
_RANGE: Final = re.compile(
    r"(?:^|&&|\|\||\()\s*[\w.]{1,100}\s*[<>]=?\s*[\w.]{1,100}\s*[<>]=?\s*[\w.]{1,100}\s*(?:$|&&|\|\||\))"
)
_BOUND: Final = re.compile(
    r"(?P<reference><[\w.-]{1,200}>)\s*(?P<side>[<>])(?P<equal>=)?\s*(?P<number>-?\d{1,15}(?:\.\d{1,9})?)"
)
"""Comparison of a reference with a number."""
_MOST_COMPARED: Final = 100
"""Earlier branches with which each one is compared."""
_CHANGING: Final = re.compile(r"\b(?:random|now|Date)\b")
"""Parts of expressions whose value differs from one evaluation to the next."""


def condition_problems(block: Block) -> Found:
    """Yield the problems of a condition's branches."""
    branches = yield from _entries(block, "conditions", "a condition without branches leads nowhere")
    titles = [to_string(each.get("title") or "").strip().lower() for each in branches]
    keys: set[str] = set()
    expressions: dict[str, int] = {}
    for number, (branch, title) in enumerate(zip(branches, titles, strict=True), 1):
        where = ("conditions", str(number - 1))
        name = f'branch {number} ("{branch.get("title") or ""}")'
        key, value = to_string(branch.get("id") or ""), to_string(branch.get("value") or "").strip()
        if title == "else":
            if "else" in titles[number:]:
                yield where, f"{name} is followed by another else, which is never reached. Remove one"
            elif number < len(branches) and "else" not in titles[: number - 1]:
                yield where, f"{name} comes before other branches, which are never reached. Move it to the end"
        elif title and title not in _TITLES:
            yield where, f"{name} has an unknown title.{one_of(title, _TITLES)}"
        elif not value and (other := next((key for key in _EXPRESSIONS if branch.get(key)), None)):
            yield where, f"{name} has its expression in {other}, where it is ignored. Write it in value"
        elif text := expression_problem(value):
            yield where, f"{name} {text}"
        elif covering := _covering(value, expressions):
            first = expressions[covering]
            yield where, f"{name} is never chosen, because branch {first} covers it. Put it before branch {first}"
        elif value in expressions and not _CHANGING.search(value):
            yield where, f"{name} is never chosen: branch {expressions[value]} has the same expression. Change one"
        expressions.setdefault(value, number)
        if not key:
            yield where, f"{name} has no id, so no edge can leave from it"
        elif key in keys and "else" not in titles[: number - 1]:
            yield where, f"{name} has the id of an earlier branch: {key}"
        keys.add(key)


def _covering(expression: str, earlier: Iterable[str]) -> str | None:
    """Return the earlier expression that is true whenever a comparison of a reference with a number is."""
    given = _BOUND.fullmatch(expression)
    for each in islice(earlier, _MOST_COMPARED) if given else ():
        other = _BOUND.fullmatch(each)
        if given and other and other["reference"] == given["reference"] and other["side"] == given["side"]:
            sign = 1 if given["side"] == ">" else -1
            margin = sign * (float(given["number"]) - float(other["number"]))
            if margin > 0 or (margin == 0 and other["equal"] and not given["equal"]):
                return each
    return None


def expression_problem(expression: str) -> str | None:
    """Return the problem of a branch's expression, after the branch's name; None if none is found."""
    if not expression:
        return "has no expression and is never chosen"
    typed = _STRING.sub('""', "".join(part if isinstance(part, str) else "x" for part in parse_text(expression).parts))
    is_plain = "/" not in typed and "`" not in typed  # no pattern or template
    if _ASSIGNMENT.match(expression) or (is_plain and _ASSIGNED_PART.search(typed)):
        return 'assigns with "=". To compare, write "==="'
    if _ARROW.match(expression):
        return 'is a function, which is always true: "=>" does not compare. Did you mean ">="?'
    return _misread(typed) or _always_true(expression) or _never_true(expression)


def _misread(typed: str) -> str | None:
    """Return the problem of an expression, whose texts are empty, that JavaScript reads differently."""
    if "/" not in typed and (match := _METHOD.search(typed)):  # no pattern
        return f"calls .{match[1]}(), which JavaScript does not have. Did you mean .{METHODS[match[1]]}?"
    if match := _THOUSANDS.fullmatch(typed):
        return f"compares with {match['number']}, which ends at the comma. Write {match['number'].replace(',', '')}"
    return "compares twice in a row. Join two comparisons with &&" if _RANGE.search(typed) else None


def _always_true(expression: str) -> str | None:
    if len(expression) <= _LONGEST and (match := _ALWAYS.fullmatch(expression)):
        return f"is always true, because {match['last']} alone is. Compare again after ||: … === {match['last']}"
    return "is a text, which is always true. Remove its quotes" if _TEXT.fullmatch(expression) else None


def _never_true(expression: str) -> str | None:
    """Return that no number is within the bounds that an expression joins with `&&`, all of one reference."""
    bounds = [_BOUND.fullmatch(each.strip()) for each in expression.split("&&")]
    found = [each for each in bounds if each]
    if len(found) < len(bounds) or len({each["reference"] for each in found}) != 1:
        return None
    above = max((each for each in found if each["side"] == ">"), key=_strictness, default=None)
    below = min((each for each in found if each["side"] == "<"), key=_strictness, default=None)
    if above is None or below is None or _strictness(above) < _strictness(below):
        return None
    if float(above["number"]) == float(below["number"]) and above["equal"] and below["equal"]:
        return None
    sides = [f"{each['side']}{each['equal'] or ''} {each['number']}" for each in (above, below)]
    return f"is never true, because no number is {sides[0]} and {sides[1]}. For either, write ||"


def _strictness(bound: re.Match[str]) -> float:
    return float(bound["number"])


def router_problems(block: Block) -> Found:
    """Yield the problems of a router's routes."""
    routes = yield from _entries(block, "routes", "a router without routes fails")
    seen: dict[tuple[str, str], int] = {}
    for number, route in enumerate(routes, 1):
        where = ("routes", str(number - 1))
        if not to_string(route.get("value") or "").strip():
            yield where, f"route {number} has no description for the model to choose by"
        for key, what in (("title", "title"), ("value", "description")):
            text = to_string(route.get(key) or "").strip()
            first = seen.setdefault((key, text.lower()), number)
            if text and first < number:
                yield (
                    where,
                    f"route {number} has the {what} of route {first}, so the model cannot tell them apart. Change one",
                )
                break


def _entries(block: Block, setting: str, without: str) -> Generator[tuple[str, str], None, list[JsonObject]]:
    """Return the entries of a setting; report that they cannot be read, or `without` any."""
    stored = block.value(setting)
    if isinstance(stored, str) and stored.strip() and (problem := json_problem(stored)):
        yield setting, f"the {setting} are not valid JSON: {problem}"
        return []
    found = [each for each in parse_list(stored) if isinstance(each, dict)]
    if not found:
        yield setting, without
    return found
