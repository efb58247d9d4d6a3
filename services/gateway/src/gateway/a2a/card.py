"""Agent card: public description of an agent."""

from typing import Any, Final

from gateway.a2a.task import BYTES, JSON, TEXT
from gateway.workflows.endpoints import Published
from shared.contracts.agents import Agent, AgentSkill

PROTOCOL_VERSION: Final = "1.0"
CARD_PATH: Final = "/.well-known/agent-card.json"
_SCHEMES: Final = {
    "apiKey": {"apiKeySecurityScheme": {"location": "header", "name": "x-api-key"}},
    "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}},
}


def address_of(agent: Agent, public_url: str) -> str:
    """Return the agent's URL."""
    return f"{public_url}/api/a2a/serve/{agent.id}"


def card_address_of(agent: Agent, public_url: str) -> str:
    """Return the URL of its card."""
    return f"{address_of(agent, public_url)}{CARD_PATH}"


def card(agent: Agent, published: Published, public_url: str) -> dict[str, Any]:
    """Return the card. A public workflow needs no key."""
    settings = agent.settings
    description = settings.description or published.description or f"Runs {settings.name}"
    whole = AgentSkill(id="run", name=settings.name, description=description, tags=("workflow",))
    security = {} if published.endpoint.is_public else _security()
    return {
        "name": settings.name,
        "description": description,
        "version": str(published.version),
        "supportedInterfaces": [
            {
                "url": address_of(agent, public_url),
                "protocolBinding": "JSONRPC",
                "protocolVersion": PROTOCOL_VERSION,
            }
        ],
        "capabilities": {"streaming": True, "pushNotifications": False, "extendedAgentCard": False},
        **security,
        "defaultInputModes": [TEXT, JSON, BYTES],
        "defaultOutputModes": [TEXT, JSON],
        "skills": [_skill(skill, description) for skill in settings.skills or (whole,)],
    }


def _security() -> dict[str, Any]:
    return {
        "securitySchemes": _SCHEMES,
        "securityRequirements": [{"schemes": {name: {"list": []}}} for name in _SCHEMES],
    }


def _skill(skill: AgentSkill, otherwise: str) -> dict[str, Any]:
    return {
        "id": skill.id,
        "name": skill.name,
        "description": skill.description or otherwise,
        "tags": list(skill.tags),
        "examples": list(skill.examples),
    }
