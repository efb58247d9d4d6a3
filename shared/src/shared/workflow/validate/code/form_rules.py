"""Rules for forms of code that parse, but cannot have the effect that their author intends."""

import re
from collections.abc import Callable, Mapping, Set
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import source_of
from shared.workflow.validate.code.constant_conditions import is_one_value
from shared.workflow.validate.returns import Program

_BLOCKS: Final = frozenset({"program", "statement_block", "module", "block"})
_HARMLESS: Final = frozenset(
    {"comment", "empty_statement", "function_declaration", "generator_function_declaration", "variable_declaration"}
    | {"class_declaration", "function_definition", "class_definition", "decorated_definition", "return_statement"}
    | {
        "break_statement",
        "continue_statement",
        "import_statement",
        "throw_statement",
        "raise_statement",
        "pass_statement",
    }
)
"""Statements after a return that need not run."""
_MOST_HARMLESS: Final = 20
"""Such statements that are skipped: each takes time."""


class Form(NamedTuple):
    """Code that has the form of a rule, with the nodes that its pattern names."""

    nodes: Mapping[str, tree_sitter.Node]
    program: Program
    lists: Set[str]
    """Names of values that are lists or texts."""
    is_handled: bool
    """Whether an error of the code leads to another block."""

    @property
    def node(self) -> tree_sitter.Node:
        """Return all of the form."""
        return self.nodes["form"]

    def text(self, name: str) -> str:
        """Return the source of a node."""
        return source_of(self.nodes[name], self.program.source)

    def has(self, word: bytes, name: str = "form") -> bool:
        """Return whether the source of a node has a word."""
        node = self.nodes[name]
        return self.program.source.find(word, node.start_byte, node.end_byte) >= 0


class Rule(NamedTuple):
    """A form and the message about it."""

    pattern: str
    """Pattern of the syntax tree. Its `@body` is what may be long, `@place` where to report it; the message may have
    `@method`, `@key` and `@called`."""
    message: str
    is_certain: Callable[[Form], bool] = lambda _: True
    """Whether nothing around the form gives it another meaning."""


def compares_with_two_values(form: Form) -> bool:
    """Return whether `@first` and `@second` are one value, which cannot equal both `@one` and `@other`."""
    return is_one_value(*map(form.text, ("first", "second", "one", "other")))


def is_lone_statement(form: Form) -> bool:
    """Return whether a statement calls nothing and is not the last: `Returns.fix` explains that one."""
    return form.node.next_named_sibling is not None and not form.has(b"(")


def is_before_code(form: Form) -> bool:
    """Return whether code after a return in its block never runs: declarations and the end of a case are no such code.

    A `yield` after it may make a generator of the function.
    """
    parent, after = form.node.parent, form.node.next_named_sibling
    if parent is None or parent.type not in _BLOCKS or form.program.source.find(b"yield", form.node.end_byte) >= 0:
        return False
    for _ in range(_MOST_HARMLESS):
        if after is None or after.type not in _HARMLESS:
            return after is not None
        after = after.next_named_sibling
    return False


def is_read_later(form: Form) -> bool:
    """Return whether code after the form has the `@name` that it declares: other values do no harm."""
    return re.search(word_pattern(form.text("name")), form.program.source[form.node.end_byte :]) is not None


def is_returned_later(form: Form) -> bool:
    """Return whether code after the form returns the `@name` that it declares, and not only a part of it."""
    returned = rb"\breturn\s+" + word_pattern(form.text("name")) + rb"\s*(?:[;\n]|\Z)"
    return re.search(returned, form.program.source[form.node.end_byte :]) is not None


def word_pattern(name: str) -> bytes:
    """Return the regular expression for a name in code."""
    return rf"(?<![\w.$]){re.escape(name)}(?![\w$])".encode()


_END: Final = re.compile(rb"\b(?:break|continue|return|throw|raise|await|yield|next|\w*exit\w*|kill|abort)\b")
_FAILURE: Final = re.compile(rb"\b(?:throw|raise|assert|catch|except|quit|\w*exit\w*|kill|abort)\b")


def is_endless(form: Form) -> bool:
    """Return whether nothing in the body of a loop ends it, nor a function that it may call, nor a handled error."""
    (_, source), body = form.program, form.nodes["body"]
    is_ended = _END.search(source, body.start_byte, body.end_byte) or _FAILURE.search(source)
    return is_ended is None and not form.is_handled


CODE_AFTER_RETURN: Final = Rule(
    "(return_statement (_))", "the code after this return never runs. Remove it, or move it up", is_before_code
)
