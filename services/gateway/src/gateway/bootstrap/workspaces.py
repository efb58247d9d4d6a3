"""Workspaces and users: sessions, members, keys, values, caches and maintenance."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from fastapi import APIRouter

from gateway.access.application.members import MemberService
from gateway.accounts.cookies import SessionCookie
from gateway.accounts.routes import invitations_router, sessions_router
from gateway.bootstrap.callers import Callers
from gateway.bootstrap.outside import Outside
from gateway.dead_letters.routes import dead_letters_router
from gateway.dead_letters.service import RedriveService
from gateway.deletion.deleted_routes import deleted_workflows_router
from gateway.deletion.routes import erasures_router
from gateway.deletion.service import DeletedWorkflows, DeletionService
from gateway.keys.routes import personal_keys_router, workspace_keys_router
from gateway.keys.service import ApiKeys
from gateway.members.routes import workspaces_router
from gateway.runs.application.run_logs import RunLogs
from gateway.runs.application.usage import SpendCap
from gateway.settings import GatewaySettings
from gateway.v1.logs import logs_router
from gateway.v2.statistics import statistics_router
from gateway.webhooks.routes import notifications_router
from gateway.webhooks.service import Webhooks
from gateway.workspaces.audit import audit_logs_router, audit_router
from gateway.workspaces.environment import personal_environment_router, workspace_environment_router
from gateway.workspaces.queue import queue_router

ERASURE_MARGIN: Final = timedelta(minutes=5)
"""Time after its time limit in which a run may still be recorded."""


def build_deletion_service(outside: Outside, callers: Callers) -> DeletionService:
    """Build the permanent deletion of workflows and workspaces."""
    longest = max(plan.sync_seconds for plan in callers.plans.values())
    return DeletionService(
        outside.store,
        outside.deploy,
        (outside.deploy, outside.jobs),
        outside.calls,
        endpoints=callers.endpoints,
        revocations=callers.revocations,
        audit=callers.audit,
        clock=outside.clock,
        settle=timedelta(seconds=longest) + ERASURE_MARGIN,
    )


def people_routers(
    settings: GatewaySettings, outside: Outside, callers: Callers, deletions: DeletionService
) -> Sequence[APIRouter]:
    """Return routers for signed-in users, and for admins' keys."""
    clock, audit, cookie = outside.clock, callers.audit, SessionCookie(settings.base_url)
    sessions, authentication, rate_limits = callers.sessions, callers.authentication, callers.rate_limits

    async def settle() -> None:
        """Invalidate this gateway's caches, and wait for the others' leases: team changes are not broadcast."""
        authentication.forget()
        await callers.revocations.settle()

    deleted = DeletedWorkflows(
        outside.deploy,
        outside.store,
        endpoints=callers.endpoints,
        revocations=callers.revocations,
        audit=audit,
    )
    teams = MemberService(
        outside.store,
        outside.store,
        sessions,
        audit,
        clock,
        plan=settings.default_plan,
        settle=settle,
    )
    access = callers.legacy
    keys = ApiKeys(outside.store, callers.revocations, audit, clock)
    return (
        sessions_router(sessions, authentication, cookie, rate_limits, clock),
        invitations_router(authentication, sessions, teams, cookie=cookie, rate_limits=rate_limits, clock=clock),
        workspaces_router(access, teams, public_url=settings.base_url),
        workspace_keys_router(access, keys),
        personal_keys_router(access, keys),
        workspace_environment_router(access, outside.deploy, audit),
        personal_environment_router(access, outside.deploy, audit),
        audit_router(access, audit),
        erasures_router(access, deletions),
        deleted_workflows_router(access, deleted),
    )


def operations_routers(settings: GatewaySettings, outside: Outside, callers: Callers) -> Sequence[APIRouter]:
    """Return routers of run logs and statistics, dead letters, audit log and webhooks."""
    jobs, letters, webhooks, audit = outside.jobs, outside.dead_letters, outside.webhooks, callers.audit
    logs = RunLogs(jobs, jobs, outside.deploy)
    redrives = RedriveService(
        letters,
        jobs,
        callers.endpoints,
        plans=callers.plans,
        limits=callers.limits,
        cap=SpendCap(jobs, outside.clock),
        audit=audit,
    )
    return (
        queue_router(callers.legacy, jobs),
        logs_router(callers.v1, logs),
        statistics_router(callers.v2, logs),
        dead_letters_router(callers.v1, letters, redrives, public_url=settings.base_url),
        audit_logs_router(callers.v1, audit),
        notifications_router(callers.legacy, webhooks, Webhooks(webhooks, audit, callers.revocations.settle)),
    )
