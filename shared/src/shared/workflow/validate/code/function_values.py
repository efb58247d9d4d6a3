"""Types and texts that the results of functions, and their fields, have in every run."""

import math
import re
from collections.abc import Sequence, Set
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.catalog.logic import code_text
from shared.workflow.compile.code_parser import source_of
from shared.workflow.compile.code_references import compile_code
from shared.workflow.format.js_values import to_number
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import Path, Reference
from shared.workflow.validate.code.code_context import CodeContext
from shared.workflow.validate.code.known_names import KNOWN_NAMES
from shared.workflow.validate.code.value_types import ValueTypes
from shared.workflow.validate.code.value_uses import ValueUses
from shared.workflow.validate.references.function_results import language_of
from shared.workflow.validate.returns import key_of, parse_program, return_statements, returned_value

_OPEN: Final = re.compile(rb"prototype|toJSON|definePropert|\bProxy\b|\bdef __")
"""Code that may give values another JSON, or operators other values."""
_OF_BOOLEANS: Final = frozenset(
    {"true", "false", "!", "===", "!==", "==", "!=", "<", ">", "<=", ">=", "not_operator", "comparison_operator"}
)
"""Literals, and operators whose values are booleans."""
_LISTS: Final = {
    **dict.fromkeys(("tuple", "expression_list"), "tuple"),
    **dict.fromkeys(("set", "set_comprehension"), "set"),
}
"""Expressions of Python whose JSON is a list."""
_TYPES: Final = frozenset({"string", "number", "array"})
_PLAIN: Final = re.compile(r"(?P<quote>[\"'])(?P<text>[^\"'\\\n]+)(?P=quote)")


class _Values(NamedTuple):
    types: ValueTypes
    source: bytes
    statements: Sequence[tree_sitter.Node]


class FunctionValues:
    """Finds what references to the results of a workflow's functions read."""

    def __init__(self, state: WorkflowState) -> None:
        self._state, self._uses = state, ValueUses(state)
        self._known: dict[str, _Values | None] = {}

    def types(self, reference: Reference) -> Set[str]:
        """Return the types that a value may have; empty if it may be an object, nothing or unknown.

        They are string, number, boolean, array, and the tuple and set of Python, which become lists.
        """
        found = {_type(values.types, each) for values, nodes in self._read(reference) for each in nodes}
        return frozenset() if None in found else {each for each in found if each}

    def texts(self, reference: Reference) -> list[str]:
        """Return the texts of which a value is one; empty if it may be another one, or is always the same.

        A condition may compare a constant, such as the mode of all runs, with any text.
        """
        literals = [
            _PLAIN.fullmatch(source_of(each, values.source))
            for values, nodes in self._read(reference)
            for each in nodes
        ]
        texts = sorted({match["text"] for match in literals if match})
        is_text = all(match and math.isnan(to_number(match["text"])) for match in literals)
        return texts if is_text and len(texts) > 1 else []

    def _read(self, reference: Reference) -> list[tuple[_Values, Sequence[tree_sitter.Node]]]:
        """Return the expressions that a reference may read, if all are known."""
        block = self._state.block_named(reference.name)
        if block is None or block.type != "function" or reference.path[:1] != ("result",):
            return []
        if block.id not in self._known:
            self._known[block.id] = self._values(block)
        values = self._known[block.id]
        nodes = _nodes(values, reference.path[1:]) if values else None
        return [(values, nodes)] if values and nodes else []

    def _values(self, block: Block) -> _Values | None:
        language = language_of(block)
        template = compile_code(code_text(block.value("code")), language)
        program = parse_program(template)
        if program is None or _OPEN.search(program.source):
            return None
        code, statements = CodeContext(program, language, frozenset()), return_statements(program)
        if not statements or KNOWN_NAMES[language].uncertain & code.reads.keys() or "open" in code.names:
            return None
        return _Values(ValueTypes(code, self._uses.references(template)), program.source, statements)


def _nodes(values: _Values, path: Path) -> list[tree_sitter.Node] | None:
    found: list[tree_sitter.Node] = []
    for statement in values.statements:
        value = returned_value(statement)
        if value is None:
            return None
        for node in values.types.values(value):
            if not path:
                found.append(node)
            elif (entry := _entry(values, statement, node, path)) is not None:
                found += values.types.values(entry)
            else:
                return None
    return found


def _entry(values: _Values, statement: tree_sitter.Node, node: tree_sitter.Node, path: Path) -> tree_sitter.Node | None:
    """Return the value of a key in a returned object: code may change one that has a name."""
    is_object = node.type in ("object", "dictionary") and statement.start_byte <= node.start_byte < statement.end_byte
    entries = [each for each in node.named_children if each.type != "comment"] if is_object else []
    keys = [key_of(each, values.source) for each in entries]
    if len(path) != 1 or None in keys or keys.count(str(path[0])) != 1:
        return None
    entry = entries[keys.index(str(path[0]))]
    return entry if entry.type == "shorthand_property_identifier" else entry.child_by_field_name("value")


def _type(types: ValueTypes, node: tree_sitter.Node) -> str | None:
    operator = node.child_by_field_name("operator")
    if (operator.type if operator else node.type) in _OF_BOOLEANS:
        return None if any(each.type in ("is", "is not") for each in node.children) else "boolean"
    kind = _LISTS.get(node.type) or types.of(node)
    return kind if kind in _TYPES or node.type in _LISTS else None
