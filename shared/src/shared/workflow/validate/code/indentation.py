"""Indentation of Python code, which the syntax parser does not check."""

import io
import tokenize
from collections.abc import Iterator
from typing import Final

from shared.workflow.compile.code_references import Location

_NO_CODE: Final = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING})


def indentation_problem(source: str) -> tuple[Location, str] | None:
    """Return the first line with a wrong indentation, and the reason."""
    try:
        return next(_problems(source), None)
    except IndentationError as error:
        return Location(error.lineno or 1, 1), "the line matches no outer indentation"
    except (tokenize.TokenError, SyntaxError):  # reported as a syntax error
        return None


def _problems(source: str) -> Iterator[tuple[Location, str]]:
    last = ""
    is_first, is_new_line = True, False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _NO_CODE:
            continue
        at = Location(token.start[0], token.start[1] + 1)
        if token.type == tokenize.INDENT:
            if last != ":" and not is_first:
                yield Location(token.end[0], token.end[1] + 1), "the line is indented, but no block begins above it"
            is_new_line = False
        elif token.type == tokenize.NEWLINE:
            is_new_line = True
        else:
            if is_new_line and last == ":" and not is_first:
                yield at, "an indented block is missing after the line above"
            is_new_line = False
            if token.type != tokenize.DEDENT:
                last = token.string
        is_first = is_first and token.type == tokenize.INDENT
