"""Publications at deploy-service: each is a chat, an agent or a tool server of a workspace."""

from typing import Any, Generic, Protocol, TypeVar

from shared.web.client import InternalClient
from shared.web.paths import path_of


class Publication(Protocol):
    """Settings stored under an id. A change must name the `revision` that it replaces."""

    @property
    def id(self) -> str: ...

    @property
    def workspace_id(self) -> str: ...

    @property
    def settings(self) -> Any: ...

    @property
    def revision(self) -> int: ...


P = TypeVar("P", bound=Publication)


class PublicationClient(Protocol[P]):
    """Port of one kind of publication. Every method raises Unavailable."""

    async def create(self, request: Any) -> P:
        """Raises InvalidRequest, NotFound, Conflict."""

    async def get(self, publication_id: str) -> P:
        """Raises NotFound."""

    async def save(self, publication: P, settings: Any) -> P:
        """Replace the settings of `publication`.

        Raises NotFound, InvalidRequest, Conflict (it changed concurrently, or another one has its address).
        """

    async def delete(self, publication_id: str) -> None: ...


class HttpPublicationClient(Generic[P]):
    """Implements PublicationClient over internal HTTP, for the publications below the path `collection`."""

    def __init__(self, client: InternalClient, collection: str, kind: type[P]) -> None:
        self._client = client
        self._collection = collection
        self._kind = kind

    async def create(self, request: Any) -> P:
        return await self._client.call("POST", path_of(self._collection), body=request, returns=self._kind)

    async def get(self, publication_id: str) -> P:
        return await self._client.call("GET", path_of(self._collection, publication_id), returns=self._kind)

    async def save(self, publication: P, settings: Any) -> P:
        path = path_of(self._collection, publication.id, expected_revision=publication.revision)
        return await self._client.call("PUT", path, body=settings, returns=self._kind)

    async def delete(self, publication_id: str) -> None:
        await self._client.call("DELETE", path_of(self._collection, publication_id))
