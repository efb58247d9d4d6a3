"""Code that reads an entry of a loop's or parallel's `results`, which is a list, as if it were an output.

They are reported only if each use of each entry reads a field that no list has: other code may look at the type of
entries, or change them.
"""

import re
from collections.abc import Iterator
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, query, source_of
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.references import Reference
from shared.workflow.validate.code.member_names import ARRAY_MEMBERS, COMMON_METHODS
from shared.workflow.validate.returns import Program

_MOST: Final = 20
"""Entries that are checked: each takes time."""
_OPEN: Final = re.compile(
    rb"\b(?:try|suppress|typeof|instanceof|isinstance|hasattr|prototype|getPrototypeOf|__proto__|globals|eval|exec)\b"
    rb"|\btype\(|\bObject\.(?:assign|definePropert)"
)
"""Code that expects errors, looks at types, or may give all lists other fields."""
_GIVEN: Final = re.compile(rb"(?:\.(\w{1,64})|\[[\"'](\w{1,64})[\"']\])\s*(?:[-+*/%&|?]{0,3}=(?!=)|\+\+|--)")
"""Fields to which code gives values."""
_OF_LISTS: Final = {
    Language.JAVASCRIPT: ARRAY_MEMBERS | COMMON_METHODS | {"length", "constructor"},
    Language.PYTHON: frozenset(dir(list)),
}
_IS_NAME: Final = re.compile(r"\"[A-Za-z_]\w*\"|'[A-Za-z_]\w*'")
_CHANGING: Final = frozenset({"push", "unshift", "splice", "fill", "append", "extend", "insert"})
"""Methods that give a list other entries."""
_PARAMETER: Final = "[(identifier) (object_pattern)] @entry"
_QUERIES: Final = {
    Language.JAVASCRIPT: f"""
(lexical_declaration kind: "const" (variable_declarator name: (identifier) @alias value: (identifier) @list))
(for_in_statement kind: _ left: {_PARAMETER} operator: "of" right: (identifier) @list)
(call_expression
 function: (member_expression object: (identifier) @list property: (property_identifier) @method)
 arguments: (arguments . [
  (arrow_function parameter: (identifier) @entry)
  (arrow_function parameters: (formal_parameters . {_PARAMETER}))
  (function_expression parameters: (formal_parameters . {_PARAMETER}))])
 (#any-of? @method "map" "flatMap" "filter" "find" "findIndex" "forEach" "some" "every"))
(call_expression
 function: (member_expression object: (identifier) @list property: (property_identifier) @method)
 arguments: (arguments . (arrow_function parameters: (formal_parameters . (_) . {_PARAMETER})))
 (#eq? @method "reduce"))
[(identifier) (shorthand_property_identifier) (shorthand_property_identifier_pattern)] @name
""",
    Language.PYTHON: """
(assignment left: (identifier) @alias !type right: (identifier) @list)
[(for_statement left: (identifier) @entry right: (identifier) @list)
 (for_in_clause left: (identifier) @entry right: (identifier) @list)]
(identifier) @name
""",
}
_SCOPES: Final = frozenset({"for_in_statement", "for_statement", "arrow_function", "function_expression"})
_OBJECTS: Final = {
    **dict.fromkeys(("member_expression", "subscript_expression", "attribute"), "object"),
    "subscript": "value",
}
"""Nodes that read a field, and the name of their child which has it."""
_FIELDS: Final = {"member_expression": "property", "subscript_expression": "index", "subscript": "subscript"}
_ITERATED: Final = dict.fromkeys(("for_in_statement", "for_statement", "for_in_clause"), "right")
_CHANGES: Final = frozenset(
    {"assignment_expression", "augmented_assignment_expression", "update_expression", "unary_expression"}
    | {"assignment", "augmented_assignment", "delete_statement"}
)
_TESTS: Final = ("!", "-", "+", "~", "void")
"""Operators that change nothing."""


def misread_entries(state: WorkflowState, template: CodeTemplate, program: Program | None) -> Iterator[tuple[int, str]]:
    """Yield line and problem of each loop variable or parameter that holds such an entry."""
    lists = {name: part.raw for name, part in template.value_references.items() if _is_results(part, state)}
    if program is None or not lists or _OPEN.search(program.source):
        return
    code = _Code(program, template.language)
    shown = dict(lists)
    for captures in code.found:
        if "alias" in captures and (raw := lists.get(code.text(captures["list"][0]))):
            name = code.text(captures["alias"][0])
            lists[name], shown[name] = raw, name
    lists = {name: raw for name, raw in lists.items() if code.is_unchanged(name, is_alias=shown[name] == name)}
    found = [each for each in code.found if "entry" in each and code.text(each["list"][0]) in lists][:_MOST]
    fields = [code.misread_field(captures["entry"][0]) for captures in found]
    for captures, field in zip(found, fields, strict=True) if all(fields) else ():
        name, entry = code.text(captures["list"][0]), captures["entry"][0]
        cause = f"an entry of {lists[name]} is a list, with one output for each block inside"
        fix = code.fix(entry, captures.get("method"), shown[name])
        yield entry.start_point.row + 1, f'{cause}, and has no "{field}". Write {fix}'


def _is_results(reference: Reference, state: WorkflowState) -> bool:
    target = state.block_named(reference.name)
    is_container = target is not None and target.type in ("loop", "parallel")
    return is_container and reference.path in (("results",), ("result",))


class _Code:
    def __init__(self, program: Program, language: Language) -> None:
        self._source, self._language = program.source, language
        given = {name.decode() for names in _GIVEN.findall(program.source) for name in names}
        self._of_lists = _OF_LISTS[language] | given
        self.found = [
            captures
            for _, captures in tree_sitter.QueryCursor(query(language, _QUERIES[language])).matches(program.root)
        ]
        self._names: dict[str, list[tree_sitter.Node]] = {}
        for node in (each["name"][0] for each in self.found if "name" in each):
            self._names.setdefault(self.text(node), []).append(node)

    def text(self, node: tree_sitter.Node) -> str:
        return source_of(node, self._source)

    def is_unchanged(self, name: str, *, is_alias: bool) -> bool:
        """Return whether a name always has the same list; an alias, except for its declaration, is only read."""
        nodes = self._names.get(name, ())
        declared = [node for node in nodes if not self._is_read(node)]
        return not any(self._changes(node) for node in nodes) and (not is_alias or len(declared) == 1)

    def _is_read(self, node: tree_sitter.Node) -> bool:
        parent = node.parent
        role = {**_OBJECTS, **_ITERATED}.get(parent.type) if parent else None
        return parent is not None and role is not None and parent.child_by_field_name(role) == node

    def _changes(self, node: tree_sitter.Node) -> bool:
        """Return whether code may give the list of a name other entries."""
        parent = node.parent
        member = parent.child_by_field_name("property") or parent.child_by_field_name("attribute") if parent else None
        is_entry = parent is not None and parent.type in ("subscript_expression", "subscript")
        is_changed = parent is not None and is_entry and _is_assigned(parent)
        return is_changed or (member is not None and self.text(member) in _CHANGING)

    def misread_field(self, entry: tree_sitter.Node) -> str | None:
        """Return the first field that code reads of an entry, if lists have none of those that it reads."""
        if entry.type == "object_pattern":
            fields = [self._field_of_pattern(each) for each in entry.named_children]
        else:
            scope = _scope(entry)
            uses = [
                node
                for node in self._names[self.text(entry)]
                if scope.start_byte <= node.start_byte < scope.end_byte and node != entry
            ]
            fields = [self._field(node) for node in uses]
        return fields[0] if fields and all(each and each not in self._of_lists for each in fields) else None

    def _field_of_pattern(self, node: tree_sitter.Node) -> str | None:
        key = node.child_by_field_name("key") if node.type == "pair_pattern" else node
        is_name = key is not None and key.type in ("shorthand_property_identifier_pattern", "property_identifier")
        return self.text(key) if key is not None and is_name else None

    def _field(self, node: tree_sitter.Node) -> str | None:
        """Return the field that code reads of a name; None if it does anything else with it."""
        parent = node.parent
        if parent is None or not self._is_read(node) or parent.parent is None or _is_assigned(parent):
            return None
        if parent.type == "attribute":
            return self._field_of_get(parent)
        if parent.parent.type == "call_expression" and parent.parent.child_by_field_name("function") == parent:
            return None
        field = parent.child_by_field_name(_FIELDS.get(parent.type, ""))
        if field is None or field.type not in ("property_identifier", "string"):
            return None
        is_name = field.type == "property_identifier" or _IS_NAME.fullmatch(self.text(field)) is not None
        return self.text(field).strip("'\"") if is_name else None

    def _field_of_get(self, attribute: tree_sitter.Node) -> str | None:
        """Return the key of a call of `get` in Python."""
        call, name = attribute.parent, attribute.child_by_field_name("attribute")
        is_get = call is not None and call.type == "call" and name is not None and self.text(name) == "get"
        arguments = call.child_by_field_name("arguments") if call is not None and is_get else None
        key = arguments.named_children[0] if arguments is not None and arguments.named_children else None
        return self.text(key).strip("'\"") if key is not None and _IS_NAME.fullmatch(self.text(key)) else None

    def fix(self, entry: tree_sitter.Node, method: list[tree_sitter.Node] | None, name: str) -> str:
        """Return code that reads the outputs."""
        variable = self.text(entry)
        if method:
            return f"{name}.flat().{self.text(method[0])}(…)"
        if self._language is Language.JAVASCRIPT:
            return f"for (const {variable} of {name}.flat())"
        is_statement = entry.parent is not None and entry.parent.type == "for_statement"
        return f"for outputs in {name}{':' if is_statement else ''} for {variable} in outputs"


def _is_assigned(node: tree_sitter.Node) -> bool:
    """Return whether code gives a value to a field or an entry, or deletes it."""
    parent = node.parent
    if parent is None or parent.type not in _CHANGES:
        return False
    target = parent.child_by_field_name("left") or parent.child_by_field_name("argument")
    operator = parent.child_by_field_name("operator")
    return target in (None, node) and (operator is None or operator.type not in _TESTS)


def _scope(entry: tree_sitter.Node) -> tree_sitter.Node:
    """Return the part of a program in which a loop variable or a parameter has its value."""
    node = entry
    while node.type not in _SCOPES and node.parent is not None:
        if node.type == "for_in_clause":
            return node.parent
        node = node.parent
    return node
