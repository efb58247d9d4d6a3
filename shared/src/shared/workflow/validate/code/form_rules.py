"""Rules for forms of code that parse, but cannot have the effect that their author intends."""

import re
from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import source_of
from shared.workflow.validate.code.constant_conditions import is_one_value
from shared.workflow.validate.returns import Program


class Form(NamedTuple):
    """Code that has the form of a rule, with the nodes that its pattern names."""

    nodes: Mapping[str, tree_sitter.Node]
    program: Program
    lists: Set[str]
    """Names of values that are lists or texts."""

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


def is_read_later(form: Form) -> bool:
    """Return whether code after the form has the `@name` that it declares: other values do no harm."""
    return re.search(word_pattern(form.text("name")), form.program.source[form.node.end_byte :]) is not None


def word_pattern(name: str) -> bytes:
    """Return the regular expression for a name in code."""
    return rf"(?<![\w.$]){re.escape(name)}(?![\w$])".encode()
