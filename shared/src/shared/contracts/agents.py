"""Workflows published as agents of the Agent2Agent protocol. Stored by deploy-service, served by the gateway."""

from datetime import datetime

import msgspec


class AgentSkill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A skill of an agent, described for other agents."""

    id: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Author's settings of an agent. The workflow's access mode decides who may call it."""

    name: str
    description: str = ""
    """Empty: the live version's."""
    skills: tuple[AgentSkill, ...] = ()
    """Empty: one skill for the whole workflow."""
    is_published: bool = True


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A stored agent; a workflow has at most one."""

    id: str
    workspace_id: str
    workflow_id: str
    settings: AgentSettings
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    """Grows with every change of the settings."""


class CreateAgent(msgspec.Struct, frozen=True):
    """Publish a workflow as an agent. CONFLICT if it is one already."""

    workspace_id: str
    workflow_id: str
    settings: AgentSettings


class AgentLookup(msgspec.Struct, frozen=True):
    """The agent, or None: a workflow without one is no error."""

    agent: Agent | None
