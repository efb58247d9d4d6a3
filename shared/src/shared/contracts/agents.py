"""Workflows published as agents of the Agent2Agent protocol. Kept by deploy-service, served by the gateway."""

from datetime import datetime

import msgspec


class AgentSkill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that an agent is good at, in words by which other agents find it."""

    id: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that an author decides about an agent. Who may call it is the workflow's own access mode."""

    name: str
    description: str = ""
    """Empty: the live version's own."""
    skills: tuple[AgentSkill, ...] = ()
    """Empty: one that is the workflow as a whole."""
    is_published: bool = True


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it is kept; a workflow has at most one."""

    id: str
    workspace_id: str
    workflow_id: str
    settings: AgentSettings
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    """Grows with every change of the settings."""


class CreateAgent(msgspec.Struct, frozen=True):
    """Publish a workflow as an agent. CONFLICT where it is one already."""

    workspace_id: str
    workflow_id: str
    settings: AgentSettings


class FoundAgent(msgspec.Struct, frozen=True):
    """The agent that was looked for, None where there is none: to be asked about a workflow is no error."""

    agent: Agent | None
