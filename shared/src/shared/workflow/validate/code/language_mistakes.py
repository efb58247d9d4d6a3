"""Forms of JavaScript and Python that parse, but cannot have the effect that their author intends."""

import re
from collections import Counter
from collections.abc import Iterator, Set
from functools import cache
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, grammar, query, source_of
from shared.workflow.validate.code.constant_conditions import is_one_value
from shared.workflow.validate.code.member_names import COMMON_METHODS, STRING_MEMBERS
from shared.workflow.validate.returns import VALUES, Program

_LONGEST: Final = 5_000
"""Longer bodies of functions and loops are not searched: they may be nested."""
_LITERALS: Final = "[(string) (number)]"
_EQUAL: Final = (
    f'(binary_expression left: (_) {{}} operator: ["===" "=="] right: {_LITERALS} {{}})',
    '(comparison_operator . (_) {} . "==" . [(string) (integer)] {} .)',
)
_PLAIN_TEXTS: Final = {
    Language.JAVASCRIPT: "(string (string_fragment) @part)",
    Language.PYTHON: '(string (string_start) @quote (string_content) @part (#not-match? @quote "^[bBfFrRtT]"))',
}
"""Parts of texts in which a placeholder may lack its mark."""
_PROMISES: Final = (
    "(call_expression function: (member_expression property: (property_identifier) @map)"
    ' arguments: (arguments . (arrow_function "async")))'
)
_RULES: Final[dict[Language, dict[str, tuple[str, str]]]] = {
    Language.JAVASCRIPT: {
        "in": (
            f'(binary_expression left: (_) @value operator: "in" right: (array . {_LITERALS})'
            ' (#not-match? @value "^([0-9]+|.length.)$"))',
            "in looks for an index of a list, not for a value. Write […].includes(…)",
        ),
        "identical": (
            '(binary_expression operator: ["===" "!=="] right: [(array (_)) (object (_))])',
            "nothing is identical with a new list or object. Compare the entries",
        ),
        "search": (
            "(call_expression function: (member_expression property: (property_identifier) @method)"
            ' arguments: (arguments . (regex)) (#any-of? @method "includes" "startsWith" "endsWith"))',
            ".{method}(…) takes no regular expression. Write /…/.test(…)",
        ),
        "all": (
            "(call_expression function: (member_expression property: (property_identifier) @method)"
            ' arguments: (arguments . [(regex !flags) (regex flags: (regex_flags) @flags (#not-match? @flags "g"))])'
            ' (#any-of? @method "replaceAll" "matchAll"))',
            ".{method}(…) needs a regular expression with the flag g: /…/g",
        ),
        "number": (
            "(assignment_expression left: (identifier) @key right: (call_expression function: (member_expression"
            " object: (identifier) @list property: (property_identifier) @method))"
            ' (#eq? @key @list) (#any-of? @method "push" "unshift"))',
            ".{method}(…) changes the list and returns its length. Write it without {key} =",
        ),
        "digits": (
            "(call_expression function: (member_expression) @called arguments: (arguments . (_) . (number) @value .)"
            ' (#eq? @called "Math.round") (#not-eq? @value "0"))',
            "{called}(…) rounds to a whole number. For digits, write Number(….toFixed(2))",
        ),
        "url": (
            "(call_expression function: (identifier) @called"
            " arguments: (arguments . [(string . (string_fragment) @value)"
            " (template_string . (string_fragment) @value)"
            " (binary_expression left: (string . (string_fragment) @value))])"
            ' (#eq? @called "fetch") (#match? @value "^/"))',
            "{called} needs a whole URL, such as https://…",
        ),
        "format": (
            "(call_expression function: (member_expression object: [(string) (template_string)]"
            ' property: (property_identifier) @method) (#eq? @method "format"))',
            "a text has no .{method}(…). Write it in backticks: `… ${{value}}`",
        ),
        "found": (
            "(binary_expression left: (call_expression function: (member_expression"
            ' property: (property_identifier) @method)) operator: ["===" "!=="] right: [(true) (false)]'
            ' (#eq? @method "match"))',
            ".{method}(…) returns a list or null, and never a boolean. Write /…/.test(…)",
        ),
        "position": (
            "(binary_expression left: (call_expression function: (member_expression"
            ' property: (property_identifier) @method)) operator: ["===" "!=="] right: [(true) (false)]'
            ' (#any-of? @method "indexOf" "lastIndexOf" "findIndex" "search"))',
            ".{method}(…) returns a number, and never a boolean. Write ….includes(…)",
        ),
        "empty": (
            "(if_statement condition: (_) consequence: (empty_statement) !alternative)",
            "the semicolon after the condition ends the if. Remove it",
        ),
        "date": (
            '(binary_expression left: (_) @value operator: ["===" "!=="] right: (new_expression'
            ' constructor: (identifier) @key) (#eq? @key "Date"))',
            "no two dates are identical. Compare their numbers: ….getTime()",
        ),
        "both": (
            f'(binary_expression left: {_EQUAL[0].format("@first", "@one")} operator: "&&"'
            f" right: {_EQUAL[0].format('@second', '@other')})",
            "the condition is never true, because nothing equals two values. Join with ||",
        ),
        "index": (
            '(subscript_expression index: (unary_expression operator: "-" argument: (number)))',
            "a list has no negative index. Write .at(-1) for the last entry",
        ),
        "repeat": (
            '(binary_expression left: (string (string_fragment) @text) operator: "*"'
            ' (#not-match? @text "^ *([0-9.eE+-]|Infinity)"))',
            "* calculates with numbers only. To repeat a text, write .repeat(…)",
        ),
        "comparison": (
            '(expression_statement (binary_expression operator: ["==" "==="]))',
            "a comparison alone has no effect. To assign a value, write =",
        ),
        "return": ("(return_statement)", "return alone ends the code. Begin the value on the line of return"),
        "callback": (
            "(call_expression function: (member_expression property: (property_identifier) @method) arguments:"
            " (arguments . [(arrow_function body: (statement_block) @body)"
            ' (function_expression body: (statement_block) @body)] @function) (#any-of? @method "map" "flatMap"'
            ' "filter" "find" "findIndex" "some" "every" "reduce" "sort"))',
            "the function in .{method}(…) returns nothing. Add return before its value",
        ),
        "object": (
            "(arrow_function body: (object (pair)))",
            "a brace after => begins a block. Write an object in parentheses: => ({{ … }})",
        ),
        "function": (
            "(call_expression function: (member_expression property: (property_identifier) @method)"
            " arguments: (arguments . [(arrow_function) (function_expression)] .)"
            ' (#any-of? @method "includes" "indexOf" "lastIndexOf"))',
            ".{method}(…) looks for the function itself, which no list has. Write .some(…), or .findIndex(…)",
        ),
        "order": (
            "(call_expression function: (member_expression property: (property_identifier) @method)"
            " arguments: (arguments . (arrow_function body:"
            ' (binary_expression operator: ["<" ">" "<=" ">="])) .) (#any-of? @method "sort" "toSorted"))',
            "the function in .{method}(…) must return a number. Write a - b, or a.localeCompare(b) for texts",
        ),
        "assigned": (
            "(call_expression function: (member_expression property: (property_identifier) @method)"
            f" arguments: (arguments . (arrow_function body: (assignment_expression right: {_LITERALS})))"
            ' (#any-of? @method "filter" "find" "findIndex" "some"))',
            'the function in .{method}(…) assigns with "=". To compare, write "==="',
        ),
        "each": (
            "(call_expression function: (member_expression property: (property_identifier) @method)"
            ' arguments: (arguments . (arrow_function "async" body: (statement_block) @body))'
            ' (#eq? @method "forEach"))',
            "forEach does not wait for async functions. Write for (const … of …) with await in it",
        ),
        "result": (
            "(variable_declarator name: (identifier) @name value: (call_expression function: (member_expression"
            ' property: (property_identifier) @method)) (#eq? @method "forEach"))',
            "forEach returns nothing. Call map or reduce, which return values",
        ),
        "promises": (
            f"(program [(return_statement [{_PROMISES} (object (pair value: {_PROMISES}))])"
            ' (lexical_declaration kind: "const"'
            f" (variable_declarator name: (identifier) @list value: {_PROMISES}))] @place"
            ' (#eq? @map "map"))',
            "the list has promises. Write await Promise.all(…)",
        ),
        "keys": (
            '(for_in_statement left: (identifier) @key operator: "in" body: (_) @body)',
            '"{key}" is a key or an index, a text. To read values, write for (const {key} of …)',
        ),
        "text": (
            _PLAIN_TEXTS[Language.JAVASCRIPT],
            'a text in quotes keeps "{found}" as typed. Write it in backticks',
        ),
    },
    Language.PYTHON: {
        "both": (
            f'(boolean_operator left: {_EQUAL[1].format("@first", "@one")} operator: "and"'
            f" right: {_EQUAL[1].format('@second', '@other')})",
            "the condition is never true, because nothing equals two values. Join with or",
        ),
        "comparison": (
            '(expression_statement (comparison_operator "=="))',
            "a comparison alone has no effect. To assign a value, write =",
        ),
        "is": ('(comparison_operator "is" (string))', "is does not compare texts. Write =="),
        "len": (
            '(for_statement right: (call function: (identifier) @called) (#eq? @called "len"))',
            "for needs a list, and len(…) is a number. Write range(len(…))",
        ),
        "loop": (
            "[(for_statement right: (call function: (attribute attribute: (identifier) @method))"
            ' (#any-of? @method "sort" "reverse"))'
            " (for_in_clause right: (call function: (attribute attribute: (identifier) @method))"
            ' (#any-of? @method "sort" "reverse"))]',
            ".{method}(…) changes the list and returns None. Call it alone, before the loop",
        ),
        "dump": (
            "(call function: (attribute) @called arguments: (argument_list . (_) . (keyword_argument)* .)"
            ' (#eq? @called "json.dump"))',
            "{called} writes to a file. Write json.dumps(…)",
        ),
        "join": (
            "(call function: (attribute object: (string) attribute: (identifier) @called) arguments: (argument_list ."
            " [(list [(integer) (float) (call function: (identifier) @number)])"
            " (list_comprehension body: (call function: (identifier) @number))"
            " (generator_expression body: (call function: (identifier) @number))] .)"
            ' (#eq? @called "join") (#any-of? @number "len" "int" "float" "round"))',
            ".join(…) takes texts, not numbers. Write str(…) for each",
        ),
        "sub": (
            "(call function: (attribute) @called arguments: (argument_list . [(string) (identifier)] . [(string)"
            ' (identifier)] .) (#eq? @called "re.sub"))',
            "{called} needs a pattern, a replacement and a text",
        ),
        "strptime": (
            "(call function: (attribute object: (_) @of attribute: (identifier) @called)"
            " arguments: (argument_list . [(identifier) (string) (subscript)] .)"
            ' (#eq? @called "strptime") (#match? @of "(^|[.])datetime$"))',
            '{called}(…) needs the format of the date, such as "%Y-%m-%d"',
        ),
        "returned": (
            "(module (return_statement (call function: (attribute attribute: (identifier) @method))) @place"
            ' (#any-of? @method "append" "extend" "reverse" "sort"))',
            ".{method}(…) changes the list and returns None. Call it alone, and return the list",
        ),
        "none": (
            "(assignment left: (identifier) @name right: (call function: (attribute attribute: (identifier) @method)"
            ' arguments: (_)) (#any-of? @method "append" "extend" "reverse" "sort") (#not-eq? @name "_"))',
            ".{method}(…) changes the list and returns None. Call it alone, and use the list",
        ),
        "text": (_PLAIN_TEXTS[Language.PYTHON], 'a text keeps "{found}" as typed. Write f before its quote'),
    },
}
_OWN: Final = {
    Language.JAVASCRIPT: re.compile(
        rb"\btry\b|\bdefinePropert|(?:(?<![.\w])(?=\w+[\"']?\s*[:=({])|(?<=\.)(?=\w+\s*=))"
        rb"(?:map|flatMap|filter|find|findIndex|some|every|reduce|sort|toSorted|forEach|includes|indexOf|lastIndexOf)\b"
    ),
    Language.PYTHON: re.compile(
        rb"\b(?:try|suppress|__eq__)\b|\b(?:def|class) +(?:len|int|float|round|append|extend|reverse|sort|strptime)\b"
        rb"|\bclass +(?:json|hashlib|base64)\b"
        rb"|\b(?:len|int|float|round|json|hashlib|base64)\s*="
    ),
}
"""Code that expects errors, or may give another meaning to a name of these rules."""
_OWN_INDEX: Final = re.compile(rb"\[\s*-\d+\s*\]\s*(?:[+*/%&|^?-]{0,3}=(?!=)|:)|[\"']-\d+[\"']")
_COMPUTED_INDEX: Final = re.compile(rb"(?<![\w.$])([\w$]+)\[(?![\d\s]*\])[^\]\n]{0,80}\]\s*[+*/%&|^?-]{0,3}=(?!=)")
"""Assignment to an index that may be negative."""
_OWN_FETCH: Final = re.compile(rb"\bfetch\s*[,)}=]|\bfunction\s+fetch\b")
_DECLARED: Final = re.compile(rb"(?:\b(?:const|let|var)\s+|^[ \t]*)([A-Za-z_]\w{0,60})\s*=(?!=)", re.MULTILINE)
_PARAMETERS: Final = {
    Language.JAVASCRIPT: """
(function_declaration parameters: (formal_parameters (identifier) @name)) @scope
(_ parameters: (formal_parameters (identifier) @name .)) @scope
(arrow_function parameter: (identifier) @name) @scope
(for_in_statement left: (identifier) @name) @scope
""",
    Language.PYTHON: """
(_ parameters: (parameters (identifier) @name)) @scope
(for_statement left: (identifier) @name) @scope
(_ (for_in_clause left: (identifier) @name)) @scope
""",
}
_PLACEHOLDER: Final = re.compile(r"(?<!\{)\$?\{ *(?P<name>[A-Za-z_]\w{0,60})(?!\w|:\s)")
_TEMPLATES: Final = re.compile(rb"\.format|%|Template|replace|\b(?:sub|split|eval|exec|Function|vars|locals|globals)\(")
_WORD: Final = re.compile(r"[\w$]+")
_TEXT_MEMBERS: Final = STRING_MEMBERS | COMMON_METHODS | {"constructor"}
_LISTS: Final = re.compile(
    rb"(?<![\w.$])([\w$]+)(?:\.(?:push|pop|shift|unshift|map|filter|forEach|join|sort|slice|length)\b"
    rb"|\s*=\s*(?:\[|[\w$.]*\.split\([^()\n]*\)\s*(?:[;\n]|$)))"
)
"""Names of which code certainly makes lists or texts, or uses as such."""
_LIST_METHODS: Final = frozenset({"split", "map", "filter", "slice", "sort", "flat", "flatMap", "concat", "reverse"})
_USED: Final = frozenset(
    {"variable_declarator", "assignment_expression", "return_statement", "member_expression", "subscript_expression"}
    | {"arguments", "pair", "array", "spread_element", "parenthesized_expression", "for_in_statement"}
)
"""Places that use the value of a call."""
_DECLARED_AND_USED: Final = 2
_RETURNING: Final = frozenset(
    {"program", "arrow_function", "function_declaration", "function_expression", "method_definition"}
)
_MOST_CANDIDATES: Final = 200
"""Candidates of one rule that are checked: each takes time."""
_DECLARATIONS: Final = frozenset({"variable_declarator", "assignment", "assignment_expression"})


def language_mistakes(program: Program, language: Language, lists: Set[str] = frozenset()) -> Iterator[tuple[int, str]]:
    """Yield line and problem of each form. `lists` are the names of references to lists."""
    root, source = program
    if _OWN[language].search(source):
        return
    rules = _RULES[language]
    unread = _Unread(program, language) if b"{" in source else None
    code_lists = lists | {name.decode() for name in _LISTS.findall(source)} if b"[" in source else lists
    code_lists -= {name.decode() for name in _COMPUTED_INDEX.findall(source)} if b"-" in source else set()
    candidates: Counter[str] = Counter()
    for _, captures in tree_sitter.QueryCursor(_query(language)).matches(root):
        rule = next(key for key in captures if key in rules)
        nodes = {key: each[0] for key, each in captures.items()}
        texts = {key: source_of(each, source) for key, each in nodes.items() if key in _SHOWN}
        if rule == "text":
            texts["found"] = (
                unread.placeholder(nodes["part"], source_of(nodes["part"], source), language) if unread else ""
            )
        candidates[rule] += 1
        if rule != "text" and candidates[rule] > _MOST_CANDIDATES:
            continue
        if texts["found"] if rule == "text" else _is_certain(rule, nodes, program, code_lists):
            yield nodes.get("place", nodes[rule]).start_point.row + 1, rules[rule][1].format(**texts)


_SHOWN: Final = frozenset({"method", "key", "called"})


def _is_certain(rule: str, nodes: dict[str, tree_sitter.Node], program: Program, lists: Set[str]) -> bool:
    """Return whether nothing around the form gives it another meaning."""
    root, source = program
    node = nodes[rule]
    body = nodes.get("body", node)
    if body.end_byte - body.start_byte > _LONGEST:
        return False
    match rule:
        case "both":
            is_certain = is_one_value(*(source_of(nodes[key], source) for key in ("first", "second", "one", "other")))
        case "comparison":
            is_certain = node.next_named_sibling is not None and not _has(source, node, b"(")  # see Returns.fix
        case "index":
            is_certain = _is_list(node, source, lists) and _OWN_INDEX.search(source) is None
        case "return":
            after = node.next_named_sibling
            is_alone = source[node.start_byte : node.end_byte] == b"return"
            is_certain = is_alone and after is not None and after.type in ("statement_block", "expression_statement")
        case "callback":
            is_certain = _has_no_result(nodes, source)
        case "each":
            is_certain = _has(source, body, b"await ") and b"Promise" not in source
        case "result":
            is_certain = re.search(_word(nodes["name"], source), source[node.end_byte :]) is not None
        case "promises":
            is_certain = b"Promise" not in source and b"for await" not in source and _is_returned(root, nodes, source)
        case "keys":
            is_certain = _reads_field(root, source, body, re.escape(source_of(nodes["key"], source)).encode())
        case _:
            is_certain = _is_of_language(rule, nodes, source)
    return is_certain


def _is_of_language(rule: str, nodes: dict[str, tree_sitter.Node], source: bytes) -> bool:
    """Return whether a name means the member, class or module that the language has, and the form has no other use."""
    node = nodes[rule]
    match rule:
        case "search" | "all" | "number" | "format" | "found" | "position":
            is_certain = _is_undeclared(source[nodes["method"].start_byte : nodes["method"].end_byte], source)
        case "url":
            is_certain = _OWN_FETCH.search(source) is None
        case "date":
            is_certain = _is_undeclared(b"Date", source.replace(b"Date(", b""))
        case "dump":
            is_certain = not _has(source, node, b"fp") and not _has(source, node, b"(*")
        case "empty":
            after = node.next_named_sibling
            is_inside = after is not None and after.start_point.column > node.start_point.column
            is_certain = after is not None and (after.type == "statement_block" or is_inside)
        case _:
            is_certain = True
    return is_certain


def _is_undeclared(name: bytes, source: bytes) -> bool:
    """Return whether code neither declares a name nor gives it to a member."""
    own = rb"(?<![.\w])" + name + rb"[\"']?\]?\s*[:=(]|(?:\.|\bclass )" + name + rb"\b\s*(?:=(?!=)|\{|extends\b)"
    return re.search(own, source) is None


def _is_list(node: tree_sitter.Node, source: bytes, lists: Set[str]) -> bool:
    """Return whether a list or a text has the index: objects and maps have any key."""
    of = node.child_by_field_name("object")
    function = of.child_by_field_name("function") if of and of.type == "call_expression" else None
    method = function.child_by_field_name("property") if function else None
    if method:
        return source_of(method, source) in _LIST_METHODS
    return of is not None and (of.type == "array" or (of.type == "identifier" and source_of(of, source) in lists))


def _reads_field(root: tree_sitter.Node, source: bytes, body: tree_sitter.Node, name: bytes) -> bool:
    """Return whether the body of a loop reads a field of its key, to which it gives no other value."""
    span = body.start_byte, body.end_byte
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


def _has_no_result(nodes: dict[str, tree_sitter.Node], source: bytes) -> bool:
    """Return whether a method uses the result of a function that returns none."""
    body, parent = nodes["body"], nodes["callback"].parent
    is_async = source[nodes["function"].start_byte :][:5] == b"async"
    if is_async or _has(source, body, b"return") or _has(source, body, b"throw"):
        return False
    last = body.named_children[-1] if body.named_children else None
    value = last.named_children[0].type if last and last.type == "expression_statement" else ""
    is_loop = source_of(nodes["method"], source) in ("map", "flatMap") and value not in VALUES
    return not is_loop and parent is not None and parent.type in _USED


def _is_returned(root: tree_sitter.Node, nodes: dict[str, tree_sitter.Node], source: bytes) -> bool:
    """Return whether code only returns the list that it names, alone or in an object, outside of functions."""
    if (name := nodes.get("list")) is None:
        return True
    word = _word(name, source)
    returned = re.search(rb"\breturn\b[^;()\n]{0,200}" + word + rb"\s*[,;}\n]", source)
    statement = root.descendant_for_byte_range(returned.start(), returned.end()) if returned else None
    while statement is not None and statement.type not in _RETURNING:
        statement = statement.parent
    is_outside = statement is not None and statement.type == "program"
    return is_outside and len(re.findall(word, source)) == _DECLARED_AND_USED


def _word(name: tree_sitter.Node, source: bytes) -> bytes:
    """Return the regular expression for a name in code."""
    return rb"(?<![\w.$])" + re.escape(source[name.start_byte : name.end_byte]) + rb"(?![\w$])"


def _has(source: bytes, node: tree_sitter.Node, word: bytes) -> bool:
    return source.find(word, node.start_byte, node.end_byte) >= 0


class _Unread:
    """Names that code declares, and then names only in texts in quotes."""

    def __init__(self, program: Program, language: Language) -> None:
        self._root, self._source = program
        source = self._source
        text = source.decode(errors="replace")
        self._words = Counter(_WORD.findall(text))
        plain = tree_sitter.QueryCursor(query(language, _PLAIN_TEXTS[language])).captures(self._root)
        texts = (source_of(node, source) for node in plain.get("part", ()))
        self._placeholders = Counter(match["name"] for text in texts for match in _PLACEHOLDER.finditer(text))
        self._declared = {match[1].decode(): match.span(1) for match in _DECLARED.finditer(source)}
        self._is_template = _TEMPLATES.search(source) is not None
        found = tree_sitter.QueryCursor(query(language, _PARAMETERS[language])).matches(self._root)
        self._scopes = {source_of(each["name"][0], source): each["scope"][0] for _, each in found}

    def placeholder(self, part: tree_sitter.Node, text: str, language: Language) -> str:
        """Return the first placeholder of a part of a text that means a variable, or an empty text."""
        around = part.parent.parent if part.parent else None
        target = around.child_by_field_name("name") or around.child_by_field_name("left") if around else None
        is_name = target is not None and target.type == "identifier"
        is_unread = target is not None and is_name and self._words[source_of(target, self._source)] == 1
        is_unused = is_unread or (around is not None and around.type == "expression_statement")
        for match in () if self._is_template or is_unused else _PLACEHOLDER.finditer(text):
            name, is_dollar = match["name"], match[0].startswith("$")
            is_only_here = self._words[name] == self._placeholders[name] + 1
            if is_dollar == (language is Language.JAVASCRIPT) and is_only_here and self._is_declared(name, part):
                return f"{match[0]}}}"
        return ""

    def _is_declared(self, name: str, part: tree_sitter.Node) -> bool:
        """Return whether the code, not a text or a comment in it, declares a name for a part of it."""
        if scope := self._scopes.get(name):
            return scope.start_byte <= part.start_byte < scope.end_byte
        start, end = self._declared.get(name, (0, 0))
        node = self._root.descendant_for_byte_range(start, end) if end else None
        return node is not None and node.parent is not None and node.parent.type in _DECLARATIONS


@cache
def _query(language: Language) -> tree_sitter.Query:
    patterns = (f"({pattern} @{key})" for key, (pattern, _) in _RULES[language].items())
    return tree_sitter.Query(grammar(language), "\n".join(patterns))
