"""Uses that the type of a value does not allow: members it lacks, sums of texts and numbers, arguments of functions."""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.code.code_context import CodeContext, Mistake, Spans, is_tested_read
from shared.workflow.validate.code.member_names import (
    ARRAY_MEMBERS,
    COMMON_METHODS,
    KNOWN_METHODS,
    STRING_MEMBERS,
    names,
)
from shared.workflow.validate.code.value_types import Declared, ValueTypes
from shared.workflow.validate.returns import return_statements

KINDS: Final = {
    **{"number": "a number", "string": "a string", "boolean": "a boolean"},
    **{"array": "a list", "object": "an object", "regex": "a regular expression"},
}
_OF_NUMBERS: Final = COMMON_METHODS | names("constructor toFixed toPrecision toExponential")
_OBJECTS: Final = COMMON_METHODS | {"constructor"}
_MEMBERS: Final[Mapping[Language, Mapping[str, Set[str]]]] = {
    Language.JAVASCRIPT: {
        "number": _OF_NUMBERS,
        "string": STRING_MEMBERS | _OBJECTS | names("anchor big bold fixed italics link small strike sub sup"),
        "array": ARRAY_MEMBERS | _OBJECTS,
        "object": _OBJECTS,
        "regex": _OBJECTS | names("exec test compile"),
    },
    Language.PYTHON: {
        "number": frozenset(dir(int)) | frozenset(dir(float)),
        "string": frozenset(dir(str)),
        "array": frozenset(dir(list)),
        "object": frozenset(dir(dict)),
    },
}
_OF_ANY: Final[Mapping[Language, Set[str]]] = {
    Language.JAVASCRIPT: STRING_MEMBERS | ARRAY_MEMBERS | KNOWN_METHODS[Language.JAVASCRIPT] | _OF_NUMBERS,
    Language.PYTHON: frozenset().union(*_MEMBERS[Language.PYTHON].values()),
}
"""Members of some values: other checks report those that none has."""
_OPEN: Final = re.compile(
    rb"[pP]rototype|__proto__|\bdef __(?!init)|Symbol|\bReflect\b|\b(?:suppress|assertRaises|assign)\b|\bdefinePropert"
)
"""Code that may add members or operators to values, or expects errors."""
_ADDED: Final = re.compile(rb"\]\s*(?:[|&?]{2})?=(?!=)|(?<!\|)\|=|__\(|\b(?:setdefault|setitem|update|ior)\b")
"""Code that may add fields whose names are computed."""
_TARGETS: Final = frozenset({"pair_pattern", "array_pattern", "assignment_pattern", "object_assignment_pattern"})
_DELETE: Final = b"delete"
_ASSIGNING: Final = frozenset({"assignment_expression", "for_in_statement", "for_statement"})
_PARTS: Final = frozenset({"array", "object", "pair", "parenthesized_expression", "template_string"})
_PASSED_ON: Final = frozenset({*_PARTS, "template_substitution", "+", "-", "*", "/", "%", "**"})
"""Expressions and operators whose value needs that of each part."""
_OF_PATTERNS: Final = frozenset({"match", "matchAll", "replace", "replaceAll", "search", "split"})
"""Methods of texts that take a regular expression."""
_LOADER: Final = "json.load"
_LENGTHS: Final = {Language.JAVASCRIPT: ("size", "count", "len"), Language.PYTHON: ("length", "size")}
_QUERIES: Final = {
    Language.JAVASCRIPT: """
(member_expression object: (_) @of property: (property_identifier) @member)
(for_in_statement operator: "of" right: (_) @iterated)
(variable_declarator name: (object_pattern) @pattern value: (identifier) @of)
(subscript_expression object: (identifier) @of index: (string . (string_fragment) @key .))
(call_expression function: (member_expression) @function arguments: (arguments . (_) @argument .)
 (#any-of? @function "Math.max" "Math.min"))
""",
    Language.PYTHON: """
(attribute object: (_) @of attribute: (identifier) @member)
(subscript value: (identifier) @of subscript: (string (string_start) . (string_content) @key . (string_end)))
(subscript value: (call function: (attribute object: (_) @dictionary attribute: (identifier) @view)
 arguments: (argument_list) @none) subscript: (integer) (#any-of? @view "items" "keys" "values") (#eq? @none "()"))
(binary_operator left: (_) @left operator: "+" right: (_) @right)
[(lambda) (if_statement) (conditional_expression)] @optional
(call function: (identifier) @function arguments: (argument_list . (_) @argument .)
 (#any-of? @function "len" "range"))
(call function: (attribute) @encoder arguments: (argument_list . (_) @argument .)
 (#any-of? @encoder "hashlib.md5" "hashlib.sha1" "hashlib.sha256" "hashlib.sha512" "base64.b64encode"
  "base64.urlsafe_b64encode" "json.load"))
""",
}


def type_mistakes(code: CodeContext, types: ValueTypes, reported: Set[str]) -> Iterator[Mistake]:
    """Yield each use outside of `try`. `reported` are names of values some of whose members other checks report."""
    if _OPEN.search(code.source):
        return
    matches = list(code.matches(_QUERIES))
    optional = Spans(each["optional"] for each in matches if "optional" in each)
    tested = {
        code.text(each["member"]) for each in matches if "member" in each and is_tested_read(each["member"].parent)
    }
    yield from _unreturned(code, types, matches)
    for captures in matches:
        node = captures.get("member") or next(iter(captures.values()))
        if node in code.tried or "optional" in captures:
            continue
        match captures:
            case {"of": of, "member": member}:
                is_tested = code.text(member) in tested
                text = (None if is_tested else _member(code, types, of, member, reported)) or _part(
                    code, types, of, member, reported, optional=optional
                )
            case {"of": of, "pattern": pattern}:
                text = _pattern(code, types, of, pattern)
            case {"dictionary": of, "view": view} if types.of(of) == "object" or (
                not types.has_other_values and types.is_json(of)
            ):
                shown = f"{types.shown(of)}.{code.text(view)}()"
                text = f"{shown} of a dictionary has no index. Write list({shown})[…]"
            case {"left": left, "right": right}:
                text = _sum(types, left, right)
            case {"iterated": iterated} if types.of(iterated) == "object":
                shown = types.shown(iterated) if iterated.type == "identifier" else "…"
                text = f"for … of needs a list, not an object. Write Object.entries({shown})"
            case {"function": function, "argument": argument} if not _is_own(code, code.text(function)):
                text = _argument(types, code.text(function), argument)
            case {"encoder": encoder, "argument": argument} if types.of(argument) == "string":
                shown, taker = types.shown(argument), code.text(encoder)
                what, fix = ("a file", f"json.loads({shown})") if taker == _LOADER else ("bytes", f"{shown}.encode()")
                text = f"{taker}(…) takes {what}, not a string.{did_you_mean(fix)}"
            case _:
                text = None
        if text:
            yield Mistake(node, text)


def _member(
    code: CodeContext, types: ValueTypes, of: tree_sitter.Node, member: tree_sitter.Node, reported: Set[str]
) -> str | None:
    """Return why the type of a value has no such member."""
    name, kind = code.text(member), types.of(of)
    if kind is None or name in _MEMBERS[code.language][kind] or name in code.added_members:
        return None
    is_python, is_called = code.language is Language.PYTHON, code.source.startswith(b"(", member.end_byte)
    is_length = name in _LENGTHS[code.language] and (kind == "array" or (is_python and kind == "string"))
    is_known = kind == "regex" or name in _OF_ANY[code.language]
    is_read = not is_python and not is_called and name != "length" and not is_length  # a method, which code may test
    if is_read or code.is_tested(name, is_called=is_called):
        return None
    is_open = kind == "object" and (not is_called or types.reference(of) is None)  # keys may have any name
    is_reported = code.text(of) in reported and _is_reported(code, kind, name, is_called=is_called)
    if is_open or is_reported or not (is_known or is_length) or code.text(of) == "this":
        return None
    shown = types.shown(of)
    fix = did_you_mean(_fix(shown, kind, name, code.language))
    return f"{shown} is {KINDS[kind]}, which has no .{name}{'()' if is_called else ''}.{fix}".removesuffix(".")


def _is_reported(code: CodeContext, kind: str, name: str, *, is_called: bool) -> bool:
    """Return whether other checks of references report a member."""
    if code.language is Language.PYTHON:
        return is_called if kind == "number" else name in _LENGTHS[code.language]
    if name not in STRING_MEMBERS | ARRAY_MEMBERS | _OF_NUMBERS:
        return is_called
    of_lists = name in ARRAY_MEMBERS - STRING_MEMBERS
    return is_called and (of_lists if kind == "string" else kind == "number" and name in ARRAY_MEMBERS | STRING_MEMBERS)


def _fix(shown: str, kind: str, name: str, language: Language) -> str | None:
    if language is Language.PYTHON:
        fixes = {("array", "join"): f"….join({shown})", ("array", "items"): f"enumerate({shown})"}
        return f"len({shown})" if name in _LENGTHS[language] else fixes.get((kind, name))
    fix = None
    match kind:
        case "array" if name in _LENGTHS[language]:
            fix = f"{shown}.length"
        case "object":
            fix = f"Object.entries({shown}).{name}"
        case "regex":
            second = ", …" if name.startswith("replace") else ""
            fix = f"….{name}({shown}{second})" if name in _OF_PATTERNS else f"{shown}.test"
        case "number" if shown.startswith("Date.now"):
            fix = f"new Date().{name}"
        case "string" if name in ("toFixed", "toPrecision"):
            fix = f"Number({shown}).{name}"
    return fix


def _part(
    code: CodeContext,
    types: ValueTypes,
    of: tree_sitter.Node,
    member: tree_sitter.Node,
    reported: Set[str],
    *,
    optional: Spans,
) -> str | None:
    """Return why a dictionary, or a part of a JSON value, has no such attribute in Python.

    `optional` are parts of the code that may never run.
    """
    name = code.text(member)
    is_other = code.language is not Language.PYTHON or name in _OF_ANY[Language.PYTHON] or name[0] == "_"
    is_dictionary = types.of(of) == "object" and member not in optional
    is_plain = not types.has_other_values and (types.is_json(of) or is_dictionary)
    if is_other or code.text(of) in reported or not is_plain:
        return None
    shown = types.shown(of)
    fix = f'{shown}["{name}"]'
    return f"{shown} has no attribute .{name}.{did_you_mean(fix)}"


def _unreturned(
    code: CodeContext, types: ValueTypes, matches: Iterable[Mapping[str, tree_sitter.Node]]
) -> Iterator[Mistake]:
    """Yield the first read of each field that a function never returns, if the code only reads it from the result.

    JavaScript may test in many ways for a field of an earlier version, but hardly for one with a similar name.
    """
    is_python = code.language is Language.PYTHON
    reads: dict[str, list[tuple[tree_sitter.Node, Declared]]] = {}
    for captures in () if _ADDED.search(code.source) else matches:
        node = captures.get("key") or (None if is_python else captures.get("member"))
        value = types.reference(captures["of"]) if node and "of" in captures else None
        if node and node not in code.tried and value and value.fields and _is_read(code, node):
            reads.setdefault(code.text(node), []).append((node, value))
    returned = _returned(code) if reads and not is_python else frozenset()
    for name, found in reads.items():
        node, value = found[0]
        is_known = name in _OBJECTS | code.added_members or any(name in each.fields for _, each in found)
        is_certain = (
            is_python or _meant(code, value, name) or all(_is_needed(_read(each), returned) for each, _ in found)
        )
        if not is_known and len(found) == code.words[name.encode()] and is_certain:
            yield Mistake(node, _no_field(value, name))


def _meant(code: CodeContext, value: Declared, name: str) -> str | None:
    """Return the similar field that code means, which it does not read."""
    near = nearest(name, sorted(value.fields))
    return near if near is not None and not code.words[near.encode()] else None


def _read(node: tree_sitter.Node) -> tree_sitter.Node:
    """Return the expression that reads a field with this name or key."""
    parent = node.parent.parent if node.parent and node.parent.type == "string" else node.parent
    return parent or node


def _is_read(code: CodeContext, node: tree_sitter.Node) -> bool:
    """Return whether code reads a field, instead of calling a method or giving the field a value."""
    read = _read(node)
    after = read.parent
    while after is not None and after.type == "parenthesized_expression":
        read, after = after, after.parent
    is_target = after is not None and (
        after.type in _TARGETS or (after.type in _ASSIGNING and after.child_by_field_name("left") == read)
    )
    is_deleted = after is not None and code.source.startswith(_DELETE, after.start_byte)
    return not is_target and not is_deleted and not code.source.startswith(b"(", node.end_byte)


def _returned(code: CodeContext) -> Set[int]:
    """Return the ids of the expressions that the result of the code needs."""
    pending: list[tree_sitter.Node] = [*(return_statements(code.program) or ())]
    found: set[int] = set()
    while pending:
        for each in pending.pop().named_children:
            operator = each.child_by_field_name("operator")
            if (operator or each).type in _PASSED_ON:
                pending.append(each)
            found.add(each.id)
    return found


def _is_needed(read: tree_sitter.Node, returned: Set[int]) -> bool:
    """Return whether code needs a field for its result, or reads a part of it."""
    parent = read.parent
    is_whole = parent is not None and parent.child_by_field_name("object") == read
    is_optional = any(each and each.child_by_field_name("optional_chain") for each in (read, parent))
    return not is_optional and (is_whole or read.id in returned)


def _no_field(value: Declared, name: str) -> str:
    near = nearest(name, sorted(value.fields))
    hint = did_you_mean(near) or f" Available fields: {', '.join(sorted(value.fields))}"
    return f'{value.raw} has no field "{name}".{hint}'


def _pattern(code: CodeContext, types: ValueTypes, of: tree_sitter.Node, pattern: tree_sitter.Node) -> str | None:
    """Return why a value has no field that a pattern reads without a default."""
    value = types.reference(of)
    for entry in pattern.named_children if value and value.fields and not _ADDED.search(code.source) else ():
        key = entry.child_by_field_name("key") if entry.type == "pair_pattern" else entry
        read = entry.child_by_field_name("value")
        if read and read.type == "assignment_pattern":  # it has a default
            continue
        is_name = key is not None and key.type in ("shorthand_property_identifier_pattern", "property_identifier")
        is_added = key is not None and code.text(key) in _OBJECTS | code.added_members
        name = code.text(key) if key is not None and is_name and not is_added else ""
        if value and name and name not in value.fields and _meant(code, value, name):
            return _no_field(value, name)
    return None


def _sum(types: ValueTypes, left: tree_sitter.Node, right: tree_sitter.Node) -> str | None:
    kinds = types.of(left), types.of(right)
    if kinds not in (("number", "string"), ("string", "number")):
        return None
    number = types.shown(left if kinds[0] == "number" else right)
    return f"{number} is a number, which Python does not add to a text.{did_you_mean(f'str({number})')}"


def _is_own(code: CodeContext, function: str) -> bool:
    """Return whether code may give another meaning to a function of the language."""
    first, *members = function.split(".")
    return first in code.bindings or not code.added_members.isdisjoint(members)


def _may_be_one(entries: tree_sitter.Node) -> bool:
    """Return whether a list in brackets may have one entry, which counts as a number, or none."""
    return entries.type == "array" and entries.named_child_count <= 1


def _argument(types: ValueTypes, function: str, argument: tree_sitter.Node) -> str | None:
    kind, shown = types.of(argument), types.shown(argument)
    if function.startswith("Math.") and kind == "array" and not _may_be_one(argument):
        return f"{function}(…) takes numbers, not a list.{did_you_mean(f'{function}(...{shown})')}"
    if function == "len" and kind == "number":
        return f"{shown} is a number, which has no length.{did_you_mean(f'len(str({shown}))')}"
    if function == "range" and kind in ("array", "string", "object"):
        return f"{shown} is {KINDS[kind]}, and range needs a number.{did_you_mean(f'range(len({shown}))')}"
    return None
