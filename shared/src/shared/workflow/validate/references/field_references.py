"""References to fields that a block does not have, and to blocks that have not run when the reference is read."""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import TypeAlias

import msgspec

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, normalize_name
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.references.connections import Connections
from shared.workflow.validate.references.early_references import EarlyReferences
from shared.workflow.validate.references.function_results import (
    no_fields,
    not_returned,
    nothing_returned,
    returns_of,
    unused_functions,
)
from shared.workflow.validate.references.readable_fields import ReadableFields
from shared.workflow.validate.references.undeclared_fields import UndeclaredFields
from shared.workflow.validate.references.unknown_references import block_references
from shared.workflow.validate.settings.input_fields import declared_types

TypesOf: TypeAlias = Callable[[Reference], Set[str]]


def field_reference_problems(state: WorkflowState, catalog: Catalog, types_of: TypesOf) -> Iterator[Problem]:
    """Yield a warning for each reference to an undeclared field or to a block that runs later or never.

    `types_of` returns the types that the result of a function may have; none if it may be an object or unknown.
    """
    connections = Connections(state)
    fields = ReadableFields(state, catalog, connections)
    undeclared = UndeclaredFields(state, catalog, connections, fields)
    early = EarlyReferences(state, catalog, connections, fields)
    types = declared_types(state)
    empty: set[str] = set()
    reported: set[tuple[str, str]] = set()
    failed: set[str] = set()
    for block, field, reference in block_references(state, catalog):
        target = state.block_named(reference.name)
        if reference.name in ("loop", "parallel"):
            target = _innermost(state, block, reference.name)
        if target is None:
            yield from _field_of_variable(block, field, reference, types)
            continue
        if problem := undeclared.problem(block, field, reference, target):
            yield problem
        elif (value := returns_of(target, reference)).is_nothing or (value.encoder and len(reference.path) > 1):
            if target.id not in empty:
                yield nothing_returned(block, reference, target, value)
            empty.add(target.id)
        elif problem := _unreturned(types_of, block, field, reference, target, reported=empty):
            yield problem
        elif reason := early.why_no_value(reference, target, block):
            if (target.id, block.id) not in reported:
                hint, meant = early.fix(reason, reference, target, block)
                message = f"{block.name}: {reference.raw} is always empty: {reason}.{hint}"
                yield warning(ProblemCode.EARLY_REFERENCE, message, block, (field,), suggestion=meant)
            reported.add((target.id, block.id))
        elif reason := early.why_no_result(reference, target, block):
            if target.id not in failed:
                message = f"{block.name}: {reference.raw} is always empty: {reason}."
                yield warning(ProblemCode.EARLY_REFERENCE, message, block, (field,))
            failed.add(target.id)
        elif left := _left_container(state, block, target):
            yield _one_of_many(block, field, reference, left)
    yield from unused_functions(state, connections.handlers, empty)


def _unreturned(
    types_of: TypesOf, block: Block, field: str, reference: Reference, target: Block, *, reported: set[str]
) -> Problem | None:
    """Return the warning about a reference to a field that no result of a function has.

    `reported` are the functions whose results have no fields: each has one message.
    """
    key = reference.path[1] if len(reference.path) > 1 else None
    fields = returns_of(target, reference).fields if key is not None else None
    if fields and key not in fields:
        return not_returned(block, field, reference, target, sorted(fields))
    if not isinstance(key, str) or key == "length" or target.id in reported:
        return None
    types = types_of(msgspec.structs.replace(reference, path=reference.path[:1]))
    reported.update([target.id] if types else ())
    return no_fields(block, field, reference, target, types) if types else None


def _field_of_variable(
    block: Block, field: str, reference: Reference, types: Mapping[tuple[str, str], str]
) -> Iterator[Problem]:
    """Yield a warning if a reference reads a field of a variable whose values have none."""
    name = to_string(reference.path[0])
    kind = types.get(("variable", name))
    if reference.name == "variable" and len(reference.path) > 1 and kind in ("number", "boolean"):
        meant = f"<variable.{name}>"
        text = f'{reference.raw}: the variable "{name}" is a {kind}, which has no fields.{did_you_mean(meant)}'
        yield warning(ProblemCode.UNKNOWN_FIELD, f"{block.name}: {text}", block, (field,), suggestion=meant)


def _innermost(state: WorkflowState, block: Block, kind: str) -> Block | None:
    around = (state.blocks[each] for each in (block.id, *state.containers_of(block.id)))
    return next((each for each in around if each.type == kind), None)


def _left_container(state: WorkflowState, reader: Block, target: Block) -> Block | None:
    """Return the parallel, or the loop over a list, that `target` is in and `reader` is not."""
    around = (reader.id, *state.containers_of(reader.id))
    left = [each for each in reversed(state.containers_of(target.id)) if each not in around]
    return next((state.blocks[each] for each in left if _runs_for_each(state, each)), None)


def _runs_for_each(state: WorkflowState, container: str) -> bool:
    return container in state.parallels or state.loops[container].loop_type == "forEach"


def _one_of_many(reader: Block, field: str, reference: Reference, container: Block) -> Problem:
    which = "first branch" if container.type == "parallel" else "last iteration"
    suggestion = f"<{normalize_name(container.name)}.results>"
    cause = f'{reference.raw} has only the value of the {which} of "{container.name}"'
    message = f"{reader.name}: {cause}.{did_you_mean(suggestion)}"
    return warning(ProblemCode.INVALID_SETTING, message, reader, (field,), suggestion=suggestion)
