"""References to fields that a block does not have, and what their authors mean."""

import re
from collections.abc import Iterator, Set
from functools import cache
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.compile.code_parser import Language
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.paths import Outputs, is_declared
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, parse_text
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.computed_indexes import computed_indexes
from shared.workflow.validate.references.answer_fields import AnswerFields, UnknownField
from shared.workflow.validate.references.connections import Connections
from shared.workflow.validate.references.function_results import language_of, returns_of
from shared.workflow.validate.references.readable_fields import ITEMS, ReadableFields

_MAIN_OUTPUT: Final = {"function": "result", "api": "data", "workflow_input": "result"}
"""Output that has the fields which authors expect at the block itself."""
_OTHER_OUTPUTS: Final = frozenset({"body", "json", "response", "output", "outputs"})
"""Names of that output in other systems."""
_OF_RESPONSES: Final = {
    "ok": "A request that fails takes on_error, so no other needs a check. A field of the answer is <{}.data.ok>.",
    "result": "The whole answer is <{0}.data>, and a field of it <{0}.data.result>.",
}
"""Names of whole answers in other systems, which a field of an answer may have, too."""
_STARTS: Final = frozenset({"start_trigger", "starter", "api_trigger", "input_trigger"})
_QUOTED_KEY: Final = re.compile(r"\[['\"]([\w-]{1,127})['\"]\]")
_NEGATIVE_INDEX: Final = re.compile(r"(?P<list>[\w.-]{1,200})\[(?P<index>-[0-9]{1,9})\](?P<field>(?:\.\w{1,127}){0,8})")


class UndeclaredFields:
    """Explains references to fields that their block does not have."""

    def __init__(
        self, state: WorkflowState, catalog: Catalog, connections: Connections, fields: ReadableFields
    ) -> None:
        self._state, self._catalog, self._connections, self._fields = state, catalog, connections, fields
        self._answers = AnswerFields(state)
        self._inside = cache(self._blocks_inside)  # a file may have many wrong references to many blocks
        self._returns = cache(lambda key: returns_of(state.blocks[key]))

    def problem(self, block: Block, field: str, reference: Reference, target: Block) -> Problem | None:
        """Return the warning about a reference of `block` to a field that `target` does not have; None if it may."""
        outputs = self._fields.of(target, block)
        if outputs is not None and not is_readable(outputs, reference, target):
            return self._undeclared(block, field, reference, target, outputs)
        if unknown := self._answers.unknown(reference.name, reference.path):
            return self._in_answer(block, field, reference, target, unknown)
        if self._is_missing_in_iteration(reference, target, block):
            return self._in_iteration(block, field, reference, target)
        return None

    def _undeclared(self, block: Block, field: str, reference: Reference, target: Block, outputs: Outputs) -> Problem:
        language = language_of(block) if field in ("code", "conditions") else None
        text, meant = self._explain(reference, target, outputs, language)
        return warning(ProblemCode.UNKNOWN_FIELD, f"{block.name}: {text}", block, (field,), suggestion=meant)

    def _in_answer(
        self, block: Block, field: str, reference: Reference, target: Block, unknown: UnknownField
    ) -> Problem:
        step, path = to_string(reference.path[unknown.at]), "".join(map(_key, reference.path[: unknown.at]))
        near = nearest(step, unknown.names)
        after = "".join(map(_key, reference.path[unknown.at + 1 :]))
        meant = f"<{reference.root}{path}.{near}{after}>" if near else None
        cause = f'has no field "{step}"'
        if unknown.kind:
            meant, cause = f"<{reference.root}{path}>", f"is a {unknown.kind}, which has no fields"
        hint = did_you_mean(meant) or f" Available fields: {', '.join(unknown.names)}."
        text = f'{reference.raw}: "{path[1:]}" of "{target.name}" {cause}.{hint}'
        return warning(ProblemCode.UNKNOWN_FIELD, f"{block.name}: {text}", block, (field,), suggestion=meant)

    def _is_missing_in_iteration(self, reference: Reference, target: Block, reader: Block) -> bool:
        """Return whether a reference reads a field of an output in `results` that no block of the container has."""
        path = reference.path
        if target.type not in ("loop", "parallel") or len(path) < len(("results", 0, 0, "field")):
            return False
        is_field = isinstance(path[1], int) and isinstance(path[2], int) and isinstance(path[3], str)
        inside = [self._fields.of(each, reader) for each in self._inside(target.id)] if is_field else []
        return bool(inside) and all(each is not None and path[3] not in {*each, "error"} for each in inside)

    def _in_iteration(self, block: Block, field: str, reference: Reference, target: Block) -> Problem:
        first, *rest = map(_key, reference.path[len(("results", 0, 0)) :])
        output, main = reference.raw[: -len(f"{first}{''.join(rest)}>")], self._last_main_output(target)
        meant = f"{output}.{main}{first}{''.join(rest)}>" if main else None
        cause = f'{reference.raw}: no block in "{target.name}" has an output "{first[1:]}"'
        text = f"{block.name}: {cause}.{did_you_mean(meant)}"
        return warning(ProblemCode.UNKNOWN_FIELD, text, block, (field,), suggestion=meant)

    def _blocks_inside(self, container: str) -> list[Block]:
        return [each for each in self._state.blocks.values() if self._state.container_of(each.id) == container]

    def _explain(
        self, reference: Reference, target: Block, outputs: Outputs, language: Language | None
    ) -> tuple[str, str | None]:
        """Return the problem with a reference, and the one that is meant."""
        if _skips_block_of_iteration(target, reference):
            return self._field_of_iteration(reference, target)
        if computed := next(computed_indexes(reference.raw, (reference.name,), is_bare=True), None):
            return f"{computed.problem(language)}.", None
        if other := _other_syntax(reference, target, outputs, language):
            return other
        if of := _list_with_field(outputs, reference):
            return _field_of_list(reference, target, of), None
        spec = self._catalog.spec(target.type)
        if reference.path[0] == "error" and "error" not in outputs and spec is not None and spec.has_error_port:
            return (
                f'{reference.raw}: "{target.name}" has no error path. Connect its error port, on_error in a file.',
                None,
            )
        return _unknown_field(reference, target, outputs)

    def _field_of_iteration(self, reference: Reference, target: Block) -> tuple[str, str | None]:
        number, *rest = reference.path[1:]
        places = [
            (is_certain, place, path)
            for place, block in enumerate(self._chain(target))
            for is_certain, path in self._paths(block, target, rest)
        ]
        entry = f"<{reference.root}.results[{number}]"
        meant = None
        if places:
            _, place, path = max(places, key=lambda each: each[:2])
            meant = f"{entry}[{place}]{''.join(map(_key, path))}>"
        hint = did_you_mean(meant) or f" {entry}[0]> is the output of the block that ended first."
        cause = f'an entry of results of "{target.name}" is a list, with one output for each block inside'
        return f"{reference.raw}: {cause}.{hint}", meant

    def _paths(self, block: Block, reader: Block, path: list[str | int]) -> Iterator[tuple[bool, list[str | int]]]:
        """Yield the path at which a block has a field, or may have it in its main output, and whether it has it."""
        outputs = self._fields.of(block, reader) or {}
        main = _MAIN_OUTPUT.get(block.type)
        for each in (path, [main, *path]) if main and path[0] not in outputs else (path,):
            fields = self._returns(block.id).fields if each[0] == "result" and len(each) > 1 else None
            if is_declared(outputs, tuple(each)) and (fields is None or each[1] in fields):
                yield each is path or fields is not None, each

    def _last_main_output(self, container: Block) -> str | None:
        """Return the main output that all last blocks of an iteration have."""
        followers = self._followers(container)
        found = {_MAIN_OUTPUT.get(self._state.blocks[key].type) for key, after in followers.items() if not after}
        return found.pop() if len(found) == 1 else None

    def _chain(self, container: Block) -> list[Block]:
        """Return the blocks of an iteration in the order in which they end; none if it may be another one."""
        followers = self._followers(container)
        after = {key: next(iter(keys), None) for key, keys in followers.items()}
        firsts = followers.keys() - after.values()
        is_chain = len(firsts) == 1 and all(len(keys) <= 1 for keys in followers.values())
        chain: list[Block] = []
        key = next(iter(firsts)) if is_chain else None
        while key is not None and len(chain) < len(followers):
            chain.append(self._state.blocks[key])
            key = after[key]
        return chain if len(chain) == len(followers) else []

    def _followers(self, container: Block) -> dict[str, Set[str]]:
        inside = {each.id for each in self._inside(container.id)}
        return {key: inside.intersection(self._connections.followers.get(key, ())) for key in inside}


def is_readable(outputs: Outputs, reference: Reference, target: Block) -> bool:
    """Return whether a block has the field that a reference reads."""
    is_misread = _list_with_field(outputs, reference) or _skips_block_of_iteration(target, reference)
    return is_declared(outputs, reference.path) and not is_misread


def _list_with_field(outputs: Outputs, reference: Reference) -> str | None:
    """Return the name of the list of which a reference reads a field other than `length`."""
    of, *rest = map(to_string, reference.path[:2])
    kind = outputs[of].type if of in outputs else ""
    is_list = kind == "array" or kind.endswith("[]")
    return of if is_list and rest and isinstance(reference.path[1], str) and rest != ["length"] else None


def _skips_block_of_iteration(target: Block, reference: Reference) -> bool:
    """Return whether a reference reads a field of an entry of `results`, which is itself a list."""
    keys = reference.path[:3]
    is_read = keys[0] in ("results", "result") and len(keys) > len(("results", 0)) and isinstance(keys[1], int)
    return target.type in ("loop", "parallel") and is_read and isinstance(keys[-1], str) and keys[-1] != "length"


def _key(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


def _field_of_list(reference: Reference, target: Block, of: str) -> str:
    is_container = target.type in ("loop", "parallel")
    entry = f"<{reference.root}.{of}[0]{'[0]' if is_container else reference.path_text.removeprefix(of)}>"
    what = "a list with a list of outputs for each iteration" if is_container else "a list"
    cause = f'"{of}" of "{target.name}" is {what}'
    return f"{reference.raw}: {cause}. Read an entry, such as {entry}, or all in a loop."


def _other_syntax(
    reference: Reference, target: Block, outputs: Outputs, language: Language | None
) -> tuple[str, str | None] | None:
    """Return the problem with a path in the syntax of JavaScript or Python, and the path that is meant."""
    text = reference.raw[1:-1]
    plain = _QUOTED_KEY.sub(r".\1", text.replace("?.[", "[").replace("?.", "."))
    found = parse_text(f"<{plain}>").sole_reference if plain != text else None
    if found and is_readable(outputs, found, target):
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


def _unknown_field(reference: Reference, target: Block, outputs: Outputs) -> tuple[str, str | None]:
    key, root = to_string(reference.path[0]), reference.root
    names, meant = outputs, _meant(reference, target, outputs)
    if target.type == "guardrails" and key == "maskedText":
        return f'{reference.raw} is always empty: "{target.name}" masks nothing. Set its piiMode to mask.', None
    if target.type == "api" and key == "data" and "data" not in outputs:
        cause = f'"{target.name}" has the method HEAD, whose answers have no body'
        return f"{reference.raw} is always empty: {cause}. Set method to GET, or read <{root}.headers>.", None
    if target.type in ("loop", "parallel") and key in (*ITEMS, "item") and "currentItem" not in outputs:
        cause = f'"{target.name}" has no items, because it does not run over a collection. Give it one'
    elif key in outputs and outputs[key].fields:
        names, inner = outputs[key].fields, to_string(reference.path[1])
        near = nearest(inner, names)
        meant = f"<{root}.{key}.{near}>" if near else None
        cause = f'"{key}" of "{target.name}" has no field "{inner}"'
    elif key in outputs:
        meant = f"<{root}.{key}>"
        cause = f'"{key}" of "{target.name}" is a {outputs[key].type}, which has no fields'
    elif target.type in _STARTS:
        cause = f'"{target.name}" declares no input "{key}"'
    else:
        cause = f'"{target.name}" has no field "{reference.path_text}"'
    if target.type == "api" and len(reference.path) == 1 and key in _OF_RESPONSES:
        return f"{reference.raw}: {cause}. {_OF_RESPONSES[key].format(root)}", None
    if spaced := next((name for name in names if " " in name and _is_part(key, name)), None):
        fix = f'Rename "{spaced}", such as {"_".join(spaced.split())}'
        return f"{reference.raw}: {cause}: no reference reaches a name with a space. {fix}.", None
    declare = " Declare it in inputs." if target.type == "human_in_the_loop" else ""
    hint = did_you_mean(meant) or f"{declare} Available fields: {', '.join(names) or 'none'}."
    return f"{reference.raw}: {cause}.{hint}", meant


def _is_part(key: str, name: str) -> bool:
    """Return whether a key has the letters of a name with spaces, or is one of its words."""
    return _letters(key) == _letters(name) or key.lower() in name.lower().split()


def _letters(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _meant(reference: Reference, target: Block, outputs: Outputs) -> str | None:
    """Return the reference to a field of the block that the author probably means."""
    key, last, path = to_string(reference.path[0]), to_string(reference.path[-1]), reference.path_text
    is_last = key in outputs or last in outputs
    near = last if is_last else nearest(key, [name for name in outputs if " " not in name])
    if near is None and "@" not in reference.raw and (main := _MAIN_OUTPUT.get(target.type)):
        if key in _OTHER_OUTPUTS:
            path = path.removeprefix(key).removeprefix(".").removeprefix(f"{main}.")
        return f"<{reference.root}.{main}{'' if path[:1] in ('', '[') else '.'}{path}>"
    return f"<{reference.root}.{near}>" if near in outputs else None
