"""Who calls, and what the key that was shown allows."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from gateway.domain.errors import MissingScope
from gateway.domain.plans import PlanName


class Scope(StrEnum):
    """What a key may do."""

    EXECUTE = "execute"
    READ = "read"
    DEPLOY = "deploy"
    ADMIN = "admin"


ALL_SCOPES: Final = frozenset(Scope)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept: never the key itself."""

    id: str
    workspace_id: str
    name: str
    key_hash: str
    display: str
    scopes: frozenset[Scope]
    created_by: str
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant, as far as a call needs to know it."""

    id: str
    name: str
    plan: PlanName
    created_at: datetime


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a workspace."""

    id: str
    workspace_id: str
    email: str
    name: str
    role: str
    created_at: datetime


class Credential(msgspec.Struct, frozen=True):
    """A key and the workspace that it opens."""

    key: ApiKey
    workspace: Workspace


class Caller(msgspec.Struct, frozen=True):
    """Who calls: the holder of a key, or the public."""

    workspace: Workspace
    scopes: frozenset[Scope]
    key: ApiKey | None = None

    @property
    def key_id(self) -> str | None:
        """Which key was shown."""
        return self.key.id if self.key else None

    @property
    def actor_id(self) -> str:
        """Whom the audit trail names."""
        return self.key.id if self.key else "public"

    @property
    def actor_name(self) -> str:
        """Who made the key: what people see beside a version."""
        return self.key.created_by if self.key else "public"

    @property
    def is_public(self) -> bool:
        """Whether no key was shown."""
        return self.key is None

    def require(self, *one_of: Scope) -> None:
        """Raises MissingScope. An admin key has every scope."""
        if self.scopes.isdisjoint((*one_of, Scope.ADMIN)):
            raise MissingScope(f"API key lacks the {' or '.join(one_of)} scope")


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key that the caller shows: `x-api-key` first, then a Bearer token; None when there is neither.

    What is shown counts: a wrong `x-api-key` is not made good by a right Bearer token.
    """
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None
