"""Calls of methods that their object, or every object, lacks."""

from collections import Counter
from collections.abc import Iterator, Set
from functools import cached_property
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.format.suggestions import LEAST_RATIO, did_you_mean, nearest
from shared.workflow.validate.code.code_context import CodeContext, Mistake
from shared.workflow.validate.code.known_names import KNOWN_NAMES
from shared.workflow.validate.code.member_names import (
    ARRAY_MEMBERS,
    COMMON_METHODS,
    KNOWN_METHODS,
    METHOD_EQUIVALENTS,
    MODULE_EQUIVALENTS,
    OBJECT_MEMBERS,
    STRING_MEMBERS,
    USUAL_METHODS,
)

_MOST_COMPARED: Final = 8
"""Unknown members that are compared with all known ones: each takes time."""
_CLOSE: Final = 0.8
_ANSWERS_ANY_MEMBER: Final = frozenset((b"Proxy", b"__getattr__", b"__getattribute__", b"setattr"))
"""Names in code whose objects may have any member."""
_CALLS: Final = {
    Language.JAVASCRIPT: """
(call_expression function: (member_expression object: (_) @object property: (property_identifier) @member))
""",
    Language.PYTHON: "(call function: (attribute object: (_) @object attribute: (identifier) @member))",
}
_READS: Final = {
    Language.JAVASCRIPT: "(member_expression object: (identifier) @object property: (property_identifier) @member)",
    Language.PYTHON: "(attribute object: (identifier) @object attribute: (identifier) @member)",
}
_NAMES_OF_IMPORT: Final = 2
_DATETIMES: Final = {
    Language.PYTHON: """
(import_from_statement module_name: (dotted_name) @module name: (dotted_name) @imported
 (#eq? @module "datetime") (#eq? @imported "datetime"))
(attribute object: (identifier) @object attribute: (identifier) @member
 (#eq? @object "datetime") (#any-of? @member "datetime" "timedelta" "timezone"))
"""
}
_OF_VALUES: Final = STRING_MEMBERS | ARRAY_MEMBERS | COMMON_METHODS | {"constructor"}
_TEXTS: Final = (
    "charAt|concat|join|normalize|padEnd|padStart|repeat|replace|replaceAll|slice|substring|toFixed|toISOString"
    "|toLowerCase|toString|toUpperCase|trim|trimEnd|trimStart"
)
_LISTS: Final = "entries|filter|flat|flatMap|keys|map|reverse|sort|split|toSorted|values"
"""Methods that return texts, and those that return lists."""
_FIELDS: Final = {
    Language.JAVASCRIPT: f"""
(member_expression
 object: [(string) (template_string) (array)
  (call_expression function: (member_expression property: (property_identifier) @method))] @object
 property: (property_identifier) @member
 (#match? @method "^({_TEXTS}|{_LISTS})$"))
(lexical_declaration kind: "const" (variable_declarator name: (identifier) @name value:
 [(string) (template_string) (array)
  (call_expression function: (member_expression property: (property_identifier) @method))]
 (#match? @method "^({_TEXTS}|{_LISTS})$")))
(member_expression object: (identifier) @object property: (property_identifier) @member)
(variable_declarator name: (identifier) @declared)
"""
}


def unknown_members(code: CodeContext, reported: Set[str]) -> Iterator[Mistake]:
    """Yield the calls outside of `try` of members that code neither adds to objects nor uses in other ways.

    Another package that the code imports may have values with any methods. `reported` are the names of methods, and of
    objects with methods, that other checks report.
    """
    calls = _Calls(code, reported)
    for of, method in calls.found:
        if code.source.startswith(b"(", method.end_byte) and method not in code.tried:
            mistake = calls.of_object(of, method) or calls.of_any(of, method)
            if mistake:
                yield mistake
    yield from _misspelled_fields(code)
    yield from _parts_of_class(code)


def _parts_of_class(code: CodeContext) -> Iterator[Mistake]:
    """Yield the reads of classes of the module `datetime` from its class `datetime`, which the code imports."""
    matches = list(code.matches(_DATETIMES))
    imports = [each for each in matches if "imported" in each]
    if len(imports) != 1 or len(code.bindings.get("datetime", ())) != _NAMES_OF_IMPORT:
        return
    for captures in matches:
        node = captures.get("member")
        if node is not None and node not in code.tried:
            name = code.text(node)
            fix = name if name == "datetime" else f"from datetime import {name}"
            hint = " Write datetime once" if fix == name else f" Add the line: {fix}"
            yield Mistake(node, f'"datetime" is the class, which has no .{name}.{hint}')


def _misspelled_fields(code: CodeContext) -> Iterator[Mistake]:
    """Yield the misspelled members of values that are certainly texts or lists, if code only reads them."""
    matches = list(code.matches(_FIELDS))
    times = Counter(code.text(each["declared"]) for each in matches if "declared" in each)
    names = {code.text(each["name"]) for each in matches if "name" in each} - code.ambiguous
    constants = {name for name in names if times[name] == 1}
    read: dict[str, list[tree_sitter.Node]] = {}
    for captures in matches:
        of = captures.get("object")
        if of is not None and (of.type != "identifier" or code.text(of) in constants):
            member = captures["member"]
            is_called = code.source.startswith(b"(", member.end_byte)
            if not is_called and member not in code.tried:
                read.setdefault(code.text(member), []).append(member)
    for name, nodes in islice(read.items(), _MOST_COMPARED):
        if name in _OF_VALUES or name in code.added_members or len(nodes) < code.words[name.encode()]:
            continue
        if near := nearest(name, sorted(_OF_VALUES), least=_CLOSE):
            yield Mistake(nodes[0], f"neither texts nor lists have .{name}.{did_you_mean(f'.{near}')}", f".{near}")


class _Calls:
    def __init__(self, code: CodeContext, reported: Set[str]) -> None:
        self._code, self._reported = code, reported
        self._objects = OBJECT_MEMBERS[code.language]
        self.found = [(captures["object"], captures["member"]) for captures in code.matches(_CALLS)]
        self._numbers = Counter(code.text(method) for _, method in self.found)
        """Number of calls of each method."""
        self._compared: dict[str, str | None] = {}

    @cached_property
    def _other_reads(self) -> Counter[str]:
        """Number of reads of each member, with the name of its object, that are not calls."""
        text = self._code.text
        reads = Counter(f"{text(each['object'])}.{text(each['member'])}" for each in self._code.matches(_READS))
        reads.subtract(f"{text(of)}.{text(method)}" for of, method in self.found if of.type == "identifier")
        return reads

    def of_object(self, of: tree_sitter.Node, node: tree_sitter.Node) -> Mistake | None:
        """Return the mistake in a call of a well-known object's member."""
        name, member = self._first_name(of), self._code.text(node)
        known = self._objects.get(name) if of.type == "identifier" else None
        if known is None or member in known or member in COMMON_METHODS:
            return None
        key = f"{name}.{member}"
        if self._code.is_redefined(name) or member in self._code.added_members or self._other_reads[key] > 0:
            return None
        near = self._nearest(member, known, f"{name}.")
        meant = MODULE_EQUIVALENTS.get(key) or near
        if meant is None and self._code.language is Language.PYTHON:
            return None
        hint = did_you_mean(meant) or f" Use one of: {', '.join(sorted(known))}."
        return Mistake(node, f'"{key}" does not exist.{hint}', meant)

    def of_any(self, of: tree_sitter.Node, node: tree_sitter.Node) -> Mistake | None:
        """Return the mistake in a call of a method that no value has, if the code has its name only in such calls."""
        code, name = self._code, self._code.text(node)
        is_only_called = self._numbers[name] == code.words[name.encode()] and of.type != "regex"
        if not is_only_called or name in self._reported or not _ANSWERS_ANY_MEMBER.isdisjoint(code.words):
            return None
        if (first := self._first_name(of)) == "sim" or first in self._objects or self._is_undefined(first):
            return None
        is_length = name == "length" and code.language is Language.JAVASCRIPT
        if of.type == "identifier" and first in self._reported and not is_length:
            return None
        near = METHOD_EQUIVALENTS[code.language].get(name)
        others = code.packages - self._objects.keys() if near else code.packages
        if others and code.language is Language.PYTHON:
            return None
        if near is None and name not in KNOWN_METHODS[code.language]:
            near = self._nearest(name, USUAL_METHODS[code.language], ".", _CLOSE)
        return Mistake(node, f"no value has a method .{name}().{did_you_mean(near)}", near) if near else None

    def _is_undefined(self, name: str) -> bool:
        """Return whether nothing defines a name that the code reads: another check reports it."""
        known = self._code.bindings.keys() | self._code.parameters | KNOWN_NAMES[self._code.language].defined
        return name in self._code.reads and name not in known and name not in self._reported

    def _first_name(self, of: tree_sitter.Node) -> str:
        """Return the source of an object up to the first dot."""
        end = self._code.source.find(b".", of.start_byte, of.end_byte)
        return self._code.source[of.start_byte : of.end_byte if end < 0 else end].decode(errors="replace")

    def _nearest(self, member: str, known: Set[str], prefix: str, least: float = LEAST_RATIO) -> str | None:
        """Return the member that an unknown one probably means, with a prefix."""
        key = f"{prefix}{member}"
        if key not in self._compared and len(self._compared) < _MOST_COMPARED:
            near = nearest(member, sorted(known), least=least)
            self._compared[key] = near and f"{prefix}{near}"
        return self._compared.get(key)
