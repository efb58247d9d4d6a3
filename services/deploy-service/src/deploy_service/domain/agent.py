"""Validation of agent settings."""

import re
from typing import Final

import msgspec

from deploy_service.domain.validation import checked_name, checked_text, invalid
from shared.contracts.agents import AgentSettings, AgentSkill

NAME_LIMIT: Final = 200
DESCRIPTION_LIMIT: Final = 2_000
SKILLS_LIMIT: Final = 50
TAGS_LIMIT: Final = 20
TAG_LIMIT: Final = 100
EXAMPLES_LIMIT: Final = 20
_SKILL_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def checked_settings(settings: AgentSettings) -> AgentSettings:
    """Return `settings` with texts trimmed. Raises InvalidRequest."""
    if len(settings.skills) > SKILLS_LIMIT:
        raise invalid("skills", f"An agent can have at most {SKILLS_LIMIT} skills")
    ids = [skill.id for skill in settings.skills]
    if len(set(ids)) < len(ids):
        raise invalid("skills", "The skills of an agent must have different ids")
    return msgspec.structs.replace(
        settings,
        name=checked_name("name", settings.name, NAME_LIMIT),
        description=checked_text("description", settings.description, DESCRIPTION_LIMIT),
        skills=tuple(map(_checked_skill, settings.skills)),
    )


def _checked_skill(skill: AgentSkill) -> AgentSkill:
    if not _SKILL_ID.fullmatch(skill.id):
        raise invalid("skills.id", "A skill's id must have 1 to 100 lowercase letters, digits, hyphens or underscores")
    if len(skill.tags) > TAGS_LIMIT or len(skill.examples) > EXAMPLES_LIMIT:
        raise invalid("skills", f"A skill can have at most {TAGS_LIMIT} tags and {EXAMPLES_LIMIT} examples")
    return msgspec.structs.replace(
        skill,
        name=checked_name("skills.name", skill.name, NAME_LIMIT),
        description=checked_text("skills.description", skill.description, DESCRIPTION_LIMIT),
        tags=tuple(checked_name("skills.tags", tag, TAG_LIMIT) for tag in skill.tags),
        examples=tuple(checked_name("skills.examples", example, DESCRIPTION_LIMIT) for example in skill.examples),
    )
