"""Forms of JavaScript and Python that parse, but cannot have the effect that their author intends."""

import re
from collections import Counter
from collections.abc import Iterator, Set
from functools import cache
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, grammar
from shared.workflow.validate.code.form_rules import Form
from shared.workflow.validate.code.javascript_forms import JAVASCRIPT_RULES
from shared.workflow.validate.code.python_forms import PYTHON_RULES
from shared.workflow.validate.code.unmarked_placeholders import unmarked_placeholders
from shared.workflow.validate.returns import Program

_LONGEST: Final = 5_000
"""Longer bodies of functions and loops are not searched: they may be nested."""
_MOST_CANDIDATES: Final = 200
"""Candidates of one rule that are checked: each takes time."""
_RULES: Final = {Language.JAVASCRIPT: JAVASCRIPT_RULES, Language.PYTHON: PYTHON_RULES}
_SHOWN: Final = frozenset({"method", "key", "called"})
"""Nodes that messages may have."""
_OWN: Final = {
    Language.JAVASCRIPT: re.compile(
        rb"\btry\b|\bdefinePropert|__proto__|\.prototype(?:\.\w+\s*=(?!=)|[\[,])"
        rb"|(?:(?<![.\w])(?=\w+[\"']?\s*[:=({}])|(?<=\.)(?=\w+\s*=))"
        rb"(?:map|flatMap|filter|find|findIndex|some|every|reduce|sort|toSorted|forEach|includes|indexOf|lastIndexOf)\b"
    ),
    Language.PYTHON: re.compile(
        rb"\b(?:try|suppress|__eq__|SimpleNamespace|setattr)\b"
        rb"|\b(?:def|class) +(?:len|int|float|round|strptime)\b"
        rb"|\b(?:class|as) +(?:json|hashlib|base64|re)\b"
        rb"|\b(?:len|int|float|round|json|hashlib|base64|re)\s*=(?!=)"
        rb"|\bdef \w+\((?:[^)\n]{0,200},)? *(?:len|int|float|round|json|re) *[,):=]"
    ),
}
"""Code that expects errors, or may give another meaning to a name of these rules."""
_COMPUTED_INDEX: Final = re.compile(rb"(?<![\w.$])([\w$]+)\[(?![\d\s]*\])[^\]\n]{0,80}\]\s*[+*/%&|^?-]{0,3}=(?!=)")
"""Assignment to an index that may be negative."""
_LISTS: Final = re.compile(
    rb"(?<![\w.$])([\w$]+)(?:\.(?:push|pop|shift|unshift|map|filter|forEach|join|sort|slice|length)\b"
    rb"|\s*=\s*(?:\[|[\w$.]*\.split\([^()\n]*\)\s*(?:[;\n]|$)))"
)
"""Names of which code certainly makes lists or texts, or uses as such."""


def language_mistakes(
    program: Program, language: Language, lists: Set[str], *, is_handled: bool
) -> Iterator[tuple[int, str]]:
    """Yield line and problem of each form.

    `lists` are the names of references to lists, and `is_handled` is whether an error of the code leads to another
    block.
    """
    root, source = program
    if _OWN[language].search(source):
        return
    yield from unmarked_placeholders(program, language)
    code_lists = lists | {name.decode() for name in _LISTS.findall(source)} if b"[" in source else lists
    code_lists -= {name.decode() for name in _COMPUTED_INDEX.findall(source)} if b"-" in source else set()
    candidates: Counter[int] = Counter()
    for index, captures in tree_sitter.QueryCursor(_query(language)).matches(root):
        nodes = {key: each[0] for key, each in captures.items()}
        rule, form = _RULES[language][index], Form(nodes, program, code_lists, is_handled)
        candidates[index] += 1
        body = form.nodes.get("body", form.node)
        is_short = candidates[index] <= _MOST_CANDIDATES and body.end_byte - body.start_byte <= _LONGEST
        if is_short and rule.is_certain(form):
            texts = {key: form.text(key) for key in _SHOWN & nodes.keys()}
            yield form.nodes.get("place", form.node).start_point.row + 1, rule.message.format(**texts)


@cache
def _query(language: Language) -> tree_sitter.Query:
    return tree_sitter.Query(grammar(language), "\n".join(f"({each.pattern} @form)" for each in _RULES[language]))
