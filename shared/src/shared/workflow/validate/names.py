"""References to blocks, fields, variables and secrets that do not exist."""

import re
from collections.abc import Iterator, Set
from functools import cache
from typing import Final

from shared.contracts.problems import ProblemCode
from shared.workflow.compile.blocks import CompiledBlock
from shared.workflow.compile.code_references import location_of
from shared.workflow.format.js_values import to_string
from shared.workflow.format.paths import OutputField, Outputs, fields_error, is_declared
from shared.workflow.format.references import RESERVED_NAMES, Reference, normalize_name
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.findings import Checked, Finding, Rule

_ANY: Final = OutputField()
_OF_CONTAINERS: Final = dict.fromkeys(("index", "iteration", "currentItem", "item", "items", "results", "result"), _ANY)
_OF_MODELS: Final = dict.fromkeys(("model", "tokens", "toolCalls", "providerTiming", "cost"), _ANY)
_OPEN: Final = frozenset({"schedule", "generic_webhook", "manual_trigger", "condition", "evaluator"})
"""Types whose outputs depend on the sender, or on the blocks before them."""
_BEFORE_TEXT: Final = re.compile(r"[\w:]$|include $")
_BEFORE_STRING: Final = re.compile(r"[\w:'\"]$")
_MOST_SEARCHES: Final = 500
"""Maximum number of unknown names that are examined."""
_PLAUSIBLE: Final = re.compile(r"[^\W\d][\w-]+")
"""Names that authors give to blocks, of more than one letter. Text has others in angle brackets, too."""


def _location(source: str, start: int | None) -> tuple[int | None, int | None]:
    return (None, None) if start is None else location_of(source, start)


def _is_text(reference: Reference, source: str, *, is_code: bool) -> bool:
    """Return whether angle brackets are a type parameter, a tag that is closed, a file of C, or a string of code."""
    before = source[: source.find(reference.raw)]
    return (
        f"</{reference.raw[1:]}" in source
        or (_BEFORE_STRING if is_code else _BEFORE_TEXT).search(before[-9:]) is not None
    )


def _unknown(checked: Checked) -> Iterator[Finding]:
    state = checked.workflow.state
    names = [*state.ids_by_name, *RESERVED_NAMES]
    meant = cache(lambda name: nearest(name, names))
    searches = 0
    for block, fields, reference, source, start in checked.references:
        name = reference.name
        if name in ("loop", "parallel"):
            containers: Set[str] = (state.loops if name == "loop" else state.parallels).keys()
            if containers.isdisjoint((block.id, *state.containers_of(block.id))):
                text = f"{reference.raw} in {fields[0]} is outside a {name}. Move the block into a {name}."
                yield Finding(text, block, fields, None, *_location(source, start))
        elif name not in state.ids_by_name and name != "variable" and searches < _MOST_SEARCHES:
            near, searches = meant(name), searches + 1
            is_name = near or _PLAUSIBLE.fullmatch(reference.root)
            if (
                not is_name
                or "@" in reference.raw
                or ".." in reference.raw
                or _is_text(reference, source, is_code=fields[0] == "code")
            ):
                continue
            suggestion = f"<{near}.{reference.path_text}>" if near else None
            hint = did_you_mean(suggestion) or f" Use one of: {', '.join(list(state.ids_by_name)[:20])}."
            text = f"{reference.raw} in {fields[0]} matches no block.{hint}"
            yield Finding(text, block, fields, suggestion, *_location(source, start))


def _variables(checked: Checked) -> Iterator[Finding]:
    variables = checked.workflow.state.variables.values()
    known = {key for each in variables for key in (each.id, normalize_name(each.name))}
    for block, fields, reference, source, start in checked.references:
        name = to_string(reference.path[0])
        if reference.name == "variable" and known.isdisjoint((name, normalize_name(name))):
            near = nearest(name, [normalize_name(each.name) for each in variables])
            suggestion = f"<variable.{near}>" if near else None
            hint = did_you_mean(suggestion) or " Declare it in variables."
            text = f"{reference.raw} in {fields[0]} names a variable that does not exist.{hint}"
            yield Finding(text, block, fields, suggestion, *_location(source, start))


def _fields(checked: Checked) -> Iterator[Finding]:
    workflow = checked.workflow
    outputs_of = cache(lambda key: _outputs(workflow.blocks[key]))
    for block, fields, reference, source, start in checked.references:
        target = workflow.state.ids_by_name.get(reference.name)
        if target is None or target not in workflow.blocks:
            continue
        outputs = outputs_of(target)
        if outputs is None or is_declared(outputs, reference.path):
            continue
        near = nearest(to_string(reference.path[0]), outputs) if reference.path[0] not in outputs else None
        suggestion = f"<{reference.root}.{near}>" if near else None
        cause = fields_error(reference.path_text, workflow.blocks[target].name, outputs)
        text = f"{reference.raw} in {fields[0]}: {cause}.{did_you_mean(suggestion)}"
        yield Finding(text, block, fields, suggestion, *_location(source, start))


def _outputs(compiled: CompiledBlock) -> Outputs | None:
    """Return the fields that references to a block may use; None if any."""
    block, spec = compiled.block, compiled.spec
    if block.trigger_mode or block.type in _OPEN:
        return None
    if spec.is_container:
        return _OF_CONTAINERS
    found = {**compiled.outputs, **({"error": _ANY} if spec.has_error_port else {})}
    if block.type == "agent":
        given = block.value("responseFormat")
        answer = read_response_format(given)
        if given not in (None, "", {}) and not (answer and answer.outputs):
            return None
        found = {**_OF_MODELS, **found}
    return found


def _reserved_names(checked: Checked) -> Iterator[Finding]:
    for block in checked.workflow.state.blocks.values():
        if block.type != "note" and normalize_name(block.name) in RESERVED_NAMES:
            yield Finding("the name is reserved: references cannot reach this block. Rename it.", block)


def _duplicate_names(checked: Checked) -> Iterator[Finding]:
    state = checked.workflow.state
    for block in state.blocks.values():
        name = normalize_name(block.name)
        first = block.id if name in RESERVED_NAMES or block.type == "note" else state.ids_by_name.get(name, block.id)
        if first != block.id:
            cause = f'the name is that of "{state.blocks[first].name}" in references'
            yield Finding(f"{cause}, so <{name}.…> never reads this block. Rename it.", block)


RULES: Final = (
    Rule(
        ProblemCode.UNKNOWN_REFERENCE,
        "A reference names a block of the workflow, and `<loop.…>` and `<parallel.…>` are within one.",
        "code: return <clasify.result>",
        _unknown,
    ),
    Rule(ProblemCode.UNKNOWN_VARIABLE, "A variable exists.", "code: return <variable.totl>", _variables),
    Rule(
        ProblemCode.UNKNOWN_FIELD,
        "A block, the start included, has the field that a reference reads.",
        "code: return <start.mesage>",
        _fields,
    ),
    Rule(
        ProblemCode.RESERVED_NAME,
        "No block is named loop, parallel or variable.",
        "Loop:\n  type: function\n  code: return 1",
        _reserved_names,
    ),
    Rule(
        ProblemCode.DUPLICATE_NAME,
        "The names of blocks differ, also in lower case and without spaces and dots.",
        "Score 1: {type: function, code: return 1}\nscore1: {type: function, code: return 2}",
        _duplicate_names,
    ),
)
