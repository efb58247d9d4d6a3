"""Whether a content may go live."""

from collections.abc import Set

import msgspec

from deploy_service.domain.content import Content
from shared.contracts.deployments import Problems
from shared.contracts.problems import Severity
from shared.errors import InvalidWorkflow
from shared.workflow.reading import read_state
from shared.workflow.validate import problems


def check(content: Content, keyed_providers: Set[str]) -> Problems:
    """Everything that is wrong with `content`. Raises InvalidWorkflow when it cannot be read at all."""
    found = problems(read_state(content.state), keyed_providers=keyed_providers)
    return Problems(
        errors=tuple(problem for problem in found if problem.severity is Severity.ERROR),
        warnings=tuple(problem for problem in found if problem.severity is Severity.WARNING),
    )


def refuse_errors(found: Problems) -> None:
    """Raises InvalidWorkflow that lists every error, if there is one."""
    if found.errors:
        text = "; ".join(problem.message for problem in found.errors)
        raise InvalidWorkflow(f"Invalid workflow: {text}", details=msgspec.to_builtins(found.errors))
