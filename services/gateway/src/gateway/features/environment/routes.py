"""Environment values: a workspace's under `/api/workspaces/{id}/environment`, a user's under `/api/environment`."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from gateway.access.domain.credentials import Caller
from gateway.features.environment.service import (
    EnvironmentValues,
    managed_workspace,
    personal_values,
    readable_workspace,
)
from gateway.http.access import WorkspaceAccess
from gateway.http.bodies import Data, Done, RequestBody, Wire, json_of
from gateway.http.routes import WORKSPACE, legacy_router
from shared.clock import iso


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
"""Returns whose values the caller may manage."""


def workspace_environment_router(access: WorkspaceAccess, values: EnvironmentValues) -> APIRouter:
    """Return the routes: members see the names, admins write."""
    prefix = "/api/workspaces/{workspace_id}/environment"
    return _environment_router(prefix, access.to_workspace, values, managed_workspace, readable_workspace)


def personal_environment_router(access: WorkspaceAccess, values: EnvironmentValues) -> APIRouter:
    """Return the routes, for signed-in users."""
    return _environment_router("/api/environment", access.caller, values, personal_values, personal_values)


def _environment_router(
    prefix: str, who: Callable[..., Any], values: EnvironmentValues, position_in: OwnerOf, readable: OwnerOf
) -> APIRouter:
    router = legacy_router("Environment", *WORKSPACE, prefix=prefix)
    AnyCaller = Annotated[Caller, Depends(who)]  # noqa: N806 - a type

    @router.get("", summary="List the names of environment values")
    async def list_names(caller: AnyCaller) -> Data[list[ValueName]]:
        found = await values.names(readable(caller))
        return Data(
            data=[
                ValueName(name=each.name, updated_at=iso(each.updated_at), updated_by=each.updated_by) for each in found
            ]
        )

    @router.put("", summary="Set environment values")
    async def set_values(caller: AnyCaller, body: Annotated[ValuesBody, Depends(json_of(ValuesBody))]) -> Done:
        await values.set(caller, position_in(caller), body.variables)
        return Done()

    @router.put("/{name}", summary="Set an environment value")
    async def set_value(caller: AnyCaller, name: str, body: Annotated[ValueBody, Depends(json_of(ValueBody))]) -> Done:
        await values.set(caller, position_in(caller), {name: body.value})
        return Done()

    @router.delete("/{name}", summary="Delete an environment value")
    async def delete_value(caller: AnyCaller, name: str) -> Done:
        await values.delete(caller, position_in(caller), name)
        return Done()

    return router
