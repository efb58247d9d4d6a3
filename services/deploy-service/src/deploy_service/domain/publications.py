"""Publications of workflows beside their API: chats, agents (A2A) and tool servers (MCP)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import msgspec

from deploy_service.domain.agent import checked_settings as checked_agent_settings
from deploy_service.domain.chat import checked_settings as checked_chat_settings
from deploy_service.domain.tool_server import checked_settings as checked_tool_server_settings
from shared.contracts.agents import Agent, CreateAgent
from shared.contracts.chats import Chat, CreateChat
from shared.contracts.tool_servers import CreateToolServer, ToolServer

P = TypeVar("P", Chat, Agent, ToolServer)
CreatePublication = CreateChat | CreateAgent | CreateToolServer


class PublicationKey(StrEnum):
    """Fields by which publications are found, as stored."""

    WORKSPACE = "workspace_id"
    WORKFLOW = "workflow_id"
    IDENTIFIER = "settings.identifier"
    """Last segment of a chat's address."""


@dataclass(frozen=True, slots=True)
class PublicationKind(Generic[P]):
    """Chats, agents or tool servers."""

    type: type[P]
    name: str
    """Name in error texts."""
    checked: Callable[[Any], Any]
    """Returns valid settings. Raises InvalidRequest."""

    def new(self, publication_id: str, request: CreatePublication, settings: Any, at: datetime) -> P:
        """Return a new publication, owned as `request` says."""
        fields: dict[str, Any] = msgspec.structs.asdict(request) | {"settings": settings}
        return self.type(id=publication_id, **fields, revision=1, created_at=at, updated_at=at)


CHAT: Final = PublicationKind(Chat, "chat", checked_chat_settings)
AGENT: Final = PublicationKind(Agent, "agent", checked_agent_settings)
TOOL_SERVER: Final = PublicationKind(ToolServer, "server", checked_tool_server_settings)


def changed(publication: P, settings: Any, at: datetime, *, since: int) -> P:
    """Return `publication` with other settings, as the successor of revision `since`."""
    return msgspec.structs.replace(publication, settings=settings, updated_at=at, revision=since + 1)
