"""Models by name: `Models.turn` finds a model's provider and requests one turn of the conversation."""

from executor_service.providers.model import (
    NO_COST,
    NO_TOKENS,
    Attachment,
    Cost,
    Listener,
    Message,
    ModelFailure,
    ModelRequest,
    Provider,
    Role,
    Tokens,
    Tool,
    ToolCall,
    Turn,
)
from executor_service.providers.models import Models
from executor_service.providers.settings import ProviderSettings

__all__ = [
    "NO_COST",
    "NO_TOKENS",
    "Attachment",
    "Cost",
    "Listener",
    "Message",
    "ModelFailure",
    "ModelRequest",
    "Models",
    "Provider",
    "ProviderSettings",
    "Role",
    "Tokens",
    "Tool",
    "ToolCall",
    "Turn",
]
