"""Problems that name their block."""

from functools import partial
from typing import Final

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.workflow.format.models import Block


def _problem(
    severity: Severity,
    code: ProblemCode,
    message: str,
    block: Block | None = None,
    fields: tuple[str, ...] = (),
    *,
    suggestion: str | None = None,
) -> Problem:
    return Problem(
        severity=severity,
        code=code,
        message=message,
        block_id=block.id if block else None,
        block_name=block.name if block else None,
        fields=fields,
        suggestion=suggestion,
    )


error: Final = partial(_problem, Severity.ERROR)
"""Make a problem that prevents deployment."""
warning: Final = partial(_problem, Severity.WARNING)
"""Make a problem for the author's attention."""
