"""API keys: a workspace's under `/api/workspaces/{id}/api-keys`, a user's under `/api/users/me/api-keys`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from msgspec import UNSET
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from gateway.access.credentials import ApiKey, Caller, Scope
from gateway.keys.service import (
    MAX_OVERLAP,
    ApiKeys,
    Change,
    KeySpec,
    Owner,
    managed_owner,
    personal_owner,
    readable_owner,
)
from gateway.web.bodies import Done, Name, RequestBody, Wire, json_of
from gateway.web.routes import WORKSPACE, WorkspaceAccess, legacy_router
from shared.clock import iso
from shared.errors import InvalidRequest, NotFound

VALIDATION_HEADLINE: Final = "Validation error"


OwnerOf = Callable[[Caller], Owner]
"""Returns whose keys the caller may manage."""


def workspace_keys_router(access: WorkspaceAccess, keys: ApiKeys) -> APIRouter:
    """Return the routes, for admins of the workspace."""
    return _keys_router(
        "/api/workspaces/{workspace_id}/api-keys", access.to_workspace, keys, managed_owner, readable_owner
    )


def personal_keys_router(access: WorkspaceAccess, keys: ApiKeys) -> APIRouter:
    """Return the routes, for signed-in users."""
    return _keys_router("/api/users/me/api-keys", access.caller, keys, personal_owner, personal_owner)


def _keys_router(
    prefix: str, who: Callable[..., Any], keys: ApiKeys, owner_of: OwnerOf, readable: OwnerOf
) -> APIRouter:
    router = legacy_router("API keys", *WORKSPACE, prefix=prefix)
    AnyCaller = Annotated[Caller, Depends(who)]  # noqa: N806 - a type

    @router.get("", summary="List API keys")
    async def list_keys(caller: AnyCaller) -> KeyRows:
        return KeyRows(keys=[KeyRow(**_row(key)) for key in await keys.list(readable(caller))])

    @router.post("", summary="Create an API key")
    async def make(
        caller: AnyCaller, body: Annotated[KeyBody, Depends(json_of(KeyBody, headline=VALIDATION_HEADLINE))]
    ) -> NewKeyAnswer:
        spec = KeySpec(
            name=body.name,
            scopes=frozenset(map(Scope, body.scopes)),
            workflow_ids=None if body.workflow_ids is None else tuple(body.workflow_ids),
            expires_at=body.expires_at,
            rate_limit=body.rate_limit,
        )
        key, clear = await keys.make(caller, owner_of(caller), spec)
        return NewKeyAnswer(key=NewKey(**_row(key), key=clear))

    @router.delete("", summary="Revoke several API keys")
    async def revoke_all(caller: AnyCaller, body: Annotated[KeysBody, Depends(json_of(KeysBody))]) -> Revoked:
        return Revoked(deleted_count=await keys.revoke(caller, owner_of(caller), body.keys))

    @router.put("/{key_id}", summary="Change an API key")
    async def change(
        caller: AnyCaller,
        key_id: str,
        body: Annotated[KeyChangeBody, Depends(json_of(KeyChangeBody, headline=VALIDATION_HEADLINE))],
    ) -> KeyAnswer:
        changes_limit = "rate_limit" in body.model_fields_set
        if body.name is None and not changes_limit:
            raise InvalidRequest("At least one of name or rateLimit must be provided")
        change = Change(body.name, body.rate_limit if changes_limit else UNSET)
        return KeyAnswer(key=KeyRow(**_row(await keys.change(caller, owner_of(caller), key_id, change))))

    @router.post("/{key_id}/rotate", summary="Rotate an API key")
    async def rotate(
        caller: AnyCaller, key_id: str, body: Annotated[RotateBody, Depends(json_of(RotateBody))]
    ) -> NewKeyAnswer:
        overlap = timedelta(seconds=body.overlap_seconds)
        key, clear = await keys.rotate(caller, owner_of(caller), key_id, overlap)
        return NewKeyAnswer(key=NewKey(**_row(key), key=clear))

    @router.delete("/{key_id}", summary="Revoke an API key")
    async def revoke(caller: AnyCaller, key_id: str) -> Done:
        if await keys.revoke(caller, owner_of(caller), [key_id]) == 0:
            raise NotFound("API key not found")
        return Done()

    return router


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "display_key": key.display,
        "scopes": sorted(key.scopes),
        "workflow_ids": None if key.workflow_ids is None else list(key.workflow_ids),
        "created_at": iso(key.created_at),
        "created_by": key.created_by,
        "last_used": iso(key.last_used_at) if key.last_used_at else None,
        "expires_at": iso(key.expires_at) if key.expires_at else None,
        "rate_limit": key.rate_limit,
    }


KeyRateLimit = Annotated[
    int | None,
    Field(ge=1, le=1_000_000_000, description="Calls of each kind per window; the workspace's limits also apply."),
]


ScopeName = Literal["execute", "read", "write", "deploy", "approve", "admin"]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class KeyBody(RequestBody):
    """A new API key. Unknown fields are refused, as a misspelt restriction would restrict nothing."""

    model_config = ConfigDict(strict=False, extra="forbid", alias_generator=to_camel)

    name: Name
    source: str | None = Field(None, max_length=100, description="Sent by Sim's clients; ignored.")
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=6)] = Field(["execute", "read"])
    workflow_ids: list[Annotated[str, StringConstraints(max_length=128)]] | None = Field(
        None, min_length=1, max_length=500, description="Workflows that the key is limited to; all if omitted."
    )
    expires_at: Moment | None = None
    rate_limit: KeyRateLimit = None


class KeyChangeBody(RequestBody):
    """Changes to a key. Its scopes cannot change: create another key instead."""

    name: Name | None = None
    rate_limit: KeyRateLimit = None


class RotateBody(RequestBody):
    """Time for which the old key stays valid."""

    overlap_seconds: int = Field(0, ge=0, le=int(MAX_OVERLAP.total_seconds()))


class KeysBody(RequestBody):
    """Keys to revoke."""

    keys: list[Annotated[str, StringConstraints(max_length=128)]] = Field(min_length=1, max_length=500)


class KeyRow(Wire):
    """Key without its secret."""

    id: str
    name: str
    display_key: str
    scopes: list[ScopeName]
    workflow_ids: list[str] | None
    created_at: str
    created_by: str
    last_used: str | None
    expires_at: str | None
    rate_limit: int | None


class NewKey(KeyRow):
    """New key."""

    key: str = Field(description="Key in clear text, shown only once.")


class KeyRows(Wire):
    keys: list[KeyRow]


class KeyAnswer(Wire):
    key: KeyRow


class NewKeyAnswer(Wire):
    key: NewKey


class Revoked(Done):
    deleted_count: int
