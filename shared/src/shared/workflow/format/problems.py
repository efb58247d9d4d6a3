"""Problems that name their block."""

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.workflow.format.models import Block


def error(
    code: ProblemCode,
    message: str,
    block: Block | None = None,
    fields: tuple[str, ...] = (),
    *,
    suggestion: str | None = None,
) -> Problem:
    """Return a problem that prevents deployment."""
    return _problem(Severity.ERROR, code, message, block, fields, suggestion=suggestion)


def warning(
    code: ProblemCode,
    message: str,
    block: Block | None = None,
    fields: tuple[str, ...] = (),
    *,
    suggestion: str | None = None,
) -> Problem:
    """Return a problem for the author's attention."""
    return _problem(Severity.WARNING, code, message, block, fields, suggestion=suggestion)


def _problem(
    severity: Severity,
    code: ProblemCode,
    message: str,
    block: Block | None,
    fields: tuple[str, ...],
    *,
    suggestion: str | None,
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
