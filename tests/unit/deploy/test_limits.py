"""A value at its limit is accepted; one more is refused with the name of its field."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy_service.domain.agent import checked_settings as checked_agent
from deploy_service.domain.chat import checked_settings as checked_chat
from deploy_service.domain.tool_server import checked_settings as checked_server
from deploy_service.domain.workflow import version_description, version_name, workflow_description, workflow_name
from shared.contracts.agents import AgentSettings, AgentSkill
from shared.contracts.chats import ChatAccess, ChatAppearance, ChatOutput, ChatSettings
from shared.contracts.tool_servers import ToolServerSettings, WorkflowTool
from shared.errors import InvalidRequest


def agent(**fields: Any) -> AgentSettings:
    return checked_agent(AgentSettings(**{"name": "Desk", **fields}))


def skill(**fields: Any) -> AgentSettings:
    return agent(skills=(AgentSkill(**{"id": "sum", "name": "Sums", **fields}),))


def chat(**fields: Any) -> ChatSettings:
    return checked_chat(ChatSettings(**{"identifier": "desk", "title": "Desk", **fields}))


def invited(count: int) -> ChatSettings:
    addresses = tuple(f"{number}@example.com" for number in range(count))
    return chat(access=ChatAccess.EMAIL, ticket_secret="s", allowed_emails=addresses)


def server(**fields: Any) -> ToolServerSettings:
    return checked_server(ToolServerSettings(**{"name": "Desk", **fields}))


def tool(**fields: Any) -> ToolServerSettings:
    return server(tools=(WorkflowTool(**{"workflow_id": "w", "name": "add", **fields}),))


def tools(count: int) -> ToolServerSettings:
    return server(tools=tuple(WorkflowTool(workflow_id=f"w{n}", name=f"t{n}") for n in range(count)))


def text(length: int) -> str:
    return "x" * length


@pytest.mark.parametrize(
    ("take", "most", "field"),
    [
        (lambda n: workflow_name(text(n)), 200, "name"),
        (lambda n: workflow_description(text(n)), 2_000, "description"),
        (lambda n: version_name(text(n)), 100, "name"),
        (lambda n: version_description(text(n)), 50_000, "description"),
        (lambda n: agent(name=text(n)), 200, "name"),
        (lambda n: agent(description=text(n)), 2_000, "description"),
        (lambda n: agent(skills=tuple(AgentSkill(id=f"s{i}", name="S") for i in range(n))), 50, "skills"),
        (lambda n: skill(id=text(n)), 100, "skills.id"),
        (lambda n: skill(name=text(n)), 200, "skills.name"),
        (lambda n: skill(description=text(n)), 2_000, "skills.description"),
        (lambda n: skill(tags=("t",) * n), 20, "skills"),
        (lambda n: skill(tags=(text(n),)), 100, "skills.tags"),
        (lambda n: skill(examples=("e",) * n), 20, "skills"),
        (lambda n: skill(examples=(text(n),)), 2_000, "skills.examples"),
        (lambda n: chat(identifier=text(n)), 100, "identifier"),
        (lambda n: chat(title=text(n)), 200, "title"),
        (lambda n: chat(description=text(n)), 2_000, "description"),
        (lambda n: chat(look=ChatAppearance(welcome_message=text(n))), 2_000, "customizations.welcomeMessage"),
        (lambda n: chat(look=ChatAppearance(image_url="https://" + text(n))), 2_000, "customizations.imageUrl"),
        (lambda n: chat(outputs=(ChatOutput("b", "content"),) * n), 50, "outputConfigs"),
        (invited, 500, "allowedEmails"),
        (lambda n: server(name=text(n)), 200, "name"),
        (lambda n: server(description=text(n)), 2_000, "description"),
        (tools, 100, "tools"),
        (lambda n: tool(name=text(n)), 64, "toolName"),
        (lambda n: tool(description=text(n)), 2_000, "toolDescription"),
        (lambda n: tool(parameter_descriptions={f"p{i}": "" for i in range(n)}), 100, "parameterDescriptions"),
        (lambda n: tool(parameter_descriptions={"p": text(n)}), 2_000, "parameterDescriptions"),
    ],
)
def test_the_limit_is_accepted_and_one_more_is_refused(take: Callable[[int], object], most: int, field: str) -> None:
    take(most)
    with pytest.raises(InvalidRequest) as refused:
        take(most + 1)
    assert refused.value.details[0]["path"] == field.split(".")
