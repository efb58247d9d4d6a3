"""Rules for forms of JavaScript."""

import re
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import source_of
from shared.workflow.validate.code.form_rules import (
    CODE_AFTER_RETURN,
    Form,
    Rule,
    compares_with_two_values,
    is_endless,
    is_lone_statement,
    is_read_later,
    word_pattern,
)
from shared.workflow.validate.code.lost_results import has_no_effect, is_result_lost
from shared.workflow.validate.code.member_names import COMMON_METHODS, STRING_MEMBERS
from shared.workflow.validate.returns import OWN_EACH, VALUES

_LITERALS: Final = "[(string) (number)]"
_EQUAL: Final = f'(binary_expression left: (_) {{}} operator: ["===" "=="] right: {_LITERALS} {{}})'
_METHOD: Final = "function: (member_expression property: (property_identifier) @method)"
_EACH: Final = f"(call_expression {_METHOD})"
_IS_EACH: Final = '(#eq? @method "forEach")'
_EACH_IS_NOTHING: Final = "forEach returns nothing. Call map or reduce, which return values"
_PROMISES: Final = (
    "(call_expression function: (member_expression property: (property_identifier) @map)"
    ' arguments: (arguments . (arrow_function "async")))'
)
_OWN_INDEX: Final = re.compile(rb"\[\s*-\d+\s*\]\s*(?:[+*/%&|^?-]{0,3}=(?!=)|:)|[\"']-\d+[\"']")
_OWN_FETCH: Final = re.compile(rb"\bfetch\s*[,)}=]|\bfunction\s+fetch\b")
_TEXT_MEMBERS: Final = STRING_MEMBERS | COMMON_METHODS | {"constructor"}
_LIST_METHODS: Final = frozenset({"split", "map", "filter", "slice", "sort", "flat", "flatMap", "concat", "reverse"})
_USED: Final = frozenset(
    {"variable_declarator", "assignment_expression", "return_statement", "member_expression", "subscript_expression"}
    | {"arguments", "pair", "array", "spread_element", "parenthesized_expression", "for_in_statement"}
)
"""Places that use the value of a call."""
_LOST: Final = frozenset({"member_expression", "subscript_expression", "call_expression", "lexical_declaration"})
_DECLARED_AND_USED: Final = 2
_RETURNING: Final = frozenset(
    {"program", "arrow_function", "function_declaration", "function_expression", "method_definition"}
)


def _is_method_of_language(form: Form) -> bool:
    return _is_undeclared(form.text("method"), form.program.source)


def _is_each_of_language(form: Form) -> bool:
    return OWN_EACH.search(form.program.source) is None


def _is_date_of_language(form: Form) -> bool:
    return _is_undeclared("Date", form.program.source.replace(b"Date(", b""))


def _is_date(form: Form) -> bool:
    """Return whether a value is a new date, or a constant with one as its only value."""
    source, name = form.program.source, word_pattern(form.text("of")) if "of" in form.nodes else b""
    if name and re.search(rb"\bconst " + name + rb" = new Date\(", source) is None:
        return False
    is_bound_once = not name or len(re.findall(name + rb"\s*(?:=(?!=)|[,)}\]]|=>|of\b|in\b)", source)) == 1
    return is_bound_once and _is_method_of_language(form) and _is_date_of_language(form)


def _is_undeclared(name: str, source: bytes) -> bool:
    """Return whether code neither declares a name nor gives it to a member."""
    own = rf"(?<![.\w]){name}[\"']?\]?\s*[:=(,}})]|(?:\.|\bclass ){name}\b\s*(?:=(?!=)|\{{|extends\b)"
    return re.search(own.encode(), source) is None


def _is_sandbox_fetch(form: Form) -> bool:
    return _OWN_FETCH.search(form.program.source) is None


def _is_followed_by_body(form: Form) -> bool:
    """Return whether the statement after an `if` is its body by its braces or indentation."""
    after = form.node.next_named_sibling
    is_inside = after is not None and after.start_point.column > form.node.start_point.column
    return after is not None and (after.type == "statement_block" or is_inside)


def _is_lone_return(form: Form) -> bool:
    after = form.node.next_named_sibling
    is_value = after is not None and after.type in ("statement_block", "expression_statement")
    return is_value and form.text("form") == "return"


def _is_index_of_list(form: Form) -> bool:
    """Return whether a list or a text has the index: objects and maps have any key."""
    of, source = form.node.child_by_field_name("object"), form.program.source
    if of is None or _OWN_INDEX.search(source):
        return False
    function = of.child_by_field_name("function") if of.type == "call_expression" else None
    method = function.child_by_field_name("property") if function else None
    if method:
        return source_of(method, source) in _LIST_METHODS
    return of.type == "array" or (of.type == "identifier" and source_of(of, source) in form.lists)


def _reads_field_of_key(form: Form) -> bool:
    """Return whether the body of a loop reads a field of its key, to which it gives no other value."""
    (root, source), body = form.program, form.nodes["body"]
    span, name = (body.start_byte, body.end_byte), re.escape(form.text("key")).encode()
    other = re.compile(rb"=>|\bfunction\b|(?<![\w.$])" + name + rb"\s*(?:=(?!=)|of\b|in\b|[,}\]])")
    if other.search(source, *span):
        return False
    fields = re.compile(rb"(?<![\w.$])" + name + rb"(?=\.(\w+))").finditer(source, *span)
    return any(
        match[1].decode() not in _TEXT_MEMBERS and _type_at(root, match.start(), match.end()) == "identifier"
        for match in fields
    )


def _type_at(root: tree_sitter.Node, start: int, end: int) -> str:
    node = root.descendant_for_byte_range(start, end)
    return node.type if node else ""


def _has_no_result(form: Form) -> bool:
    """Return whether a method uses the result of a function that returns none."""
    body, parent = form.nodes["body"], form.node.parent
    if form.text("function").startswith("async") or form.has(b"return", "body") or form.has(b"throw", "body"):
        return False
    last = body.named_children[-1] if body.named_children else None
    value = last.named_children[0].type if last and last.type == "expression_statement" else ""
    is_loop = form.text("method") in ("map", "flatMap") and value not in VALUES
    return not is_loop and parent is not None and parent.type in _USED


def _keeps_nothing(form: Form) -> bool:
    """Return whether a function whose results code uses ends with a value or a declaration, and has no effects."""
    body, parent = form.nodes["body"], form.node.parent
    last = body.named_children[-1] if body.named_children else None
    value = last.named_children[0] if last and last.type == "expression_statement" else last
    if value is None or value.type not in _LOST or parent is None or parent.type not in _USED:
        return False
    has_result = form.has(b"return", "body") or form.text("function").startswith("async")
    return not has_result and has_no_effect(body, form.program.source)


def _waits_alone(form: Form) -> bool:
    return form.has(b"await ", "body") and b"Promise" not in form.program.source


def _is_only_returned(form: Form) -> bool:
    """Return whether code only returns the list that it names, alone or in an object, outside of functions."""
    root, source = form.program
    if b"Promise" in source or b"for await" in source:
        return False
    if "list" not in form.nodes:
        return True
    word = word_pattern(form.text("list"))
    returned = re.search(rb"\breturn\b[^;()\n]{0,200}" + word + rb"\s*[,;}\n]", source)
    statement = root.descendant_for_byte_range(returned.start(), returned.end()) if returned else None
    while statement is not None and statement.type not in _RETURNING:
        statement = statement.parent
    is_outside = statement is not None and statement.type == "program"
    return is_outside and len(re.findall(word, source)) == _DECLARED_AND_USED


JAVASCRIPT_RULES: Final = (
    CODE_AFTER_RETURN,
    Rule(
        "(program (while_statement condition: (parenthesized_expression (true)) body: (_) @body) @place)",
        "while (true) never ends. Leave it with break",
        is_endless,
    ),
    Rule(
        f'(binary_expression left: (_) @value operator: "in" right: (array . {_LITERALS})'
        ' (#not-match? @value "^([0-9]+|.length.)$"))',
        "in looks for an index of a list, not for a value. Write […].includes(…)",
    ),
    Rule(
        '(binary_expression operator: ["===" "!=="] right: [(array (_)) (object (_))])',
        "nothing is identical with a new list or object. Compare the entries",
    ),
    Rule(
        f"(call_expression {_METHOD}"
        ' arguments: (arguments . (regex)) (#any-of? @method "includes" "startsWith" "endsWith"))',
        ".{method}(…) takes no regular expression. Write /…/.test(…)",
        _is_method_of_language,
    ),
    Rule(
        f"(call_expression {_METHOD}"
        ' arguments: (arguments . [(regex !flags) (regex flags: (regex_flags) @flags (#not-match? @flags "g"))])'
        ' (#any-of? @method "replaceAll" "matchAll"))',
        ".{method}(…) needs a regular expression with the flag g: /…/g",
        _is_method_of_language,
    ),
    Rule(
        "(assignment_expression left: (identifier) @key right: (call_expression function: (member_expression"
        " object: (identifier) @list property: (property_identifier) @method))"
        ' (#eq? @key @list) (#any-of? @method "push" "unshift"))',
        ".{method}(…) changes the list and returns its length. Write it without {key} =",
        _is_method_of_language,
    ),
    Rule(
        "(call_expression function: (member_expression) @called arguments: (arguments . (_) . (number) @value .)"
        ' (#eq? @called "Math.round") (#not-eq? @value "0"))',
        "{called}(…) rounds to a whole number. For digits, write Number(….toFixed(2))",
    ),
    Rule(
        "(call_expression function: (identifier) @called"
        " arguments: (arguments . [(string . (string_fragment) @value)"
        " (template_string . (string_fragment) @value)"
        " (binary_expression left: (string . (string_fragment) @value))])"
        ' (#eq? @called "fetch") (#match? @value "^/"))',
        "{called} needs a whole URL, such as https://…",
        _is_sandbox_fetch,
    ),
    Rule(
        "(call_expression function: (member_expression object: [(string) (template_string)]"
        ' property: (property_identifier) @method) (#eq? @method "format"))',
        "a text has no .{method}(…). Write it in backticks: `… ${{value}}`",
        _is_method_of_language,
    ),
    Rule(
        "(binary_expression left: (call_expression function: (member_expression"
        ' property: (property_identifier) @method)) operator: ["===" "!=="] right: [(true) (false)]'
        ' (#eq? @method "match"))',
        ".{method}(…) returns a list or null, and never a boolean. Write /…/.test(…)",
        _is_method_of_language,
    ),
    Rule(
        "(binary_expression left: (call_expression function: (member_expression"
        ' property: (property_identifier) @method)) operator: ["===" "!=="] right: [(true) (false)]'
        ' (#any-of? @method "indexOf" "lastIndexOf" "findIndex" "search"))',
        ".{method}(…) returns a number, and never a boolean. Write ….includes(…)",
        _is_method_of_language,
    ),
    Rule(
        "(if_statement condition: (_) consequence: (empty_statement) !alternative)",
        "the semicolon after the condition ends the if. Remove it",
        _is_followed_by_body,
    ),
    Rule(
        '(binary_expression left: (_) @value operator: ["===" "!=="] right: (new_expression'
        ' constructor: (identifier) @key) (#eq? @key "Date"))',
        "no two dates are identical. Compare their numbers: ….getTime()",
        _is_date_of_language,
    ),
    Rule(
        "(call_expression function: (member_expression object: [(new_expression constructor: (identifier) @date)"
        " (parenthesized_expression (new_expression constructor: (identifier) @date)) (identifier) @of]"
        ' property: (property_identifier) @method) (#eq? @date "Date") (#any-of? @method "format" "fromNow"))',
        "a date has no .{method}(…). Write .toISOString(), or .toLocaleDateString(…)",
        _is_date,
    ),
    Rule(
        f'(binary_expression left: {_EQUAL.format("@first", "@one")} operator: "&&"'
        f" right: {_EQUAL.format('@second', '@other')})",
        "the condition is never true, because nothing equals two values. Join with ||",
        compares_with_two_values,
    ),
    Rule(
        '(subscript_expression index: (unary_expression operator: "-" argument: (number)))',
        "a list has no negative index. Write .at(-1) for the last entry",
        _is_index_of_list,
    ),
    Rule(
        '(binary_expression left: (string (string_fragment) @text) operator: "*"'
        ' (#not-match? @text "^ *([0-9.eE+-]|Infinity)"))',
        "* calculates with numbers only. To repeat a text, write .repeat(…)",
    ),
    Rule(
        '(expression_statement (binary_expression operator: ["==" "==="]))',
        "a comparison alone has no effect. To assign a value, write =",
        is_lone_statement,
    ),
    Rule(
        "(return_statement)",
        "return alone ends the code. Begin the value on the line of return",
        _is_lone_return,
    ),
    Rule(
        f"(call_expression {_METHOD} arguments:"
        " (arguments . [(arrow_function body: (statement_block) @body)"
        ' (function_expression body: (statement_block) @body)] @function) (#any-of? @method "map" "flatMap"'
        ' "filter" "find" "findIndex" "some" "every" "reduce" "sort"))',
        "the function in .{method}(…) returns nothing. Add return before its value",
        _has_no_result,
    ),
    Rule(
        f"(call_expression {_METHOD}"
        " arguments: (arguments . (arrow_function body: (statement_block) @body) @function .)"
        ' (#any-of? @method "map" "flatMap"))',
        "the function in .{method}(…) returns nothing. Add return before its value",
        _keeps_nothing,
    ),
    Rule(
        f"(expression_statement (call_expression {_METHOD})"
        ' (#any-of? @method "concat" "filter" "flatMap" "map" "padEnd" "padStart" "replace" "replaceAll" "slice"'
        ' "split" "substring" "toFixed" "toLowerCase" "toReversed" "toSorted" "toUpperCase" "trim" "trimEnd"'
        ' "trimStart"))',
        ".{method}(…) changes nothing. Use the new value that it returns",
        is_result_lost,
    ),
    Rule(
        "(arrow_function body: (object (pair)))",
        "a brace after => begins a block. Write an object in parentheses: => ({{ … }})",
    ),
    Rule(
        f"(call_expression {_METHOD}"
        " arguments: (arguments . [(arrow_function) (function_expression)] .)"
        ' (#any-of? @method "includes" "indexOf" "lastIndexOf"))',
        ".{method}(…) looks for the function itself, which no list has. Write .some(…), or .findIndex(…)",
    ),
    Rule(
        f"(call_expression {_METHOD}"
        " arguments: (arguments . (arrow_function body:"
        ' (binary_expression operator: ["<" ">" "<=" ">="])) .) (#any-of? @method "sort" "toSorted"))',
        "the function in .{method}(…) must return a number. Write a - b, or a.localeCompare(b) for texts",
    ),
    Rule(
        f"(call_expression {_METHOD}"
        f" arguments: (arguments . (arrow_function body: (assignment_expression right: {_LITERALS})))"
        ' (#any-of? @method "filter" "find" "findIndex" "some"))',
        'the function in .{method}(…) assigns with "=". To compare, write "==="',
    ),
    Rule(
        f"(call_expression {_METHOD}"
        ' arguments: (arguments . (arrow_function "async" body: (statement_block) @body))'
        ' (#eq? @method "forEach"))',
        "forEach does not wait for async functions. Write for (const … of …) with await in it",
        _waits_alone,
    ),
    Rule(
        "(variable_declarator name: (identifier) @name value: (call_expression function: (member_expression"
        ' property: (property_identifier) @method)) (#eq? @method "forEach"))',
        _EACH_IS_NOTHING,
        lambda form: is_read_later(form) and _is_each_of_language(form),
    ),
    Rule(
        f"(return_statement [(object (pair value: {_EACH})) (array {_EACH})"
        f" (call_expression function: (member_expression) @called arguments: (arguments . {_EACH})"
        f' (#eq? @called "JSON.stringify"))] {_IS_EACH})',
        _EACH_IS_NOTHING,
        _is_each_of_language,
    ),
    Rule(
        f"(program [(return_statement [{_PROMISES} (object (pair value: {_PROMISES}))])"
        ' (lexical_declaration kind: "const"'
        f" (variable_declarator name: (identifier) @list value: {_PROMISES}))] @place"
        ' (#eq? @map "map"))',
        "the list has promises. Write await Promise.all(…)",
        _is_only_returned,
    ),
    Rule(
        '(for_in_statement left: (identifier) @key operator: "in" body: (_) @body)',
        '"{key}" is a key or an index, a text. To read values, write for (const {key} of …)',
        _reads_field_of_key,
    ),
)
