"""Bodies of agents, for their authors."""

from typing import Any, Final

from pydantic import Field

from gateway.a2a.stream import BYTES, JSON, TEXT
from gateway.web.bodies import RequestBody, ResponseBody
from gateway.workflows.endpoints import Published
from shared.clock import iso
from shared.contracts.agents import Agent, AgentSettings, AgentSkill


class SkillBody(RequestBody):
    """Skill of an agent."""

    id: str = Field(description="Lowercase letters, digits, hyphens, underscores; unique in the agent.")
    name: str
    description: str = ""
    tags: list[str] = Field(default=[])
    examples: list[str] = Field(default=[], description="Example messages.")

    def skill(self) -> AgentSkill:
        """Return the stored form."""
        return AgentSkill(
            id=self.id,
            name=self.name,
            description=self.description,
            tags=tuple(self.tags),
            examples=tuple(self.examples),
        )


class AgentChangeBody(RequestBody):
    """Changed settings; the others stay."""

    name: str | None = None
    description: str | None = Field(None, description="If empty, the description of the live version.")
    skills: list[SkillBody] | None = Field(None, description="If empty, the workflow as a whole is the only skill.")
    is_published: bool | None = Field(None, description="false hides the agent and keeps its address.")
    is_public: bool | None = Field(None, description="Whether the workflow can be called without a key.")

    def changes(self) -> dict[str, Any]:
        """Return the given settings."""
        named: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "skills": None if self.skills is None else tuple(body.skill() for body in self.skills),
            "is_published": self.is_published,
        }
        return {name: value for name, value in named.items() if value is not None}


class AgentBody(AgentChangeBody):
    """Deployed workflow as an agent; by default with the workflow's name."""

    workflow_id: str = Field(min_length=1, max_length=200)

    def settings(self, workflow_name: str) -> AgentSettings:
        """Return the stored form."""
        return AgentSettings(**{"name": workflow_name, **self.changes()})


class Skill(ResponseBody):
    """Skill of an agent."""

    id: str
    name: str
    description: str
    tags: list[str]
    examples: list[str]


class AgentView(ResponseBody):
    """Agent with its URL and its card's URL."""

    id: str
    workflow_id: str
    name: str
    description: str
    skills: list[Skill]
    is_published: bool
    is_public: bool
    url: str
    card_url: str
    created_at: str
    updated_at: str


class AgentStatus(ResponseBody):
    """Agent of a workflow; None without one."""

    agent: AgentView | None


def view_of(agent: Agent, public_url: str, *, is_public: bool) -> AgentView:
    """Present an agent to its author."""
    settings = agent.settings
    return AgentView(
        id=agent.id,
        workflow_id=agent.workflow_id,
        name=settings.name,
        description=settings.description,
        skills=[
            Skill(
                id=skill.id,
                name=skill.name,
                description=skill.description,
                tags=list(skill.tags),
                examples=list(skill.examples),
            )
            for skill in settings.skills
        ],
        is_published=settings.is_published,
        is_public=is_public,
        url=address_of(agent, public_url),
        card_url=card_address_of(agent, public_url),
        created_at=iso(agent.created_at),
        updated_at=iso(agent.updated_at),
    )


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
