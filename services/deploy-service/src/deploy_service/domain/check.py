"""Checks whether content may go live."""

from collections.abc import Collection, Set
from typing import Final

import msgspec

from deploy_service.domain.content import Content
from shared.contracts.deployments import Problems
from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.errors import InvalidWorkflow
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.reader import read_state
from shared.workflow.format.suggestions import nearest
from shared.workflow.validate.acceptance import unaccepted
from shared.workflow.validate.validator import problems

_MOST_SEARCHES: Final = 20
"""Unset names whose nearest known one is looked for."""


def check(content: Content, keyed_providers: Set[str]) -> Problems:
    """Return all problems of `content`. Raises InvalidWorkflow if it is unreadable."""
    found = problems(read_state(content.state), keyed_providers=keyed_providers)
    return Problems(
        errors=tuple(problem for problem in found if problem.severity is Severity.ERROR),
        warnings=tuple(problem for problem in found if problem.severity is Severity.WARNING),
    )


def named_values(content: Content) -> frozenset[str]:
    """Return the environment values that `content` names. Raises InvalidWorkflow if it is unreadable."""
    return compile_workflow(content.state).environment_names


def values_not_set(names: Set[str], known: Set[str]) -> Problem:
    """Return the warning about environment values that are not set. `known` are the names of those that are."""
    listed = ", ".join(f"{{{{{name}}}}}" for name in sorted(names))
    message = f"These secrets are not set, so their references stay as text: {listed}"
    searched = sorted(names)[:_MOST_SEARCHES]
    meant = [f"{{{{{near}}}}}" for name in searched if (near := nearest(name, sorted(known)))]
    message += f". Did you mean {', '.join(dict.fromkeys(meant))}?" if meant else ""
    return Problem(severity=Severity.WARNING, code=ProblemCode.UNKNOWN_REFERENCE, message=message)


def refuse_errors(found: Problems, accepted_warnings: Collection[str] | None = None) -> None:
    """Raise InvalidWorkflow with all errors, if there are any.

    With `accepted_warnings`, every other warning counts as an error.
    """
    refused = [*found.errors, *(() if accepted_warnings is None else unaccepted(found.warnings, accepted_warnings))]
    if refused:
        text = "; ".join(problem.message for problem in refused)
        raise InvalidWorkflow(f"Invalid workflow: {text}", details=msgspec.to_builtins(refused))
