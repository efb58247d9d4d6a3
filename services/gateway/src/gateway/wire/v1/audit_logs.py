"""`/api/v1/audit-logs`: the audit log, for scripts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.access.application.audit import AuditLog
from gateway.access.domain.credentials import Caller
from gateway.features.audit.routes import AuditFilter, AuditRows, audit_row
from gateway.http.usage import Limits
from gateway.wire.v1.routes import V1Access, v1_router


class AuditLogs(AuditRows):
    limits: Limits


def audit_logs_router(access: V1Access, audit: AuditLog) -> APIRouter:
    """Return the route, for admins."""
    router = v1_router("Audit", 400, 401, 403, 429, 503)

    @router.get("/api/v1/audit-logs", summary="List audit log entries")
    async def page(
        caller: Annotated[Caller, Depends(access.caller)],
        filters: Annotated[AuditFilter, Depends()],
        workspace_id: Annotated[
            str | None, Query(alias="workspaceId", max_length=200, description="Defaults to the key's workspace.")
        ] = None,
    ) -> AuditLogs:
        caller = caller.within(workspace_id or caller.workspace.id)
        entries, cursor = await audit.page(caller, filters.query(caller))
        return AuditLogs(data=list(map(audit_row, entries)), next_cursor=cursor, limits=await access.limits(caller))

    return router
