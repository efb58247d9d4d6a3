"""What a piece of code returns."""

import re
from collections import Counter
from collections.abc import Sequence, Set
from functools import lru_cache
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import Language, TooComplex, parse, source_of
from shared.workflow.compile.code_references import CodeTemplate, compile_code

_LONGEST: Final = 50_000
"""Longer code is not checked: it takes time, and people do not write it by hand."""
_MOST_LEVELS: Final = 300
_FENCE: Final = "```"
SCOPES: Final = frozenset(
    {"function_declaration", "function_expression", "generator_function_declaration", "generator_function"}
    | {"arrow_function", "method_definition", "function_definition", "lambda", "class_static_block"}
)
"""Nodes whose returns are their own."""
_SPECIAL: Final = frozenset({"__proto__", "toJSON"})
"""Keys that give an object other fields."""
_DECLARED: Final = re.compile(r"^(?:async +)?(?:function|def) +([A-Za-z_]\w{0,40})\(", re.MULTILINE)
_VOID: Final = re.compile(r"^(?:print|console\.\w+)$|\.forEach$")
"""Functions that return nothing."""
OWN_EACH: Final = re.compile(
    rb"(?<!\.)\bforEach\b|\bProxy\b|\bfromEntries\b|\]\s*(?:[:(]|=\s*(?:async\b|function\b|\(|\w+\s*=>))"
)
"""Code whose objects may have their own forEach, under a name or a computed key."""
_OWN_PRINT: Final = re.compile(rb"\bdef +print\b|\b(?:print|console(?:\.\w+)?)\s*=(?!=)")
_EFFECTS: Final = re.compile(
    rb"\b(?:console|fetch|await|throw|sim|eval|Function|print|sys|open|raise|assert|sleep|exec|globals)\b"
)
"""Words of code that prints, calls, waits or fails deliberately."""
_CHECKING: Final = re.compile(r"^\w+\s*=\s*(?:JSON\.parse|json\.loads|int|float|BigInt|new \w+)\(")
"""A last value whose failure is the purpose of the code, because it checks a text."""
_FAILING: Final = re.compile(
    rb"(?m)^(?:JSON\.parse|json\.loads|int|float|BigInt|decodeURI\w*|new \w+)\([^()\n]*\);?\s*\Z"
)
"""A last call without a use of its value, which may check a text."""
_ENCODERS: Final = frozenset({"JSON.stringify", "json.dumps"})
_OWN_ENCODER: Final = re.compile(
    rb"\b(?:JSON|json)\s*[=}]|\b(?:class|for) +(?:JSON|json)\b|\bas +json\b"
    rb"|\.(?:stringify|dumps)\s*=|\b(?:stringify|dumps)[\"']"
)
VALUES: Final = frozenset(
    {"identifier", "binary_expression", "ternary_expression", "array", "template_string"}
    | {"binary_operator", "comparison_operator", "conditional_expression", "dictionary", "list", "list_comprehension"}
)
"""Expressions that have no effect as a statement."""


class Program(NamedTuple):
    """Syntax tree of code that parses."""

    root: tree_sitter.Node
    source: bytes


def parse_program(template: CodeTemplate) -> Program | None:
    """Return the syntax tree of a program; None if it is too long, deep or complex, or does not parse."""
    if len(template.program) > _LONGEST or is_fenced(template.source):
        return None
    source = template.program.encode(errors="surrogatepass")
    try:
        root = parse(source, template.language).root_node
    except TooComplex:
        return None
    return None if root.has_error or _is_deep(root) else Program(root, source)


def is_fenced(source: str) -> bool:
    """Return whether code begins like a block of Markdown: JavaScript reads it as texts, and then fails."""
    return source.lstrip().startswith(_FENCE)


def _is_deep(root: tree_sitter.Node) -> bool:
    """Return whether nodes are nested so deeply that queries, which take time for each level, are slow."""
    cursor = root.walk()
    while cursor.depth <= _MOST_LEVELS:
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
    return True


class Returns(NamedTuple):
    """The values that code returns outside of the functions that it declares."""

    is_nothing: bool = False
    """Whether the code certainly returns nothing."""
    fields: Set[str] | None = None
    """Keys of the returned objects; None if it may return anything else."""
    fix: str = ""
    """How to return the last value of code that returns nothing and has no other purpose."""
    encoder: str = ""
    """Function that makes each returned value a JSON text, which has no fields."""
    is_useless: bool = False
    """Whether the code has no return statement, and no effects either."""


def returns_of_code(code: str, language: Language) -> Returns:
    """Return what a function's code returns."""
    return _returns(code, language) if len(code) <= _LONGEST else Returns()


@lru_cache(maxsize=64)
def _returns(code: str, language: Language) -> Returns:
    template = compile_code(code, language)
    program = parse_program(template) if code.strip() else None
    found = return_statements(program) if program else None
    if program is None or found is None:
        return Returns()
    fix = _fix(program, {each.name for each in template.variables})
    is_nothing = all(_is_nothing(each, program.source) for each in found)
    is_useless = not found and not _EFFECTS.search(program.source) and not _FAILING.search(program.source)
    fields = None if is_nothing else _fields(program, found)
    return Returns(is_nothing, fields, "" if found else fix, _encoder(program, found), is_useless)


def _encoder(program: Program, statements: Sequence[tree_sitter.Node]) -> str:
    """Return the function of the language that makes each returned value a JSON text; empty if some may be no text."""
    calls = [value and value.child_by_field_name("function") for value in map(returned_value, statements)]
    names = {source_of(call, program.source) if call else "" for call in calls}
    name = names.pop() if len(names) == 1 else ""
    return name if name in _ENCODERS and not _OWN_ENCODER.search(program.source) else ""


def _is_nothing(statement: tree_sitter.Node, source: bytes) -> bool:
    """Return whether a return statement has the value of a function that has none."""
    value = statement.named_children[0] if statement.named_children else None
    called = value.child_by_field_name("function") if value else None
    is_void = called is not None and _VOID.search(source_of(called, source)) is not None
    return is_void and OWN_EACH.search(source) is None and _OWN_PRINT.search(source) is None


def _fix(program: Program, references: Set[str]) -> str:
    """Return how to return the last value of code that has no effects: a variable or an expression.

    Other checks report a last line that changes one of the `references`.
    """
    statement = next((each for each in reversed(program.root.named_children) if each.type != "comment"), None)
    kinds = ("expression_statement", "lexical_declaration", "variable_declaration")
    if statement is None or statement.type not in kinds or _EFFECTS.search(program.source):
        return ""
    inner = statement.named_children[0]
    if _CHECKING.search(source_of(inner, program.source)):
        return ""
    name = inner.child_by_field_name("left") or inner.child_by_field_name("name")
    if inner.type in ("assignment", "augmented_assignment", "assignment_expression", "variable_declarator"):
        shown = source_of(name, program.source) if name and name.type == "identifier" else ""
        return f"End with return {shown}." if shown and shown not in references else ""
    return f"Write return before the value in line {inner.start_point.row + 1}." if inner.type in VALUES else ""


def _fields(program: Program, statements: Sequence[tree_sitter.Node]) -> Set[str] | None:
    keys: set[str | None] = set()
    for value in map(returned_value, statements):
        if value is None or value.type not in ("object", "dictionary"):
            return None
        keys.update(key_of(each, program.source) for each in value.named_children if each.type != "comment")
    return None if None in keys else {each for each in keys if each}


def returned_value(statement: tree_sitter.Node) -> tree_sitter.Node | None:
    """Return the value of a return statement without the parentheses around it."""
    value = next((each for each in statement.named_children if each.type != "comment"), None)
    while value is not None and value.type == "parenthesized_expression":
        value = value.named_children[0]
    return value


def key_of(entry: tree_sitter.Node, source: bytes) -> str | None:
    """Return the key of an entry; None if it has another form than a name."""
    is_short = entry.type == "shorthand_property_identifier"
    node = entry if is_short else entry.child_by_field_name("key")
    if node is None or node.type not in ("shorthand_property_identifier", "property_identifier", "string"):
        return None
    text = source_of(node, source)
    name = text[1:-1] if node.type == "string" else text
    return name if name.replace("$", "_").isidentifier() and name not in _SPECIAL else None


def uncalled_function(source: str) -> str | None:
    """Return the name of the last outermost function that the code declares and does not use."""
    uses = Counter(re.findall(r"\w+", source))
    names = [name for name in _DECLARED.findall(source) if uses[name] == 1]
    return names[-1] if names else None


def return_statements(program: Program) -> list[tree_sitter.Node] | None:
    """Return the return statements; None if there may be others."""
    if b"__sim_result__" in program.source or b"module.exports" in program.source:  # other checks report the latter
        return None
    pending, found = [program.root], []
    while pending:
        node = pending.pop()
        if node.type == "export_statement":  # other checks report it
            return None
        if node.type == "return_statement":
            found.append(node)
        else:
            pending.extend(each for each in node.named_children if each.type not in SCOPES)
    return found
