"""Code that the parser accepts and the engine refuses, before any of it runs."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, query, source_of
from shared.workflow.validate.returns import SCOPES, Program

_MOST: Final = 200
"""Jumps that are checked: each takes time."""
_LOOPS: Final = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
_PLACES: Final = {
    "break_statement": _LOOPS | {"switch_statement"},
    "continue_statement": _LOOPS,
    "await": frozenset[str](),
}
"""Statements around each jump that give it a meaning."""
_WALLS: Final = SCOPES | {"class_definition"}
_JUMPS: Final = {
    "break_statement": "break is only possible in a loop. To end code or a function, write return",
    "continue_statement": "continue is only possible in a loop. To go to the next entry in forEach, write return",
    "await": "Python code has no await outside of async functions, and sim.files needs none. Remove it",
}
_QUERIES: Final = {
    Language.JAVASCRIPT: """
[(break_statement !label) (continue_statement !label)] @jump
(lexical_declaration kind: "const" (variable_declarator name: (_) @constant !value))
(regex pattern: (regex_pattern) @pattern flags: (regex_flags)? @flags)
""",
    Language.PYTHON: """
[(break_statement) (continue_statement) (await)] @jump
(string (string_start) @backtick (#match? @backtick "`"))
""",
}
_FLAGS: Final = "dgimsuvy"
_ESCAPED: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*+\]?", re.DOTALL)
"""Characters and classes that have no syntax of patterns."""
_PATTERN_PROBLEMS: Final = (
    (re.compile(r"\(\?P<"), "a group has its name in (?<name>…)"),
    (re.compile(r"\(\?[ims]+\)"), "flags follow the pattern, such as /…/i"),
    (re.compile(r"(?:^|[|(])[*+]|[*+?]\??[*+]"), r"there is nothing to repeat. Write \+ or \* for the character"),
)
"""Mistakes in a pattern without escapes and classes."""


def early_errors(program: Program, language: Language) -> Iterator[tuple[int, str]]:
    """Yield line and problem of each."""
    root, source = program
    matches = tree_sitter.QueryCursor(query(language, _QUERIES[language])).matches(root)
    for kind, node, flags in islice(((*_first(each), each.get("flags")) for _, each in matches), _MOST):
        text = source_of(node, source)
        match kind:
            case "jump":
                problem = None if _is_possible(node) else _JUMPS[node.type]
            case "constant":
                problem = f"const {text} needs a value. Write let {text}" if node.type == "identifier" else None
            case "backtick":
                problem = 'Python has no text in backticks. Write f"… {value}"'
            case _:
                problem = _pattern_problem(text, source_of(flags[0], source) if flags else "")
        if problem:
            yield node.start_point.row + 1, problem


def _first(captures: dict[str, list[tree_sitter.Node]]) -> tuple[str, tree_sitter.Node]:
    kind = next(each for each in captures if each != "flags")
    return kind, captures[kind][0]


def _is_possible(jump: tree_sitter.Node) -> bool:
    around = jump.parent
    while around is not None and around.type not in _PLACES[jump.type] and around.type not in _WALLS:
        around = around.parent
    if around is not None and jump.type == "await":
        return any(each.type == "async" for each in around.children[:1])
    return around is not None and around.type in _PLACES[jump.type]


def _pattern_problem(pattern: str, flags: str) -> str | None:
    for flag in flags:
        if flag not in _FLAGS or flags.count(flag) > 1:
            what = " twice" if flag in _FLAGS else f", which does not exist. Flags are {', '.join(_FLAGS)}"
            return f'the regular expression has the flag "{flag}"{what}'
    if "v" in flags:  # its classes are nested
        return None
    syntax = _ESCAPED.sub("_", pattern)
    found = next((text for wrong, text in _PATTERN_PROBLEMS if wrong.search(syntax)), None)
    if found is None and (surplus := syntax.count("(") - syntax.count(")")):
        given, other = ("(", ")") if surplus > 0 else (")", "(")
        found = rf'a "{given}" has no "{other}". Write \{given} for the character'
    return found and f"the engine refuses the regular expression /{pattern[:60]}/: {found}"
