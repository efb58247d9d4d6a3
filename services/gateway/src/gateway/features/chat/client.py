"""Chats at deploy-service."""

from typing import Protocol

from gateway.publications.client import PublicationClient
from shared.contracts.chats import Chat


class ChatClient(PublicationClient[Chat], Protocol):
    """Port of chats."""

    async def at(self, identifier: str) -> Chat | None:
        """Return the chat at this address. Raises InvalidRequest for an invalid address."""

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        """Return the chat of this workflow."""
