"""Settings of functions, waits, guardrails, variables blocks and called workflows."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

from shared.contracts.problems import Problem
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.agents import PII_TYPES
from shared.workflow.catalog.logic import code_text
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, is_enabled, object_of, to_number, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import parse_text
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_type, one_of
from shared.workflow.validate.settings.containers import scalar_type
from shared.workflow.validate.settings.input_fields import VARIABLE_TYPES, declared_types, fits_type
from shared.workflow.validate.settings.literals import Found, is_literal, is_one_number, parsed, setting_warning, shown

_SHORT_WAIT_SECONDS: Final = 300
_LONG_WAIT_SECONDS: Final = 30 * 86_400
_SHORT_UNITS: Final = {"seconds": 1, "minutes": 60}
_LONG_UNITS: Final = {"minutes": 60, "hours": 3_600, "days": 86_400}
TIME_UNITS: Final = {
    **dict.fromkeys(("s", "sec", "secs"), "seconds"),
    **dict.fromkeys(("m", "min", "mins"), "minutes"),
    **dict.fromkeys(("h", "hr", "hrs"), "hours"),
    "d": "days",
}
"""Abbreviations of units."""
_NEVER_FITTING: Final[Mapping[str, tuple[str, ...]]] = {
    "boolean": ("number",),
    "array": ("number", "boolean"),
    "object": ("number", "boolean"),
}
"""Types whose values do not convert to a type of variables. A string, an object or an array may be any JSON."""
_LEAST_FRACTION: Final = 0.5
"""A threshold above it and below 1 is of a scale from 0 to 1. Lower ones may be meant to refuse only the score 0."""
_AMOUNT: Final = re.compile(r"\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[A-Za-z]+)\s*")
_LITERAL: Final = re.compile(
    r"/(?P<head>(?:[^/\\\n]|\\.)++)/(?:i|g|gi|ig)"
    r"|/(?P<anchored>\^(?![?*+{])(?:[^/\\\n|]|\\.)*+|(?:[^/\\\n$|]|\\.)*+\$)/"
)
"""A pattern of JavaScript with its slashes and flags. Without flags, nothing is before the start or after the end."""
_OTHER_SYNTAX: Final = re.compile(r"\[:|\[\[|--|&&|~~|\|\||\{,|\\Q")
"""What RE2 reads in another way than `re`, and what `re` warns of in sets."""
_BROKEN: Final = (
    *("unterminated character set", "missing ), unterminated subpattern", "unbalanced parenthesis"),
    *("bad character range", "min repeat greater than max repeat", "multiple repeat", "bad escape"),
)
"""Problems of a pattern in every dialect: runs use RE2's."""
_NO_ID: Final = re.compile(r"\s|^\.{0,2}/|\.(?:ya?ml|json)$")
"""Parts of names and paths, which no id of a workflow has."""
_OF_RE2: Final = ("\\C", "\\E", "\\p", "\\P", "\\z")
_UNKNOWN_TO_RE2: Final = re.compile(
    r"\\(?:(?P<back>[1-9](?![0-7])|Z)|.)|\[\^?\]?(?:\\.|[^\]\\])*+\]|\(\?(?:(?P<look><?[=!])|(?P<name>P=)|(?P<atom>>))",
    re.DOTALL,
)
"""Escapes and sets, and what Python's patterns have but RE2's do not."""
_SYNTAX: Final = re.compile(r"[\\^$\[(*+]")


def function_problems(block: Block) -> Found:
    """Yield that a function has no code."""
    code = block.value("code")
    if not code_text(code).strip():
        is_empty = code in (None, "", []) or isinstance(code, str)
        hint = ". In a file, write code: | and the code below it" if isinstance(code, dict) else ""
        yield "code", "the function has no code" if is_empty else f"code must be a text, not {shown(code)}{hint}"


def wait_problems(block: Block) -> Found:
    """Yield that a wait has a wrong unit or is too long."""
    is_long = is_enabled(block.value("async"))
    amount, unit = block.value("timeValue"), to_string(block.value("timeUnitLong" if is_long else "timeUnit") or "")
    units, longest = (_LONG_UNITS, _LONG_WAIT_SECONDS) if is_long else (_SHORT_UNITS, _SHORT_WAIT_SECONDS)
    if not is_long and unit in _LONG_UNITS and unit not in _SHORT_UNITS:
        yield "timeUnit", f'a wait in {unit} must be async: set async to true, and timeUnitLong to "{unit}"'
        return
    if isinstance(amount, str) and (match := _AMOUNT.fullmatch(amount)):
        word = match["unit"].lower()
        if (meant := TIME_UNITS.get(word) or nearest(word, units)) in units:
            key = "timeUnitLong" if is_long else "timeUnit"
            yield (
                "timeValue",
                f"timeValue is a number without a unit. Write timeValue: {match['number']}, {key}: {meant}",
            )
            return
    seconds = units.get(unit or ("minutes" if is_long else "seconds"))
    if amount is None or seconds is None or not is_literal(amount) or math.isnan(to_number(amount)):
        return
    total = to_number(amount) * seconds
    if total > _LONG_WAIT_SECONDS:
        yield "timeValue", "the wait is longer than 30 days, the longest possible"
    elif total > longest:
        fix = f"timeValue to {math.ceil(total / 60)}, and timeUnitLong to minutes instead of timeUnit"
        yield "timeValue", f"the wait is longer than 5 minutes. Set async to true, {fix}"


def guardrails_problems(block: Block) -> Found:
    """Yield the problems of a pattern, or of types of personal data."""
    kind, pattern = block.value("validationType"), block.value("regex")
    if kind == "regex" and isinstance(pattern, str) and is_literal(pattern):
        if problem := _pattern_problem(pattern):
            yield "regex", f"regex is not a valid pattern: {problem}"
        elif (match := _LITERAL.fullmatch(pattern)) and _SYNTAX.search(match["head"] or match["anchored"]):
            yield "regex", "regex is a pattern without slashes and flags. Write (?i) at its start to ignore case"
    threshold = to_number(block.value("threshold"))
    if kind == "hallucination" and _LEAST_FRACTION < threshold < 1:
        text = f"threshold is a score from 0 to 10, and {threshold:g} passes nearly every text"
        yield "threshold", f"{text}. Did you mean {threshold * 10:g}?"
    for field, entries in (("piiEntityTypes", "names"), ("piiCustomPatterns", "{name, pattern}")):
        value = block.value(field)
        if kind == "pii" and value not in (None, "") and is_literal(value) and not isinstance(parsed(value), list):
            yield field, f"{field} must be a list of {entries}, not {shown(value)}"
    for number, each in enumerate(parse_list(block.value("piiEntityTypes")) if kind == "pii" else ()):
        if is_literal(each) and each not in PII_TYPES:
            text = f'"{to_string(each)}" is no type of personal data that this server finds'
            yield ("piiEntityTypes", str(number)), f"{text}.{one_of(to_string(each), PII_TYPES)}"


def _pattern_problem(pattern: str) -> str | None:
    if _OTHER_SYNTAX.search(pattern):
        return None
    try:
        re.compile(pattern)
    except re.error as error:
        is_first = error.msg == "nothing to repeat" and pattern[: error.pos][-1:] in ("", "(", "|")
        is_broken = error.msg.startswith(_BROKEN) and not error.msg.endswith(_OF_RE2) and "range \\" not in error.msg
        return str(error) if is_first or is_broken else None
    except (RecursionError, OverflowError, ValueError):  # limits and flags of this parser
        return None
    for match in _UNKNOWN_TO_RE2.finditer(pattern):
        if match["look"]:
            return f'RE2 has no look-around "{match[0]}". Check the text in a function block instead'
        if match.lastgroup:
            return f'RE2 has no "{match[0]}". Check the text in a function block instead'
    return None


def workflow_problems(block: Block) -> Found:
    """Yield that a called workflow is named by something other than its id."""
    for field in ("workflowId", "manualWorkflowId"):
        value = block.value(field)
        if isinstance(value, str) and is_literal(value) and _NO_ID.search(value.strip()):
            yield field, f"{field} must be the id of a workflow, not {shown(value)}: `flowport workflows list` shows it"


def assignment_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each assignment of a variables block to no variable, or of another type."""
    names = {variable.name: variable for variable in state.variables.values()}
    types = declared_types(state)
    for block in state.blocks.values():
        if block.type != "variables" or not state.is_enabled(block.id):
            continue
        for number, entry in enumerate(parse_list(block.value("variables")), 1):
            given = object_of(entry)
            name = to_string(given.get("variableName") or "")
            variable = state.variables.get(to_string(given.get("variableId") or "")) or names.get(name)
            has_value = given.get("value") not in (None, "") or {"key", "name", "val"} & given.keys()
            if not name and variable is None and has_value:
                hint = '. Write variableName instead of "name"' if given.get("name") else ""
                text = f"entry {number} of variables has no variableName and is ignored{hint}"
                yield setting_warning(block, "variables", text)
            elif variable and given.get("value") not in (None, "") and not fits_type(given["value"], variable.type):
                text = f'the variable "{variable.name}" is a {variable.type}, but gets {shown(given["value"])}'
                yield setting_warning(block, "variables", text)
            elif variable and (
                other := _type_that_never_fits(given.get("value"), variable.type, state, catalog, types)
            ):
                value = to_string(given.get("value")).strip()
                text = f'the variable "{variable.name}" has the type {variable.type}, but {value} is of type {other}'
                yield setting_warning(block, "variables", text)
            elif variable and variable.type == "number" and not is_one_number(given.get("value")):
                text = (
                    f'the variable "{variable.name}" is a number, and its value is not calculated: use a function block'
                )
                yield setting_warning(block, "variables", text)
            elif (kind := given.get("type")) not in (None, "", *VARIABLE_TYPES):
                near = nearest_type(to_string(kind), VARIABLE_TYPES)
                hint = one_of("", VARIABLE_TYPES, near)
                text = f'entry {number} of variables has the unknown type "{to_string(kind)}".{hint}'
                yield setting_warning(block, "variables", text, near)
            elif name and variable is None:
                near = nearest(name, names)
                hint = did_you_mean(near) or " Declare it in the variables of the workflow."
                text = f'the workflow has no variable "{name}"; only this block\'s output has it.{hint}'
                yield setting_warning(block, "variables", text, near)
            elif "value" not in given and name:
                text = f'entry {number} of variables gives "{name}" no value: set value'
                yield setting_warning(block, "variables", text)


def _type_that_never_fits(
    value: Json, kind: str, state: WorkflowState, catalog: Catalog, types: Mapping[tuple[str, str], str]
) -> str | None:
    """Return the type of the reference that a value is, if no value of this type converts to `kind`."""
    reference = parse_text(value.strip()).sole_reference if isinstance(value, str) else None
    if reference is None or len(reference.path) != 1:
        return None
    found = types.get((reference.name, to_string(reference.path[0]))) or scalar_type(reference, state, catalog)
    return found if found in _NEVER_FITTING.get(kind, ()) else None
