"""The audit log: `/api/workspaces/{id}/audit`, and `/api/v1/audit-logs` for scripts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from gateway.access.audit import AuditLog, position_in
from gateway.access.credentials import Caller
from gateway.v1.routes import V1Access, v1_router
from gateway.web.bodies import Wire
from gateway.web.routes import WORKSPACE, Limits, WorkspaceAccess, legacy_router
from shared.clock import iso
from shared.contracts.audit import AuditEntry, AuditQuery


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


class AuditLogs(AuditRows):
    limits: Limits


Word = Annotated[str | None, Query(max_length=200)]


class AuditFilter:
    """Query parameters of a request."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Word = None,
        action: Word = None,
        actor_id: Annotated[str | None, Query(alias="actorId", max_length=200)] = None,
        target_id: Annotated[str | None, Query(alias="targetId", max_length=200)] = None,
    ) -> None:
        self._limit = limit
        self._cursor = cursor
        self._action = action
        self._actor_id = actor_id
        self._target_id = target_id

    def query(self, caller: Caller) -> AuditQuery:
        """Return the query in the caller's workspace. Raises InvalidRequest."""
        return AuditQuery(
            workspace_id=caller.workspace.id,
            before=position_in(self._cursor),
            limit=self._limit,
            action=self._action,
            actor_id=self._actor_id,
            target_id=self._target_id,
        )


def audit_router(access: WorkspaceAccess, audit: AuditLog) -> APIRouter:
    """Return the route, for admins."""
    router = legacy_router("Audit", *WORKSPACE)

    @router.get("/api/workspaces/{workspace_id}/audit", summary="List audit log entries of a workspace")
    async def page(
        caller: Annotated[Caller, Depends(access.to_workspace)], filters: Annotated[AuditFilter, Depends()]
    ) -> AuditRows:
        entries, cursor = await audit.page(caller, filters.query(caller))
        return AuditRows(data=list(map(_row, entries)), next_cursor=cursor)

    return router


def audit_logs_router(access: V1Access, audit: AuditLog) -> APIRouter:
    """Return the v1 route, for admins."""
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
        return AuditLogs(data=list(map(_row, entries)), next_cursor=cursor, limits=await access.limits(caller))

    return router


def _row(entry: AuditEntry) -> AuditRow:
    actor = entry.actor
    return AuditRow(
        id=entry.id,
        at=iso(entry.at),
        actor={"id": actor.id, "name": actor.name, "kind": actor.kind},
        action=entry.action,
        target_id=entry.target_id,
        target_name=entry.target_name,
        before=entry.before,
        after=entry.after,
    )
