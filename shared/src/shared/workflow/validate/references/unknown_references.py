"""Unknown references. They stay in the text as typed, which the author seldom intends."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache, partial
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog
from shared.workflow.catalog.logic import code_text
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import compile_code, location_of, odd_names
from shared.workflow.compile.parameters import block_params
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import RESERVED_NAMES, Reference, is_reference, normalize_name, parse_text, texts
from shared.workflow.format.start import api_starts
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.settings.input_fields import input_references

_SECRETS: Final = frozenset({"env", "secrets", "secret", "environment"})
_LOOP_OUTPUTS: Final = {
    "index": "index",
    "iteration": "index",
    "currentItem": "currentItem",
    "item": "currentItem",
    "items": "items",
}
"""Outputs of an iteration, and those that loops and parallels have."""
_MOST_LISTED: Final = 20
_UNMATCHED: Final = "matches no block."
_MOST_SEARCHED: Final = 200
"""Texts in angle brackets within words for which a block of a similar name is searched."""
_CLOSING: Final = re.compile(r"</([^<>]+)>")
_MOST_RENAMED: Final = 20
"""Unknown names for which a block with the same fields is searched."""
_PLAUSIBLE: Final = re.compile(r"[^\W\d][\w-]+")
"""Names that authors give to blocks, of more than one letter. Text has others in angle brackets, too."""


def unknown_references(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each unknown `<name.field>`; a lone `<name>` may be a tag and is ignored."""
    variables = {each for v in state.variables.values() for each in (v.id, normalize_name(v.name))}
    odd = odd_names(state.ids_by_name)
    read = [
        (block, spec, _references(block, spec, odd))
        for block in state.blocks.values()
        if (spec := catalog.spec(block.type)) is not None and state.is_enabled(block.id)
    ]
    names = _Names(
        variables,
        [v.name for v in state.variables.values()],
        bool(api_starts(state)),
        input_references(state),
        _renamed(state, catalog, (each for _, _, found in read for _, each, _ in found.values())),
    )
    unspeakable = [name for name in state.ids_by_name if not is_reference(f"{name}.x")]
    places = Counter(reference.name for _, _, found in read for _, reference, _ in found.values())
    reported: set[str] = set()
    other_texts = 0
    for block, spec, found in read:
        of_setting = cache(partial(_other_texts, block, spec))
        for raw, (field, reference, at) in found.items():
            is_known = reference.name in state.ids_by_name or reference.name in RESERVED_NAMES
            closed, possible = ((), (raw,)) if is_known else of_setting(field)
            if raw in closed or (raw not in possible and other_texts >= _MOST_SEARCHED):
                continue
            if unknown := _dots(raw, state) or _problem(state, names, block, reference):
                code, cause, suggestion = unknown
                is_unmatched = cause.startswith(_UNMATCHED)
                is_renamed = suggestion is None or reference.name in names.renamed
                is_other_text = is_unmatched and is_renamed and raw not in possible
                other_texts += is_other_text
                if reference.name in reported or is_other_text:
                    continue
                if is_renamed and places[reference.name] > 1 and is_unmatched:
                    reported.add(reference.name)
                    readers = f', and {places[reference.name]} places read "{reference.root}".'
                    cause = f"{_UNMATCHED[:-1]}{readers}{cause.removeprefix(_UNMATCHED)}"
                message = f"{block.name}: {raw} {cause}{did_you_mean(suggestion)}"
                problem = warning(code, message, block, (field,), suggestion=suggestion)
                line, column = location_of(code_text(block.value(field)), at) if at is not None else (None, None)
                yield msgspec.structs.replace(problem, line=line, column=column)
        for field, name in _unspeakable(block, spec, unspeakable):
            named = state.blocks[state.ids_by_name[name]].name
            message = f'{block.name}: <{name}.…> does not reach "{named}": rename it, without any of + * / = < > !'
            yield warning(ProblemCode.UNKNOWN_REFERENCE, message, block, (field,))


def block_references(state: WorkflowState, catalog: Catalog) -> Iterator[tuple[Block, str, Reference]]:
    """Yield each reference with a path once for each block, with the setting that has it."""
    odd = odd_names(state.ids_by_name)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is not None and state.is_enabled(block.id):
            for field, reference, _ in _references(block, spec, odd).values():
                yield block, field, reference


def blocks_outside(state: WorkflowState, catalog: Catalog) -> Mapping[str, str]:
    """Return the only loop or parallel that each block outside reads an item or an index of, by the block's id."""
    only = {
        kind: next(iter(containers))
        for kind, containers in (("loop", state.loops), ("parallel", state.parallels))
        if len(containers) == 1
    }
    return {
        block.id: container
        for block, _, reference in block_references(state, catalog)
        if (container := only.get(reference.name))
        and reference.path[0] not in ("results", "result")
        and not state.containers_of(block.id)
        and block.id != container
    }


class _Names(NamedTuple):
    variables: set[str]
    """Ids and normalized names of variables."""
    as_typed: list[str]
    have_start: bool
    inputs: Mapping[str, str]
    """References to inputs, by name."""
    renamed: Mapping[str, str]
    """Current names of blocks that references probably mean, by their unknown names."""


def _renamed(state: WorkflowState, catalog: Catalog, references: Iterable[Reference]) -> Mapping[str, str]:
    """Return the only block that has all fields read under an unknown name, preferably one that nothing refers to."""
    read: dict[str, set[str]] = {}
    for reference in references:
        if _PLAUSIBLE.fullmatch(reference.root):
            read.setdefault(reference.name, set()).add(to_string(reference.path[0]))
    outputs = {
        name: spec.declared_outputs(block).keys()
        for name, key in state.ids_by_name.items()
        if is_reference(f"{name}.x")
        and (spec := catalog.spec((block := state.blocks[key]).type))
        and block.type != "response"  # after which nothing runs
    }
    found: dict[str, str] = {}
    for name in islice((each for each in read if each not in state.ids_by_name), _MOST_RENAMED):
        matching = [each for each, fields in outputs.items() if (read[name] - {"error"} or read[name]) <= fields]
        unread = [each for each in matching if each not in read]
        outside = [each for each in unread if state.container_of(state.ids_by_name[each]) is None]
        if only := next((each for each in (matching, unread, outside) if len(each) == 1), None):
            found[name] = only[0]
    return found


def _unspeakable(block: Block, spec: BlockSpec, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the settings that try to refer to names which parse as calculations or comparisons."""
    for field, value in (_settings(block, spec) if names else {}).items():
        written = "\n".join(texts(_as_read(value))).lower()
        yield from ((field, name) for name in names if f"<{name}." in written)


def _settings(block: Block, spec: BlockSpec) -> JsonObject:
    if block.type == "note":  # which does not run
        return {}
    return block.data if spec.is_container else block_params(block, spec)


def _references(block: Block, spec: BlockSpec, odd: tuple[str, ...]) -> dict[str, tuple[str, Reference, int | None]]:
    """Return each reference of a block once, with its setting and, in code, its first offset."""
    found: dict[str, tuple[str, Reference, int | None]] = {}
    for field, value in _settings(block, spec).items():
        for reference, at in _in_setting(block, field, value, odd):
            if reference.path:
                found.setdefault(reference.raw, (field, reference, at))
    return found


def _in_setting(block: Block, field: str, value: Json, odd: tuple[str, ...]) -> Iterator[tuple[Reference, int | None]]:
    if block.type == "function" and field == "code":
        language = Language.PYTHON if block.value("language") == "python" else Language.JAVASCRIPT
        marks = compile_code(code_text(value), language, odd_names=odd).marks
        yield from ((mark.part, mark.start) for mark in marks if isinstance(mark.part, Reference))
        return
    for text in texts(_as_read(value)):
        yield from ((reference, None) for reference in parse_text(text).references)


def _as_read(value: Json) -> Json:
    """Parse a setting stored as JSON text, like its block does: letters and quotes may be escaped there."""
    parsed = parse_json(value) if isinstance(value, str) else MISSING
    return parsed if isinstance(parsed, list | dict) else value


def _is_reported(name: str, state: WorkflowState, names: _Names) -> bool:
    """Return whether another problem explains why no block has this name."""
    return f"<{name}>" in state.ids_by_name or (name == "start" and not names.have_start)


def _problem(
    state: WorkflowState, names: _Names, block: Block, reference: Reference
) -> tuple[ProblemCode, str, str | None] | None:
    around = (block.id, *state.containers_of(block.id))
    match reference.name:
        case "variable":
            name = to_string(reference.path[0])
            if name in names.variables or normalize_name(name) in names.variables:
                return None
            near = nearest(name, names.as_typed)
            suggestion = f"<variable.{normalize_name(near) if ' ' in near else near}>" if near else None
            return ProblemCode.UNKNOWN_VARIABLE, "names a variable that does not exist.", suggestion
        case "loop" | "parallel" as kind:
            containers: Collection[str] = state.loops if kind == "loop" else state.parallels
            if any(each in containers for each in around):
                return None
            other = next((state.blocks[each].type for each in around if state.is_container(each)), None)
            return ProblemCode.UNKNOWN_REFERENCE, *_outside(kind, containers, state, reference, other)
        case name if name in state.ids_by_name or _is_reported(name, state, names):
            return None
        case _:
            return _unmatched(state, names, reference)


def _of_other_systems(state: WorkflowState, names: _Names, reference: Reference) -> str | None:
    """Return the value that a reference means in other systems: `env.KEY`, `inputs.name`, `steps.block.field`."""
    first, path = to_string(reference.path[0]), reference.path_text
    if reference.root in _SECRETS:
        return f"{{{{{path}}}}}"
    if len(reference.path) > 1 and normalize_name(first) in state.ids_by_name:
        return f"<{path}>"
    field = names.inputs.get(first)
    return f"{field[:-1]}{path.removeprefix(first)}>" if field else None


def _other_texts(block: Block, spec: BlockSpec, field: str) -> tuple[Set[str], Set[str]]:
    """Return the text in angle brackets of a setting that a tag closes, and that which may be a reference.

    A type parameter of code follows its type, and a whole string of code may be a placeholder.
    """
    text = "\n".join(texts(_as_read(_settings(block, spec)[field])))
    before = r"(?<![\w:'\"])" if block.type == "function" else r"(?<![\w:])(?<!include )"
    return {f"<{each}>" for each in _CLOSING.findall(text)}, set(re.findall(f"{before}<[^<>]+>", text))


def _dots(raw: str, state: WorkflowState) -> tuple[ProblemCode, str, str] | None:
    meant = re.sub(r"\.+(?=[.>])", "", raw)
    name = normalize_name(meant[1:-1].partition(".")[0])
    is_known = name in RESERVED_NAMES or name in state.ids_by_name
    return (ProblemCode.UNKNOWN_REFERENCE, "has an extra dot.", meant) if meant != raw and is_known else None


def _without_dots(reference: Reference, state: WorkflowState) -> str | None:
    """Return the reference to a block whose name has dots, `<dov1.2.result>` for "Do v1.2", without them."""
    parts = reference.raw[1:-1].split(".")
    names = ((normalize_name("".join(parts[:end])), ".".join(parts[end:])) for end in range(2, len(parts)))
    return next((f"<{name}.{path}>" for name, path in names if name in state.ids_by_name), None)


def _outside(
    kind: str, containers: Collection[str], state: WorkflowState, reference: Reference, other: str | None
) -> tuple[str, str | None]:
    """Return the problem with a reference outside of a container, and the one to the results of the only one.

    `other` is the type of the container of another kind that is around it.
    """
    first, *rest = reference.path
    if other is not None and (meant := _LOOP_OUTPUTS.get(to_string(first))):
        path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in (meant, *rest))
        return f"is outside a {kind}.", f"<{other}{path}>"
    names = [state.blocks[each].name for each in islice(containers, 2)]
    results = f"<{normalize_name(names[0])}.results>" if len(names) == 1 else None
    if reference.path[0] in ("results", "result"):
        return f"is outside a {kind}.", results
    into = f'"{names[0]}"' if len(names) == 1 else f"a {kind}"
    return f"is outside a {kind}. Move the block into {into}{f', or read {results}' if results else ''}.", None


def _unmatched(state: WorkflowState, names: _Names, reference: Reference) -> tuple[ProblemCode, str, str | None] | None:
    if "@" in reference.raw:  # <jane.doe@example.com>
        return None
    if reference.name in names.variables:
        return ProblemCode.UNKNOWN_REFERENCE, _UNMATCHED, f"<variable.{reference.root}>"
    if other := _of_other_systems(state, names, reference) or _without_dots(reference, state):
        return ProblemCode.UNKNOWN_REFERENCE, _UNMATCHED, other
    near = nearest(reference.name, [*state.ids_by_name, *RESERVED_NAMES]) or names.renamed.get(reference.name)
    if near and not is_reference(f"{near}.x"):
        cause = f'matches no block. Rename "{state.blocks[state.ids_by_name[near]].name}", without any of + * / = < > !'
        return ProblemCode.UNKNOWN_REFERENCE, cause, None
    suggestion = f"<{near}.{reference.path_text}>" if near else None
    is_plausible = near is not None or _PLAUSIBLE.fullmatch(reference.root)
    if not is_plausible or ".." in reference.raw or reference.raw.endswith(".>"):  # <2.0.1>, <mailto:a@b.c>, <a..z>
        return None
    known = list(islice((each for each in state.ids_by_name if is_reference(f"{each}.x")), _MOST_LISTED + 1))
    listed = ", ".join(known[:_MOST_LISTED]) + (", …" if len(known) > _MOST_LISTED else "")
    hint = "" if near else f" Use one of: {listed}."
    return ProblemCode.UNKNOWN_REFERENCE, f"{_UNMATCHED}{hint}", suggestion
