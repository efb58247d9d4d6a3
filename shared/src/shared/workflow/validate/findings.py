"""Findings of the rules, and what the rules read."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.format.models import Block
from shared.workflow.format.problems import error, warning
from shared.workflow.validate.references import Read

MOST_OF_A_KIND: Final = 200
"""Maximum findings of a rule."""


class Finding(NamedTuple):
    """A violation of a rule."""

    text: str
    """What is wrong, after the name of the block, and the fix."""
    block: Block | None = None
    fields: tuple[str, ...] = ()
    suggestion: str | None = None
    line: int | None = None
    column: int | None = None


class Checked(NamedTuple):
    """What the rules read."""

    workflow: CompiledWorkflow
    references: tuple[Read, ...]


class Rule(NamedTuple):
    """One kind of problem."""

    code: ProblemCode
    title: str
    """What must hold, for the documentation."""
    example: str
    """Part of a wrong workflow file."""
    find: Callable[[Checked], Iterator[Finding]]
    severity: Severity = Severity.WARNING

    def problems(self, checked: Checked) -> Iterator[Problem]:
        """Yield the violations as problems."""
        make = error if self.severity is Severity.ERROR else warning
        for text, block, fields, suggestion, line, column in islice(self.find(checked), MOST_OF_A_KIND):
            message = f"{block.name}: {text}" if block else text
            problem = make(self.code, message, block, fields, suggestion=suggestion)
            yield msgspec.structs.replace(problem, line=line, column=column) if line else problem
