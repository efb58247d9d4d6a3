"""Statements of Python 2 that the parser accepts."""

from collections.abc import Iterator
from typing import Final

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake

_STATEMENTS: Final = {
    Language.PYTHON: '[(print_statement "print" @statement) (exec_statement "exec" @statement)]',
}


def python2_statements(code: CodeContext) -> Iterator[Mistake]:
    """Yield the statements that are functions in Python 3."""
    for captures in code.matches(_STATEMENTS):
        node = captures["statement"]
        yield Mistake(node, f"{node.type} is a function in Python 3: write {node.type}(…)")
