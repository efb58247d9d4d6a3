"""Management of publications by their authors, and the cache from which callers are served."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.lookup_cache import LookupCache
from shared.clients.deploy.publications import HttpPublicationClient
from shared.clock import Clock
from shared.contracts.agents import Agent
from shared.contracts.chats import Chat
from shared.contracts.tool_servers import ToolServer
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.optimistic_concurrency import retry_on_conflict

P = TypeVar("P", Agent, Chat, ToolServer)


LEASE_SECONDS: Final = 1.0


V = TypeVar("V")


class Publications(ABC, Generic[P]):
    """Service for one kind of publication: reads need the read scope, changes the admin scope.

    A change or deletion is recorded in the audit log, and returns once every gateway serves the new state.
    """

    noun: ClassVar[str]
    """Name of the kind in error texts."""
    audited_as: ClassVar[str]
    """Prefix of its actions in the audit log."""

    def __init__(
        self, client: HttpPublicationClient[P], audit: AuditLog, settle: Callable[[], Awaitable[None]]
    ) -> None:
        self._client: HttpPublicationClient[P] = client
        self._audit = audit
        self._settle = settle

    async def get(self, caller: Caller, publication_id: str, *, scope: Scope = Scope.READ) -> tuple[Caller, P]:
        """Return a publication, and the caller in its workspace. Raises NotFound, Forbidden, Unavailable."""
        publication = await self._client.get(publication_id)
        if not caller.may_enter(publication.workspace_id):
            raise NotFound(f"{self.noun.capitalize()} not found")
        return self._admit(caller, publication, scope), publication

    async def delete(self, caller: Caller, publication_id: str) -> None:
        """Delete a publication. Raises NotFound, Forbidden, Unavailable."""
        caller, publication = await self.get(caller, publication_id, scope=Scope.ADMIN)
        await self._client.delete(publication_id)
        await self._changed(caller, "deleted", publication, before=publication)

    async def _create(self, request: msgspec.Struct) -> P:
        """Store a new publication. Raises InvalidRequest, also if the workflow has one, NotFound, Unavailable."""
        try:
            return await self._client.create(request)
        except Conflict as error:
            raise InvalidRequest(error.message) from error

    @asynccontextmanager
    async def _delete_on_error(self, publication: P) -> AsyncIterator[None]:
        """Delete a new publication if a step that follows its creation fails."""
        try:
            yield
        except BaseException:
            await self._client.delete(publication.id)
            self._forget(publication)
            raise

    async def _replace(
        self, caller: Caller, publication_id: str, decide: Callable[[P], Awaitable[msgspec.Struct]]
    ) -> tuple[Caller, P]:
        """Replace the settings by what `decide` makes of the current state; return the caller in the workspace, too.

        Raises NotFound, Forbidden, InvalidRequest, Unavailable.
        """

        async def write() -> tuple[Caller, P, P] | None:
            admitted, before = await self.get(caller, publication_id, scope=Scope.ADMIN)
            settings = await decide(before)
            try:
                return admitted, before, await self._client.save(before, settings)
            except Conflict as error:
                if (await self._client.get(publication_id)).revision == before.revision:
                    raise InvalidRequest(error.message) from error
                return None

        too_often = f"The {self.noun} was changed concurrently. Try again."
        caller, before, after = await retry_on_conflict(write, conflict=too_often)
        await self._changed(caller, "changed", after, before=before, after=after)
        return caller, after

    async def _changed(
        self, caller: Caller, action: str, publication: P, *, before: P | None = None, after: P | None = None
    ) -> None:
        for state in filter(None, (before, after)):
            self._forget(state)
        await self._record(caller, action, publication, before=before, after=after)
        await self._settle()

    async def _record(
        self, caller: Caller, action: str, publication: P, *, before: P | None = None, after: P | None = None
    ) -> None:
        target_id, target_name = self._target(publication)
        await self._audit.record(
            caller,
            f"{self.audited_as}.{action}",
            target_id=target_id,
            target_name=target_name,
            before=None if before is None else self._facts(before),
            after=None if after is None else self._facts(after),
        )

    @abstractmethod
    def _admit(self, caller: Caller, publication: P, scope: Scope) -> Caller:
        """Return the caller in the publication's workspace. Raises Forbidden without the scope."""

    @abstractmethod
    def _target(self, publication: P) -> tuple[str, str]:
        """Return the id and the name of the target in the audit log."""

    @abstractmethod
    def _facts(self, publication: P) -> dict[str, Any]:
        """Return the settings that the audit log records."""

    @abstractmethod
    def _forget(self, publication: P) -> None:
        """Remove the publication from this process's cache."""


def publication_cache(load: Callable[[str], Awaitable[V | None]], clock: Clock, *, what: str) -> LookupCache[V | None]:
    """Return a cache of publications by address, for at most a second. It holds None for unknown addresses."""

    async def find(address: str) -> V | None:
        try:
            return await load(address)
        except (InvalidRequest, NotFound):
            return None

    return LookupCache(find, clock, seconds=LEASE_SECONDS, what=what)
