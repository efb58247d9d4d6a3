"""Environment values: a workspace's under `/api/workspaces/{id}/environment`, a user's under `/api/environment`."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from gateway.access.domain.credentials import Caller
from gateway.features.environment.service import (
    EnvironmentValues,
    own_place,
    workspace_place,
    workspace_place_looked_at,
)
from gateway.http.access import WorkspaceAccess
from gateway.http.bodies import Data, Done, RequestBody, Wire, json_of
from gateway.http.routers import WORKSPACE, legacy_router
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


PlaceOf = Callable[[Caller], str]
"""Returns whose values the caller may manage."""


def workspace_environment_router(access: WorkspaceAccess, values: EnvironmentValues) -> APIRouter:
    """Return the routes: members see the names, admins write."""
    prefix = "/api/workspaces/{workspace_id}/environment"
    return _environment_router(prefix, access.to_workspace, values, workspace_place, workspace_place_looked_at)


def personal_environment_router(access: WorkspaceAccess, values: EnvironmentValues) -> APIRouter:
    """Return the routes, for signed-in users."""
    return _environment_router("/api/environment", access.caller, values, own_place, own_place)


def _environment_router(
    prefix: str, who: Callable[..., Any], values: EnvironmentValues, place_of: PlaceOf, looked_at: PlaceOf
) -> APIRouter:
    router = legacy_router("Environment", *WORKSPACE, prefix=prefix)
    Known = Annotated[Caller, Depends(who)]  # noqa: N806 - a type

    @router.get("")
    async def list_names(caller: Known) -> Data[list[ValueName]]:
        found = await values.names(looked_at(caller))
        return Data(
            data=[
                ValueName(name=each.name, updated_at=iso(each.updated_at), updated_by=each.updated_by) for each in found
            ]
        )

    @router.put("")
    async def set_values(caller: Known, body: Annotated[ValuesBody, Depends(json_of(ValuesBody))]) -> Done:
        await values.set(caller, place_of(caller), body.variables)
        return Done()

    @router.put("/{name}")
    async def set_value(caller: Known, name: str, body: Annotated[ValueBody, Depends(json_of(ValueBody))]) -> Done:
        await values.set(caller, place_of(caller), {name: body.value})
        return Done()

    @router.delete("/{name}")
    async def delete_value(caller: Known, name: str) -> Done:
        await values.delete(caller, place_of(caller), name)
        return Done()

    return router
