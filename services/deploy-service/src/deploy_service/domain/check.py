"""Checks whether content may go live."""

from collections.abc import Collection, Set
from typing import Final

import msgspec

from shared.contracts.deployments import Problems
from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.errors import InvalidWorkflow
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.validate.acceptance import unaccepted
from shared.workflow.validate.validator import problems

_MOST_SEARCHES: Final = 20
"""Maximum number of unset names for which a similar known name is searched."""
_SHORTEST_WORD: Final = 5
"""Shorter words that differ by one letter may be different words."""


def check(workflow: CompiledWorkflow, keyed_providers: Set[str]) -> Problems:
    """Return all problems of a compiled workflow."""
    found = problems(workflow, keyed_providers=keyed_providers)
    return Problems(
        errors=tuple(problem for problem in found if problem.severity is Severity.ERROR),
        warnings=tuple(problem for problem in found if problem.severity is Severity.WARNING),
    )


def values_not_set(names: Set[str], known: Set[str]) -> Problem:
    """Return the warning about environment values that are not set. `known` are the names of those that are."""
    listed = ", ".join(f"{{{{{name}}}}}" for name in sorted(names))
    message = f"These secrets are not set, so their references stay as text: {listed}"
    searched = sorted(names)[:_MOST_SEARCHES]
    found = (next((each for each in sorted(known) if _is_misspelling(name, each)), None) for name in searched)
    meant = [f"{{{{{each}}}}}" for each in found if each]
    message += f". Did you mean {', '.join(dict.fromkeys(meant))}?" if meant else ""
    return Problem(severity=Severity.WARNING, code=ProblemCode.UNKNOWN_REFERENCE, message=message)


def _is_misspelling(name: str, known: str) -> bool:
    """Return whether names differ by one letter, or two swapped ones. Names of other secrets differ by a word."""
    one, other = (each.upper().replace("-", "_") for each in (name, known))
    pairs = enumerate(zip(one, other, strict=False))
    at = next((number for number, (a, b) in pairs if a != b), min(len(one), len(other)))
    rest, right = one[at:], other[at:]
    if any(each.isdigit() for each in rest[:1] + right[:1]):
        return False
    if len(rest) > 1 and rest[:2] == right[1::-1] and rest[2:] == right[2:]:
        return True
    words = set(one.split("_")) ^ set(other.split("_"))
    is_one_letter = right[1:] in {rest, rest[1:]} or rest[1:] == right
    return is_one_letter and all(len(word) >= _SHORTEST_WORD for word in words)


def refuse_errors(found: Problems, accepted_warnings: Collection[str] | None = None) -> None:
    """Raise InvalidWorkflow with all errors, if there are any.

    With `accepted_warnings`, every other warning counts as an error.
    """
    refused = [*found.errors, *(() if accepted_warnings is None else unaccepted(found.warnings, accepted_warnings))]
    if refused:
        text = "; ".join(problem.message for problem in refused)
        raise InvalidWorkflow(f"Invalid workflow: {text}", details=msgspec.to_builtins(refused))
