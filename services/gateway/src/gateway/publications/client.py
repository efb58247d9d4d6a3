"""Publications at deploy-service: each is a chat, an agent or a tool server of a workspace."""

from typing import Any, Protocol, TypeVar


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
