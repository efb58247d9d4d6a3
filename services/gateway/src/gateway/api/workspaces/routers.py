"""Every router about workspaces and people, but for sessions and workflows."""

from collections.abc import Sequence

from fastapi import APIRouter

from gateway.api.legacy.access import LegacyAccess
from gateway.api.workspaces.audit import audit_router
from gateway.api.workspaces.environment import personal_environment_router, workspace_environment_router
from gateway.api.workspaces.keys import personal_keys_router, workspace_keys_router
from gateway.api.workspaces.workspaces import workspaces_router
from gateway.application.api_keys import ApiKeys
from gateway.application.audit import AuditLog
from gateway.application.environment_values import EnvironmentValues
from gateway.application.teams import Teams


def workspace_routers(
    access: LegacyAccess,
    teams: Teams,
    keys: ApiKeys,
    values: EnvironmentValues,
    audit: AuditLog,
    *,
    public_url: str,
) -> Sequence[APIRouter]:
    """In the order in which they are described."""
    return (
        workspaces_router(access, teams, public_url=public_url),
        workspace_keys_router(access, keys),
        personal_keys_router(access, keys),
        workspace_environment_router(access, values),
        personal_environment_router(access, values),
        audit_router(access, audit),
    )
