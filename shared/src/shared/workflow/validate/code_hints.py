"""What usually causes a syntax error: words of another language, or code in it."""

import re
from typing import Final

from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate, compile_code, syntax_error

_OPERATORS: Final = {"and": "&&", "or": "||", "not": "!", "contains": ".includes(…)", "is": "==="}
_WORDS: Final = re.compile(r"(?<![.\w\"'])(?:and|or|not|contains|is)(?![\w\"'])", re.IGNORECASE)
"""Operators of other languages."""
_STATEMENT: Final = re.compile(r"\s*+(?:(?P<start>return|if|\{)(?!\w)|[^;]*+(?P<end>;)\s*+$)")
"""Expressions that are written as statements."""
_PYTHON_WORDS: Final = {"else if": "elif", "&&": "and", "||": "or", "===": "==", "!==": "!=", "++": "+= 1"}
_NOT_PYTHON: Final = re.compile(r"\belse +if\b|&&|\|\||!==|===|\+\+")
_TYPES: Final = re.compile(
    r"(?<=\w)\s*:\s*(?:string|number|boolean|any|unknown|void|object|Record<)(?:\[\])?(?=\s*[=,){;])"
)
"""Types of TypeScript."""


def language_hint(template: CodeTemplate) -> str:
    """Return a sentence about the language of code that does not parse; empty if nothing looks wrong."""
    source = template.source
    if template.is_expression:  # always JavaScript
        return _expression_hint(source)
    if "```" in source:
        return " Remove the ``` around the code."
    other = next(each for each in Language if each is not template.language)
    if syntax_error(compile_code(source, other)) is None:
        return f' Is the language "{other}"?'
    if template.language is Language.PYTHON and (match := _NOT_PYTHON.search(source)):
        return f' Write "{_PYTHON_WORDS[" ".join(match[0].split())]}" for "{match[0]}".'
    if template.language is Language.JAVASCRIPT and (match := _TYPES.search(source)):
        return f' Write JavaScript without types such as "{match[0].strip()}".'
    return ""


def _expression_hint(source: str) -> str:
    if match := _STATEMENT.match(source):
        return f' Write only the expression, without "{match["start"] or match["end"]}".'
    words = dict.fromkeys(match[0] for match in _WORDS.finditer(source))
    return "".join(f' Write "{_OPERATORS[word.lower()]}" for "{word}".' for word in words)
