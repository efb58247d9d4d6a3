"""Settings of loops and parallels."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.format.js_values import parse_json, to_number, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, TextTemplate, parse_text
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_of_few, one_of
from shared.workflow.validate.settings.branch_settings import expression_problem
from shared.workflow.validate.settings.input_fields import bare_reference
from shared.workflow.validate.settings.literals import setting_warning, shown

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "loop": ("loopType", "count", "collection", "whileCondition", "doWhileCondition"),
    "parallel": ("parallelType", "count", "collection", "batchSize"),
}
_PARALLEL_TYPES: Final = ("count", "collection")
_EDITOR_DATA: Final = frozenset(
    {"id", "type", "nodes", "width", "height", "parentId", "extent", "canonicalModes", "iterations", "forEachItems"}
    | {"distribution", "label", "name", "state", "isPreview", "isValid", "hasNestedParent", "enabled"}
)
_PART: Final = re.compile(r"<(?P<reference>[^<>\s]{1,300})>(?P<path>(?:\.[A-Za-z_]\w{0,60}|\[\d{1,4}\]){1,8})")
"""A reference and a path within its value."""
_MORE: Final = re.compile(r"\s*(?:[.?+]|\|\||&&)|\[[^<>]+$")
"""What makes an expression of the reference before it. Lists and objects in JSON end without it."""
_CALL: Final = re.compile(r"(?:new )?[A-Za-z_$][\w$.]*\(|\[\s*\.\.\.")
"""A call, or the values of another list: no JSON begins so."""
_NEEDLESS: Final = re.compile(
    r"JSON\.parse\((?P<text><[^<>]+>)\)|\[\.\.\.(?P<list><[^<>]+>)\]|(?P<any><[^<>]+>)\s*(?:\|\||\?\?)\s*\[\s*\]"
)
"""Expressions that a container does not need: it parses texts itself, and has no iteration without a value."""
_LONGEST_SHOWN: Final = 80
_MOST_AT_A_TIME: Final = 20
_MOST_ROUNDS: Final = 100_000
"""Default limit of an executor."""


def container_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each setting that a loop or parallel does not have or cannot use."""
    for block in state.blocks.values():
        if state.is_container(block.id) and state.is_enabled(block.id):
            yield from _unknown_keys(block)
            yield from _kind(block)
            yield from _count(block)
            yield from _batch_size(block)
            yield from _condition(block)
            yield from _collection(block, state, catalog)


def _unknown_keys(block: Block) -> Iterator[Problem]:
    known = _KEYS[block.type]
    for key, value in block.data.items():
        if key not in known and key not in _EDITOR_DATA and value not in (None, "") and (near := nearest(key, known)):
            message = f'{block.name}: a {block.type} has no setting "{key}"; it is ignored.{did_you_mean(near)}'
            yield warning(ProblemCode.UNKNOWN_SETTING, message, block, (key,), suggestion=near)


def _kind(block: Block) -> Iterator[Problem]:
    kind = block.data.get("loopType" if block.type == "loop" else "parallelType")
    for needed, field, text in (
        ("forEach", "collection", "a forEach loop needs a collection"),
        ("while", "whileCondition", "a while loop needs a condition; without one it does not run"),
        ("collection", "collection", "a parallel over a collection needs one"),
    ):
        if kind == needed and block.data.get(field) in (None, ""):
            yield setting_warning(block, field, text)
    if block.type == "parallel" and kind not in (None, "", *_PARALLEL_TYPES):
        near = nearest_of_few(to_string(kind), _PARALLEL_TYPES)
        text = f"parallelType is {shown(kind)}.{one_of('', _PARALLEL_TYPES, near)}"
        yield setting_warning(block, "parallelType", text, near)


def _count(block: Block) -> Iterator[Problem]:
    number = to_number(block.data.get("count"))
    if block.data.get("count") in (None, "") or not 0 <= number < math.inf:
        return
    if number % 1:
        yield setting_warning(block, "count", f"count must be an integer, not {shown(block.data['count'])}")
    elif number > _MOST_ROUNDS:
        text = (
            f"count is {int(number):,}, but a {block.type} has at most {_MOST_ROUNDS:,} unless the operator allows more"
        )
        yield setting_warning(block, "count", text)


def _condition(block: Block) -> Iterator[Problem]:
    key = {"while": "whileCondition", "doWhile": "doWhileCondition"}.get(to_string(block.data.get("loopType")), "")
    expression = block.data.get(key)
    if isinstance(expression, str) and expression.strip() and (text := expression_problem(expression.strip())):
        yield setting_warning(block, key, f"the condition {text}")


def _batch_size(block: Block) -> Iterator[Problem]:
    size = block.data.get("batchSize")
    if block.type != "parallel" or size in (None, ""):
        return
    number = to_number(size)
    if not 1 <= number <= _MOST_AT_A_TIME:
        text = f"batchSize must be a number from 1 to {_MOST_AT_A_TIME}, not {shown(size)}"
        yield setting_warning(block, "batchSize", text)


def _collection(block: Block, state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    kind, collection = (
        block.data.get("loopType" if block.type == "loop" else "parallelType"),
        block.data.get("collection"),
    )
    if kind not in ("forEach", "collection") or collection in (None, ""):
        return
    must = "collection must be a list or a reference to one"
    if not isinstance(collection, str):
        if not isinstance(collection, list | dict):
            yield setting_warning(block, "collection", f"{must}, not {shown(collection)}")
        return
    template = parse_text(collection.strip())
    if template.is_literal and collection.strip():
        parsed = parse_json(collection)
        if collection.strip().startswith(("[", "{")):
            quoted = collection.replace("'", '"')  # single quotes are valid, too
            if problem := json_problem(collection) and json_problem(quoted, with_fix=True):
                yield setting_warning(block, "collection", f"collection is not valid JSON: {problem}")
        elif not isinstance(parsed, list | dict):
            meant = bare_reference(collection, state)
            text = f"{must}, not {shown(collection)}.{did_you_mean(meant)}"
            yield setting_warning(block, "collection", text, meant)
    elif expression := _expression(template):
        text, meant = collection.strip(), None
        if match := _PART.fullmatch(text):
            meant = f"<{match['reference']}{match['path']}>"
        elif match := _NEEDLESS.fullmatch(text):
            meant = match[match.lastgroup or 0]
        problem = f"collection is JSON and {expression} stays as typed.{did_you_mean(meant)}"
        hint = "" if meant else " Compute it in a function block"
        yield setting_warning(block, "collection", f"{problem}{hint}", meant)
    elif kind := scalar_type(template.sole_reference, state, catalog) or _type_of_variable(
        template.sole_reference, state
    ):
        yield setting_warning(block, "collection", f"{must}, but {collection.strip()} is a {kind}")


def _expression(template: TextTemplate) -> str | None:
    """Return what a collection has beside its reference if it is an expression: no values make it JSON."""
    first, *others = template.parts
    rest = "".join(part if isinstance(part, str) else part.raw for part in others)
    is_call = isinstance(first, str) and _CALL.match(first)
    if not is_call and not (isinstance(first, Reference) and _MORE.match(rest)):
        return None
    found = f"{first}{rest}" if is_call else rest.strip()
    return found if len(found) <= _LONGEST_SHOWN else f"{found[:_LONGEST_SHOWN]}…"


def _type_of_variable(reference: Reference | None, state: WorkflowState) -> str | None:
    """Return the type of a variable that is never a list: a number, a boolean, or a text that no block assigns."""
    if reference is None or reference.name != "variable" or len(reference.path) != 1:
        return None
    name = to_string(reference.path[0])
    variable = next((each for each in state.variables.values() if name in (each.id, each.name)), None)
    if variable is None:
        return None
    if variable.type in ("number", "boolean"):
        return variable.type
    is_text = variable.type == "string" and isinstance(variable.value, str) and parse_text(variable.value).is_literal
    is_json = is_text and isinstance(parse_json(to_string(variable.value).replace("'", '"')), list | dict)
    is_assigned = any(each.type == "variables" for each in state.blocks.values())
    return "string" if is_text and variable.value and not is_json and not is_assigned else None


def scalar_type(reference: Reference | None, state: WorkflowState, catalog: Catalog) -> str | None:
    """Return `number` or `boolean` if an output is declared as one. A string may hold the JSON of a list."""
    target = state.block_named(reference.name) if reference else None
    spec = catalog.spec(target.type) if target else None
    if reference is None or target is None or spec is None or target.trigger_mode or len(reference.path) != 1:
        return None
    answer = read_response_format(target.value("responseFormat")) if target.type == "agent" else None
    if answer and not answer.strict:
        return None
    field = spec.declared_outputs(target).get(to_string(reference.path[0]))
    return field.type if field and field.type in ("number", "boolean") else None
