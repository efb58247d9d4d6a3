"""Failed guardrails, and answers that count as errors, which end the run without an error path."""

import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import object_of, stringify, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, normalize_name, parse_text
from shared.workflow.format.response_format import read_response_format
from shared.workflow.validate.handles import ERROR_HANDLE
from shared.workflow.validate.references.unknown_references import block_references

_PASSED: Final = re.compile(r"(?:!!)?<>(?:\s*===?\s*true)?")
_FAILED: Final = re.compile(r"!<>|<>\s*===?\s*false|<>\s*!==?\s*true")


def unhandled_checks(state: WorkflowState) -> Iterator[Problem]:
    """Yield a warning for each branch for the failure of guardrails that only their success leads to.

    A condition that only repeats the success of the check does no harm, and neither does a branch to the block to which
    the error port leads.
    """
    sources: dict[str, set[str]] = {}
    targets: dict[tuple[str, str | None], set[str]] = {}
    for edge in state.edges:
        sources.setdefault(edge.target, set()).add(edge.source)
        targets.setdefault((edge.source, edge.source_handle), set()).add(edge.target)
    for block in state.blocks.values():
        before = state.blocks.get(next(iter(sources.get(block.id, ())), ""))
        is_only = block.type == "condition" and len(sources.get(block.id, ())) == 1
        if not is_only or before is None or before.type != "guardrails":
            continue
        if not state.is_enabled(block.id) or not state.is_enabled(before.id):
            continue
        handlers = targets.get((before.id, ERROR_HANDLE), set())
        if block.id in handlers:
            continue
        is_handled = bool(handlers)
        branches = [object_of(each) for each in parse_list(block.value("conditions"))]
        following = [targets.get((block.id, f"condition-{to_string(each.get('id'))}"), set()) for each in branches]
        is_next = [bool(each - handlers) for each in following]
        for number, branch in enumerate(branches):
            reference, expression = _only_reference(to_string(branch.get("value") or "").strip())
            if reference is None or state.block_named(reference.name) is not before:
                continue
            verdict = None
            match reference.path_text:
                case "passed" if _FAILED.fullmatch(expression) and is_next[number]:
                    verdict = "always true"
                case "passed" if not is_handled and _PASSED.fullmatch(expression) and any(is_next[number + 1 :]):
                    verdict = "always true"
                case "error" if not is_handled and expression == "<>" and is_next[number]:
                    verdict = "always empty"
            if verdict:
                yield _unhandled(block, before, f"{reference.raw} is {verdict}", is_handled=is_handled)
                break


def failing_answers(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each agent whose answer has a field `error`, if other blocks follow only its success.

    One that may be null is meant to be empty, unless another block reads it.
    """
    read = {each.name for _, _, each in block_references(state, catalog) if each.path[0] == "error"}
    sources = {edge.source for edge in state.edges}
    handled = {edge.source for edge in state.edges if edge.source_handle == ERROR_HANDLE}
    for block in state.blocks.values():
        if block.type != "agent" or not state.is_enabled(block.id) or block.id not in sources - handled:
            continue
        found = read_response_format(block.value("responseFormat"))
        field = object_of(object_of(found.schema.get("properties")).get("error")) if found else {}
        is_nullable = "null" in stringify(field) and normalize_name(block.name) not in read
        if found and "error" in found.outputs and not is_nullable:
            cause = "an answer with a value in it counts as an error, and ends the run without a message"
            fix = "Rename it, or connect the error port, on_error in a file."
            message = f'{block.name}: responseFormat has the field "error": {cause}. {fix}'
            yield warning(ProblemCode.INVALID_SETTING, message, block, ("responseFormat",))


def _only_reference(text: str) -> tuple[Reference | None, str]:
    """Return the reference of an expression with one, and the expression with a placeholder for it."""
    template = parse_text(text)
    expression = "".join(part if isinstance(part, str) else "<>" for part in template.parts)
    return (template.references[0] if len(template.references) == 1 else None), expression


def _unhandled(block: Block, before: Block, verdict: str, *, is_handled: bool) -> Problem:
    outcome = "ends the run. Connect its error port, on_error in a file."
    if is_handled:
        outcome = "leaves by its error port. Remove the branch."
    reason = f'a failed check of "{before.name}" {outcome}'
    message = f"{block.name}: {verdict}, because {reason}"
    return warning(ProblemCode.INVALID_SETTING, message, block, ("conditions",))
