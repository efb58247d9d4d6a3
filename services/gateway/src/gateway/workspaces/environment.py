"""Environment values: a workspace's under `/api/workspaces/{id}/environment`, a user's under `/api/environment`."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope, require_admin, signed_in
from gateway.web.bodies import Data, Done, RequestBody, Wire, json_of
from gateway.web.routes import WORKSPACE, WorkspaceAccess, legacy_router
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs.runs import HttpJobsClient
from shared.clock import iso
from shared.contracts.deployments import SetEnvironmentValue, personal_workspace_id


class ValueBody(RequestBody):
    """Value; never returned."""

    value: Annotated[str, StringConstraints(max_length=65_536)]


class ValuesBody(RequestBody):
    """Values by name."""

    variables: dict[str, Annotated[str, StringConstraints(max_length=65_536)]] = Field(max_length=100)


class ValueName(Wire):
    """Name of a value."""

    name: str
    updated_at: str
    updated_by: str


OwnerOf = Callable[[Caller], str]
"""Returns whose values the caller may manage, or raises Forbidden."""


def workspace_environment_router(access: WorkspaceAccess, environment: HttpDeployClient, audit: AuditLog) -> APIRouter:
    """Return the routes: members see the names, admins write."""

    def managed(caller: Caller) -> str:
        require_admin(caller)
        return caller.workspace.id

    def readable(caller: Caller) -> str:
        caller.require_throughout(Scope.READ)
        return caller.workspace.id

    prefix = "/api/workspaces/{workspace_id}/environment"
    return _environment_router(prefix, access.to_workspace, environment, audit, managed=managed, readable=readable)


def personal_environment_router(access: WorkspaceAccess, environment: HttpDeployClient, audit: AuditLog) -> APIRouter:
    """Return the routes, for signed-in users."""

    def own(caller: Caller) -> str:
        return personal_workspace_id(signed_in(caller).id)

    return _environment_router("/api/environment", access.caller, environment, audit, managed=own, readable=own)


def _environment_router(
    prefix: str,
    who: Callable[..., Any],
    environment: HttpDeployClient,
    audit: AuditLog,
    *,
    managed: OwnerOf,
    readable: OwnerOf,
) -> APIRouter:
    """Return routes of write-only values: they are listed by name, and every change is audited."""
    router = legacy_router("Environment", *WORKSPACE, prefix=prefix)
    AnyCaller = Annotated[Caller, Depends(who)]  # noqa: N806 - a type

    async def store(caller: Caller, values: Mapping[str, str]) -> Done:
        owner = managed(caller)
        for name, value in values.items():
            await environment.set_value(owner, name, SetEnvironmentValue(value, caller.actor_name))
            await audit.record(caller, "environment.set", target_id=owner, target_name=name)
        return Done()

    @router.get("", summary="List the names of environment values")
    async def list_names(caller: AnyCaller) -> Data[list[ValueName]]:
        found = await environment.value_names(readable(caller))
        return Data(
            data=[
                ValueName(name=each.name, updated_at=iso(each.updated_at), updated_by=each.updated_by)
                for each in found.names
            ]
        )

    @router.put("", summary="Set environment values")
    async def set_values(caller: AnyCaller, body: Annotated[ValuesBody, Depends(json_of(ValuesBody))]) -> Done:
        return await store(caller, body.variables)

    @router.put("/{name}", summary="Set an environment value")
    async def set_value(caller: AnyCaller, name: str, body: Annotated[ValueBody, Depends(json_of(ValueBody))]) -> Done:
        return await store(caller, {name: body.value})

    @router.delete("/{name}", summary="Delete an environment value")
    async def delete_value(caller: AnyCaller, name: str) -> Done:
        owner = managed(caller)
        await environment.delete_value(owner, name)
        await audit.record(caller, "environment.deleted", target_id=owner, target_name=name)
        return Done()

    return router


class QueueAnswer(Wire):
    """The workspace's queue."""

    queued: int
    limit: int
    wait_seconds: float | None = Field(description="Expected wait of a run that is queued now; null if unknown.")


def queue_router(access: WorkspaceAccess, jobs: HttpJobsClient) -> APIRouter:
    """Return the route, for readers of the workspace."""
    router = legacy_router("Workspaces", *WORKSPACE)

    @router.get("/api/workspaces/{workspace_id}/queue", summary="Get the queue's length")
    async def queue_length(caller: Annotated[Caller, Depends(access.to_workspace)], workspace_id: str) -> QueueAnswer:
        caller.require(Scope.READ)
        found = await jobs.queue(workspace_id)
        return QueueAnswer(queued=found.queued, limit=found.limit, wait_seconds=found.wait_seconds)

    return router
