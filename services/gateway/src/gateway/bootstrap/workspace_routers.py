"""Routers of workspaces and users, except sessions and workflows."""

from collections.abc import Sequence

from fastapi import APIRouter

from gateway.access.application.audit import AuditLog
from gateway.access.application.members import MemberService
from gateway.features.audit.routes import audit_router
from gateway.features.environment.routes import personal_environment_router, workspace_environment_router
from gateway.features.environment.service import EnvironmentValues
from gateway.features.keys.routes import personal_keys_router, workspace_keys_router
from gateway.features.keys.service import ApiKeys
from gateway.features.members.routes import workspaces_router
from gateway.http.access import WorkspaceAccess


def workspace_routers(
    access: WorkspaceAccess,
    teams: MemberService,
    keys: ApiKeys,
    values: EnvironmentValues,
    audit: AuditLog,
    *,
    public_url: str,
) -> Sequence[APIRouter]:
    """Return them in the order of their documentation."""
    return (
        workspaces_router(access, teams, public_url=public_url),
        workspace_keys_router(access, keys),
        personal_keys_router(access, keys),
        workspace_environment_router(access, values),
        personal_environment_router(access, values),
        audit_router(access, audit),
    )
