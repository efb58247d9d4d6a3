"""Response bodies of the audit log."""

from typing import Any

from gateway.http.bodies import Wire


class AuditRow(Wire):
    """Entry of the audit log."""

    id: str
    at: str
    actor: dict[str, str]
    action: str
    target_id: str
    target_name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditRows(Wire):
    data: list[AuditRow]
    next_cursor: str | None
