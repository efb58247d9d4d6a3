"""Functions that return nothing, or other fields than references read."""

import re
from collections.abc import Container, Iterator, Sequence, Set
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog.logic import code_text
from shared.workflow.compile.code_parser import Language
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.returns import Returns, returns_of_code, uncalled_function

_LAST_CALL: Final = re.compile(r"(?P<name>[A-Za-z_]\w{0,40}|console\.log)\(.*\);?")
"""A last line that only calls a function."""


def returns_of(block: Block, reference: Reference | None = None) -> Returns:
    """Return what a function returns, if the reference reads its result."""
    if block.type != "function" or (reference and reference.path[0] != "result"):
        return Returns()
    return returns_of_code(code_text(block.value("code")), language_of(block))


def language_of(block: Block) -> Language:
    """Return the language of a block's code."""
    return Language.PYTHON if block.value("language") == "python" else Language.JAVASCRIPT


def unused_functions(state: WorkflowState, handled: Container[str], reported: Container[str]) -> Iterator[Problem]:
    """Yield the functions that have no purpose: nothing uses their last value, which they may mean to return.

    `handled` are the blocks whose error leads to another one.
    """
    for block in state.blocks.values():
        fix = returns_of(block).fix
        if fix and state.is_enabled(block.id) and block.id not in reported and block.id not in handled:
            message = f"{block.name}: the code returns nothing, so its result is always empty. {fix}"
            yield warning(ProblemCode.INVALID_SETTING, message, block, ("code",))


def nothing_returned(block: Block, reference: Reference, target: Block, value: Returns) -> Problem:
    """Return the warning about a reference of `block` to a function that returns nothing, or a text without fields."""
    effect = f"so {reference.raw} in {block.name} is empty."
    if value.encoder:
        cause = f"{value.encoder}(…) returns a text without fields"
        fix = f" Return the value itself, without {value.encoder}."
    else:
        cause = "the code returns nothing"
        fix = _why_nothing(target) or _uncalled(target) or (value.fix and f" {value.fix}") or _last_call(target)
    message = f"{target.name}: {cause}, {effect}{fix}"
    return warning(ProblemCode.INVALID_SETTING, message, target, ("code",))


def _why_nothing(block: Block) -> str:
    code = code_text(block.value("code")).strip()
    is_hidden = "\n" not in code and code.startswith("//") and "return" in code
    return " The comment hides all code, which is one line. In a file, write code: | instead of code: >." * is_hidden


def _uncalled(function: Block) -> str:
    name = uncalled_function(code_text(function.value("code")))
    return f' "{name}" is never called: end with return {name}(…).' if name else ""


def _last_call(function: Block) -> str:
    """Return how to return what the last line prints or computes."""
    code = code_text(function.value("code")).rstrip()
    if "return" in code.partition(".forEach(")[2]:
        return " return in forEach ends only its own function: write for (const … of …), or call filter or map."
    match = _LAST_CALL.fullmatch(code.rpartition("\n")[2])
    if match is None:
        return ""
    name = match["name"]
    if name in ("print", "console.log"):
        return f" {name}(…) only writes to the log: end with return and the value."
    found = re.search(rf"^(?P<async>async +)?(?:function|def) +{name}\(", code, re.MULTILINE)
    if found and found["async"] and language_of(function) is Language.PYTHON:
        return f" Write def {name} without async and await, and end with return {name}(…)."
    return f" End with return {name}(…)." if found else ""


def not_returned(block: Block, field: str, reference: Reference, target: Block, fields: Sequence[str]) -> Problem:
    """Return the warning about a reference of `block` to a field that no result of `target` has."""
    key = to_string(reference.path[1])
    near = nearest(key, fields)
    suggestion = f"<{reference.root}.result.{near}>" if near else None
    hint = did_you_mean(suggestion) or f" It returns: {', '.join(fields)}."
    message = f'{block.name}: {reference.raw}: the code of "{target.name}" returns no "{key}".{hint}'
    return warning(ProblemCode.UNKNOWN_FIELD, message, block, (field,), suggestion=suggestion)


def no_fields(block: Block, field: str, reference: Reference, target: Block, types: Set[str]) -> Problem:
    """Return the warning about a reference of `block` to a field of a result of `target` without fields."""
    key, whole = to_string(reference.path[1]), f"<{reference.root}.result>"
    what = " or ".join(f"a {'list' if each == 'array' else each}" for each in sorted(types))
    result = f'{{"{key}": …}}' if language_of(target) is Language.PYTHON else f"{{ {key}: … }}"
    cause = f'the code of "{target.name}" returns {what}, which has no "{key}"'
    message = f"{block.name}: {reference.raw}: {cause}. Read {whole}, or return {result}."
    return warning(ProblemCode.UNKNOWN_FIELD, message, block, (field,), suggestion=whole)
