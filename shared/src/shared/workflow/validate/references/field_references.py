"""References to fields that a block does not have, and to blocks that have not run when the reference is read."""

import re
from collections.abc import Iterator, Sequence, Set
from typing import Final

import msgspec

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.logic import code_text
from shared.workflow.catalog.synonyms import is_misnamed
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.wiring import unreachable_blocks
from shared.workflow.format.js_values import object_of, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.paths import OutputField, Outputs, is_declared
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, normalize_name, parse_text
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.computed_indexes import computed_indexes
from shared.workflow.validate.handles import ERROR_HANDLE
from shared.workflow.validate.references.unknown_references import block_references
from shared.workflow.validate.returns import Returns, returns_of_code, uncalled_function
from shared.workflow.validate.run_order import NOT_BEFORE, RunOrder
from shared.workflow.validate.settings.agent_settings import AGENT_FIELDS
from shared.workflow.validate.settings.literals import parsed

_ANY: Final = OutputField()
_ROUND: Final = {"index": _ANY}
_ITEMS: Final = {"currentItem": _ANY, "items": _ANY}
_LIST: Final = OutputField(type="array")
_RESULTS: Final = {"results": _LIST}
_TEXT: Final = OutputField(type="string")
_MAIN_OUTPUT: Final = {"function": "result", "api": "data", "workflow_input": "result"}
"""Output that has the fields which authors expect at the block itself."""
_OTHER_FIELDS: Final = frozenset({"stdout", "status", "headers", "error"})
"""Other outputs of these types."""
_OTHER_OUTPUTS: Final = frozenset({"body", "json", "response", "output", "outputs"})
"""Names of that output in other systems."""
_BRANCHING: Final = frozenset({"condition", "router", "router_v2"})
_MOST_STEPS: Final = 20
"""Blocks before a reader that are searched for a field."""
_MOST_ERROR_PATHS: Final = 200
_MOST_EDGES: Final = 500_000
"""Edges of all error paths that are followed."""
_EMPTY_AFTER_ERROR: Final = frozenset({"api", "function"})
"""Types whose output has only the error after one."""
_TEXT_ERRORS: Final = frozenset({*_EMPTY_AFTER_ERROR, "guardrails", "webhook_request"})
_ASK_MODELS: Final = frozenset({"agent", "evaluator", "router", "router_v2"})
_COUNTS: Final = {"input": _ANY, "output": _ANY, "total": _ANY}
_OF_MODELS: Final = {
    "tokens": OutputField(fields=_COUNTS),
    "cost": OutputField(fields={**_COUNTS, "pricing": _ANY}),
    "toolCalls": OutputField(fields={"list": _ANY, "count": _ANY}),
}
"""Parts of their fields."""
_QUOTED_KEY: Final = re.compile(r"\[['\"]([\w-]{1,127})['\"]\]")
_NEGATIVE_INDEX: Final = re.compile(r"(?P<list>[\w.-]{1,200})\[(?P<index>-[0-9]{1,9})\](?P<field>(?:\.\w{1,127}){0,8})")
_OPEN_STARTS: Final = frozenset({"schedule", "generic_webhook", "manual_trigger"})
"""Their output is whatever the sender sends."""


def field_reference_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each reference to an undeclared field or to a block that runs later or never."""
    order = RunOrder(state, catalog)
    reported: set[str] = set()
    early: set[tuple[str, str]] = set()
    failed: set[str] = set()
    known = _Fields(state, catalog)
    for block, field, reference in block_references(state, catalog):
        target = state.block_named(reference.name)
        if reference.name in ("loop", "parallel"):
            target = _innermost(state, block, reference.name)
        if target is None:
            continue
        outputs = known.of(target, block)
        if outputs is not None and not _is_valid(outputs, reference, target):
            yield _undeclared(block, field, reference, target, outputs, known=known)
        elif (value := returns_of(target, reference)).is_nothing:
            if target.id not in reported:
                cause = f"{target.name}: the code returns nothing, so {reference.raw} in {block.name} is empty."
                message = f"{cause}{_why_nothing(target) or _uncalled(target) or (value.fix and f' {value.fix}')}"
                yield warning(ProblemCode.INVALID_SETTING, message, target, ("code",))
            reported.add(target.id)
        elif value.fields and len(reference.path) > 1 and reference.path[1] not in value.fields:
            yield _not_returned(block, field, reference, target, sorted(value.fields))
        elif block.id not in order.unreached and (
            reason := order.why_not(target.id, block.id) or known.why_no_error(reference, target, block)
        ):
            if (target.id, block.id) not in early:
                meant = known.instead(reference, block, order, target) if reason.endswith(NOT_BEFORE) else None
                connect = known.how_to_connect(target, block, order) if reason.endswith(NOT_BEFORE) else ""
                hint = did_you_mean(meant) or connect
                message = f"{block.name}: {reference.raw} is always empty: {reason}.{hint}"
                yield warning(ProblemCode.EARLY_REFERENCE, message, block, (field,), suggestion=meant)
            early.add((target.id, block.id))
        elif block.id not in order.unreached and (reason := known.why_no_result(reference, target, block)):
            if target.id not in failed:
                message = f"{block.name}: {reference.raw} is always empty: {reason}."
                yield warning(ProblemCode.EARLY_REFERENCE, message, block, (field,))
            failed.add(target.id)
        elif left := _left_container(state, block, target):
            yield _one_of_many(block, field, reference, left)
    yield from _without_use(state, reported, known)


def _list_with_field(outputs: Outputs, reference: Reference) -> str | None:
    """Return the name of the list of which a reference reads a field other than `length`."""
    of, *rest = map(to_string, reference.path[:2])
    kind = outputs[of].type if of in outputs else ""
    is_list = kind == "array" or kind.endswith("[]")
    return of if is_list and rest and isinstance(reference.path[1], str) and rest != ["length"] else None


def _is_valid(outputs: Outputs, reference: Reference, target: Block) -> bool:
    is_misread = _list_with_field(outputs, reference) or _skips_block_of_iteration(target, reference)
    return is_declared(outputs, reference.path) and not is_misread


def _skips_block_of_iteration(target: Block, reference: Reference) -> bool:
    """Return whether a reference reads a field of an entry of `results`, which is itself a list."""
    keys = reference.path[:3]
    is_read = keys[0] in ("results", "result") and len(keys) > len(("results", 0)) and isinstance(keys[1], int)
    return target.type in ("loop", "parallel") and is_read and isinstance(keys[-1], str) and keys[-1] != "length"


def _field_of_iteration(
    block: Block, field: str, reference: Reference, target: Block, main_output: str | None
) -> Problem:
    number, *rest = reference.path[1:]
    if main_output and rest[0] not in (main_output, *_OTHER_FIELDS):
        rest.insert(0, main_output)
    entry = f"<{reference.root}.results[{number}][0]{''.join(_key(each) for each in rest)}>"
    cause = f'an entry of results of "{target.name}" is a list, with one result for each of its last blocks'
    message = f"{block.name}: {reference.raw}: {cause}.{did_you_mean(entry)}"
    return warning(ProblemCode.UNKNOWN_FIELD, message, block, (field,), suggestion=entry)


def _key(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


def returns_of(block: Block, reference: Reference | None = None) -> Returns:
    """Return what a function returns, if the reference reads its result."""
    if block.type != "function" or (reference and reference.path[0] != "result"):
        return Returns()
    return returns_of_code(code_text(block.value("code")), _language(block))


def _language(block: Block) -> Language:
    return Language.PYTHON if block.value("language") == "python" else Language.JAVASCRIPT


def _without_use(state: WorkflowState, reported: Set[str], known: "_Fields") -> Iterator[Problem]:
    """Yield the functions that have no purpose: nothing uses their last value, which they may mean to return."""
    for block in state.blocks.values():
        fix = returns_of(block).fix
        if fix and state.is_enabled(block.id) and block.id not in reported and not known.has_handler(block):
            message = f"{block.name}: the code returns nothing, so its result is always empty. {fix}"
            yield warning(ProblemCode.INVALID_SETTING, message, block, ("code",))


def _why_nothing(block: Block) -> str:
    code = code_text(block.value("code")).strip()
    is_hidden = "\n" not in code and code.startswith("//") and "return" in code
    return " The comment hides all code, which is one line. In a file, write code: | instead of code: >." * is_hidden


def _uncalled(function: Block) -> str:
    name = uncalled_function(code_text(function.value("code")))
    return f' "{name}" is never called: end with return {name}(…).' if name else ""


def _not_returned(block: Block, field: str, reference: Reference, target: Block, fields: Sequence[str]) -> Problem:
    key = to_string(reference.path[1])
    near = nearest(key, fields)
    suggestion = f"<{reference.root}.result.{near}>" if near else None
    hint = did_you_mean(suggestion) or f" It returns: {', '.join(fields)}."
    message = f'{block.name}: {reference.raw}: the code of "{target.name}" returns no "{key}".{hint}'
    return warning(ProblemCode.UNKNOWN_FIELD, message, block, (field,), suggestion=suggestion)


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


class _Fields:
    """The fields that references to each block may use."""

    def __init__(self, state: WorkflowState, catalog: Catalog) -> None:
        self._state, self._catalog = state, catalog
        self._sources: dict[str, list[str]] = {}
        self._followers: dict[str, list[str]] = {}
        self._handlers: dict[str, list[str]] = {}
        for edge in state.edges:
            if edge.source in state.blocks and edge.target in state.blocks:
                self._sources.setdefault(edge.target, []).append(edge.source)
                self._followers.setdefault(edge.source, []).append(edge.target)
                if edge.source_handle == ERROR_HANDLE:
                    self._handlers.setdefault(edge.source, []).append(edge.target)
        for key in state.blocks:
            if (container := state.container_of(key)) is not None:
                self._followers.setdefault(container, []).append(key)
        self._most_paths = min(_MOST_ERROR_PATHS, _MOST_EDGES // (len(state.edges) + 1))
        self._after_error: dict[str, set[str]] = {}
        self._without_error: dict[str, Set[str]] = {}
        self._known: dict[tuple[str, bool], Outputs | None] = {}

    def of(self, target: Block, reader: Block) -> Outputs | None:
        """Return the fields that references from `reader` to `target` may use; None if any."""
        is_inside = target.id in (reader.id, *self._state.containers_of(reader.id))
        key = (target.id, is_inside)
        if key not in self._known:
            self._known[key] = self._fields(target, is_inside=is_inside)
        return self._known[key]

    def _fields(self, target: Block, *, is_inside: bool) -> Outputs | None:
        spec = self._catalog.spec(target.type)
        if spec is None or target.trigger_mode or target.type in _OPEN_STARTS:
            return None
        if spec.is_container:
            return {**_rounds(self._state, target), **_RESULTS} if is_inside else {**_RESULTS, "result": _LIST}
        if _is_malformed(target):
            return None
        declared = spec.declared_outputs(target)
        if target.type == "agent":
            declared = {**dict.fromkeys(AGENT_FIELDS, _ANY), **declared}
        if target.type in _ASK_MODELS:
            declared = {
                key: _OF_MODELS.get(key, each) if each.type == "json" else each for key, each in declared.items()
            }
        if target.type == "condition":
            declared = {**self._passed_on(target), **declared}
        if target.type == "memory":
            declared = {**declared, "memories": _LIST}
        error = _TEXT if target.type in _TEXT_ERRORS else _ANY
        return {**declared, "error": error} if target.id in self._handlers else declared

    def instead(self, reference: Reference, reader: Block, order: RunOrder, target: Block) -> str | None:
        """Return the same reference to the nearest block that has the field, on a branch of `reader` alone."""
        key = reader.id
        for _ in range(_MOST_STEPS):
            sources = self._sources.get(key, ())
            block = self._state.blocks[sources[0]] if len(sources) == 1 else None
            if block is None or block.type in _BRANCHING or order.is_before(block.id, target.id) is not False:
                return None
            outputs = self.of(block, reader)
            if outputs is not None and is_declared(outputs, reference.path):
                return f"<{normalize_name(block.name)}.{reference.path_text}>"
            key = block.id
        return None

    def how_to_connect(self, target: Block, reader: Block, order: RunOrder) -> str:
        """Return what to do about a block that does not run before its reader, with a leading space."""
        is_beside = self._state.container_of(target.id) == self._state.container_of(reader.id)
        is_followed = len(self._followers.get(target.id, ())) > len(self._handlers.get(target.id, ()))
        is_last = is_beside and not is_followed and target.type != "response"
        if is_last and order.is_before(reader.id, target.id) is False:
            fix = f'Nothing follows "{target.name}": connect it to a block, in a file with next'
            return f" {fix}, or read a block that runs before."
        return f' Read a block that runs before, or connect "{target.name}" before this block.'

    def has_handler(self, block: Block) -> bool:
        """Return whether an edge leaves from the block's error port."""
        return block.id in self._handlers

    def has_error_port(self, target: Block) -> bool:
        """Return whether an edge may leave from the block's error port."""
        spec = self._catalog.spec(target.type)
        return spec is not None and spec.has_error_port

    def main_output_inside(self, container: Block) -> str | None:
        """Return the main output of the last blocks in a container; None if they differ or have none."""
        inside = {key for key in self._state.blocks if self._state.container_of(key) == container.id}
        last = [self._state.blocks[key] for key in inside if inside.isdisjoint(self._followers.get(key, ()))]
        found = {_MAIN_OUTPUT.get(each.type) for each in last}
        return found.pop() if len(found) == 1 else None

    def why_no_error(self, reference: Reference, target: Block, reader: Block) -> str | None:
        """Return why the reference reads an error that `reader` never gets; None if it reads none, or may get it."""
        spec = self._catalog.spec(target.type)
        if reference.path[0] != "error" or target.id not in self._handlers or spec is None:
            return None
        around = self._state.containers_of(reader.id)
        in_loop = any(each in self._state.loops for each in around)
        is_inside = all(each in around for each in self._state.containers_of(target.id))
        if in_loop or not is_inside or "error" in spec.declared_outputs(target):
            return None
        if target.id not in self._after_error and len(self._after_error) >= self._most_paths:
            return None
        is_reached = reader.id in self._reached_by_error(target.id)
        return None if is_reached else f'only the error path of "{target.name}" has it'

    def why_no_result(self, reference: Reference, target: Block, reader: Block) -> str | None:
        """Return why the reference reads a result that `reader` never gets, after an error; None if it may get it."""
        around = self._state.containers_of(reader.id)
        is_apart = around != self._state.containers_of(target.id) or any(each in self._state.loops for each in around)
        if reference.path[0] == "error" or target.type not in _EMPTY_AFTER_ERROR or is_apart:
            return None
        if target.id not in self._handlers or reader.id not in self._only_after_error(target.id):
            return None
        reason = f'"{reader.name}" runs only after an error of "{target.name}"'
        is_followed = len(self._followers[target.id]) > len(self._handlers[target.id])
        is_handler = reader.id in self._handlers[target.id]
        return reason if is_followed or is_handler else f'{reason}. Write next: {reader.name} at "{target.name}"'

    def _only_after_error(self, block_id: str) -> Set[str]:
        if block_id not in self._without_error and len(self._without_error) < self._most_paths:
            edges = tuple(
                each for each in self._state.edges if each.source != block_id or each.source_handle != ERROR_HANDLE
            )
            rest = msgspec.structs.replace(self._state, edges=edges)
            self._without_error[block_id] = unreachable_blocks(rest, self._catalog)
        return self._without_error.get(block_id, frozenset())

    def _reached_by_error(self, block_id: str) -> set[str]:
        if block_id not in self._after_error:
            pending = list(self._handlers[block_id])
            reached = set(pending)
            while pending:
                new = [key for key in self._followers.get(pending.pop(), ()) if key not in reached]
                reached.update(new)
                pending.extend(new)
            self._after_error[block_id] = reached
        return self._after_error[block_id]

    def _passed_on(self, condition: Block) -> Outputs:
        """Return the fields of the blocks before a condition, which its output repeats."""
        seen, pending = {condition.id}, [condition.id]
        found: dict[str, OutputField] = {}
        while pending:
            for key in self._sources.get(pending.pop(), ()):
                source = self._state.blocks[key]
                spec = self._catalog.spec(source.type)
                if spec is None or source.id in seen:
                    continue
                seen.add(source.id)
                found |= spec.declared_outputs(source)
                if source.type == "condition":
                    pending.append(source.id)
        return found


def _is_malformed(block: Block) -> bool:
    """Return whether a setting that declares outputs is malformed: that is reported, not the references."""
    if block.type == "agent":
        given = block.value("responseFormat")
        found = read_response_format(given)
        is_unread = is_misnamed(block.type, block.sub_blocks, "responseFormat")
        return is_unread or (given not in (None, "") and not (found and found.outputs))
    if block.type == "evaluator":
        metrics = parsed(block.value("metrics"))
        return not isinstance(metrics, list) or any(not object_of(each).get("name") for each in metrics)
    if is_misnamed(block.type, block.sub_blocks, "inputs"):
        return True
    given = parsed(block.value("inputFormat"))
    entries = given if isinstance(given, list) else []
    unnamed = (object_of(each) for each in entries if not object_of(each).get("name"))
    return (given not in (None, "") and not isinstance(given, list)) or any(
        each.get("value") or each.get("description") for each in unnamed
    )


def _rounds(state: WorkflowState, container: Block) -> Outputs:
    if loop := state.loops.get(container.id):
        items = {**_ITEMS, "item": _ANY} if loop.loop_type == "forEach" else {}
        return {**_ROUND, "iteration": _ANY, **items}
    has_items = state.parallels[container.id].parallel_type == "collection"
    return {**_ROUND, **(_ITEMS if has_items else {})}


def _other_syntax(
    reference: Reference, target: Block, outputs: Outputs, language: Language | None
) -> tuple[str, str | None] | None:
    """Return what is wrong with a path in the syntax of JavaScript or Python, and the path that is meant."""
    text = reference.raw[1:-1]
    plain = _QUOTED_KEY.sub(r".\1", text.replace("?.[", "[").replace("?.", "."))
    found = parse_text(f"<{plain}>").sole_reference if plain != text else None
    if found and _is_valid(outputs, found, target):
        return f"{reference.raw} is no path of a reference.{did_you_mean(found.raw)}", found.raw
    match = _NEGATIVE_INDEX.fullmatch(text)
    entries = parse_text(f"<{match['list']}>").sole_reference if match else None
    if match is None or entries is None or not is_declared(outputs, entries.path):
        return None
    is_python = language is Language.PYTHON
    index = f"[{match['index']}]" if is_python else f".at({match['index']})"
    field = re.sub(r"\.(\w+)", r'["\1"]', match["field"]) if is_python else match["field"]
    value = f"{entries.raw}{index}{field}"
    fix = f"Write {value}" if language else f"Compute the value in a function block: {value}"
    return f"{reference.raw} has no value, because an index is a number from 0. {fix}.", None


def _undeclared(
    block: Block, field: str, reference: Reference, target: Block, outputs: Outputs, *, known: _Fields
) -> Problem:
    if _skips_block_of_iteration(target, reference):
        return _field_of_iteration(block, field, reference, target, known.main_output_inside(target))
    language = _language(block) if field in ("code", "conditions") else None
    if computed := next(computed_indexes(reference.raw, (reference.name,), is_bare=True), None):
        return warning(ProblemCode.UNKNOWN_FIELD, f"{block.name}: {computed.problem(language)}.", block, (field,))
    if other := _other_syntax(reference, target, outputs, language):
        problem, meant = other
        return warning(ProblemCode.UNKNOWN_FIELD, f"{block.name}: {problem}", block, (field,), suggestion=meant)
    has_error = known.has_error_port(target)
    key, last = to_string(reference.path[0]), to_string(reference.path[-1])
    speakable = [name for name in outputs if " " not in name]
    near = last if key in outputs or (last != key and last in outputs) else nearest(key, speakable)
    suggestion = f"<{reference.root}.{near}>" if near in outputs else None
    if near is None and "@" not in reference.raw and (main := _MAIN_OUTPUT.get(target.type)):
        path = reference.path_text.removeprefix(key).removeprefix(".") if key in _OTHER_OUTPUTS else reference.path_text
        path = path.removeprefix(f"{main}.") if key in _OTHER_OUTPUTS else path
        suggestion = f"<{reference.root}.{main}{'' if path[:1] in ('', '[') else '.'}{path}>"
    names = ", ".join(outputs) or "none"
    if of := _list_with_field(outputs, reference):
        is_container = target.type in ("loop", "parallel")
        entry = f"<{reference.root}.{of}[0]{'[0]' if is_container else reference.path_text.removeprefix(of)}>"
        what = "a list with a list of outputs for each iteration" if is_container else "a list"
        cause = f'"{of}" of "{target.name}" is {what}. Read an entry, such as {entry}, or all in a loop'
        return warning(ProblemCode.UNKNOWN_FIELD, f"{block.name}: {reference.raw}: {cause}.", block, (field,))
    is_start = target.type in ("start_trigger", "starter", "api_trigger", "input_trigger")
    is_unhandled = key == "error" and key not in outputs and has_error
    if is_unhandled:
        suggestion = None
        cause = f'"{target.name}" has no error path. Connect its error port, on_error in a file'
    elif target.type in ("loop", "parallel") and key in (*_ITEMS, "item") and "currentItem" not in outputs:
        cause = f'"{target.name}" has no items, because it does not run over a collection. Give it one'
        outputs = {}
    elif key in outputs and outputs[key].fields:
        outputs = outputs[key].fields
        near = nearest(to_string(reference.path[1]), outputs)
        suggestion = f"<{reference.root}.{key}.{near}>" if near else None
        cause = f'"{key}" of "{target.name}" has no field "{to_string(reference.path[1])}"'
        names = ", ".join(outputs)
    elif key in outputs:
        suggestion = f"<{reference.root}.{key}>"
        cause = f'"{key}" of "{target.name}" is a {outputs[key].type}, which has no fields'
    elif is_start:
        cause = f'"{target.name}" declares no input "{key}"'
    else:
        cause = f'"{target.name}" has no field "{reference.path_text}"'
    declare = " Declare it in inputs." if target.type == "human_in_the_loop" else ""
    hint = did_you_mean(suggestion) or ("" if is_unhandled else f"{declare} Available fields: {names}.")
    return warning(
        ProblemCode.UNKNOWN_FIELD,
        f"{block.name}: {reference.raw}: {cause}.{hint}",
        block,
        (field,),
        suggestion=suggestion,
    )
