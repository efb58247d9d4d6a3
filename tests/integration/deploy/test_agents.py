"""Agents: a workflow is at most one."""

import pytest
from tests.support.deploy import DeployCaller, at, state

from shared.contracts.agents import Agent, AgentLookup, AgentSettings, AgentSkill, CreateAgent
from shared.errors import Conflict, InvalidRequest, NotFound

SKILL = AgentSkill(id="sum", name=" Sums ", tags=("maths",))
SETTINGS = AgentSettings(name=" Desk ", skills=(SKILL,))


async def publish(gateway: DeployCaller, settings: AgentSettings = SETTINGS, workflow_id: str = "") -> Agent:
    found = workflow_id or (await gateway.create(state())).id
    return await gateway.http.call("POST", "/internal/agents", body=CreateAgent("ws", found, settings), returns=Agent)


async def of(gateway: DeployCaller, workflow_id: str, workspace_id: str = "ws") -> Agent | None:
    path = at(workflow_id, "agent", workspace_id)
    return (await gateway.http.call("GET", path, returns=AgentLookup)).agent


async def test_an_agent_is_found_by_its_id_and_its_workflow(gateway: DeployCaller) -> None:
    agent = await publish(gateway)
    assert (agent.settings.name, agent.settings.skills[0].name) == ("Desk", "Sums")
    assert await gateway.http.call("GET", f"/internal/agents/{agent.id}", returns=Agent) == agent
    assert await of(gateway, agent.workflow_id) == agent
    assert await of(gateway, agent.workflow_id, "other") is None


async def test_a_workflow_is_one_agent(gateway: DeployCaller) -> None:
    agent = await publish(gateway)
    with pytest.raises(Conflict, match="already has an agent"):
        await publish(gateway, workflow_id=agent.workflow_id)
    with pytest.raises(NotFound, match="Workflow not found"):
        await publish(gateway, workflow_id="nowhere")


async def test_settings_are_replaced(gateway: DeployCaller) -> None:
    agent = await publish(gateway)
    changed = AgentSettings(name="Other", is_published=False)
    saved = await gateway.http.call("PUT", f"/internal/agents/{agent.id}", body=changed, returns=Agent)
    assert saved.settings == changed
    assert await of(gateway, agent.workflow_id) == saved


async def test_concurrently_changed_settings_are_not_overwritten_unseen(gateway: DeployCaller) -> None:
    agent = await publish(gateway)
    path = f"/internal/agents/{agent.id}?expected_revision={agent.revision}"
    saved = await gateway.http.call("PUT", path, body=AgentSettings(name="A", is_published=False), returns=Agent)
    with pytest.raises(Conflict, match="has changed since"):
        await gateway.http.call("PUT", path, body=AgentSettings(name="B"), returns=Agent)
    assert await of(gateway, agent.workflow_id) == saved


@pytest.mark.parametrize(
    "refused",
    [
        AgentSettings(name=" "),
        AgentSettings(name="A", skills=(SKILL, SKILL)),
        AgentSettings(name="A", skills=(AgentSkill(id="Not this", name="S"),)),
        AgentSettings(name="A", skills=(AgentSkill(id="s", name="S", tags=("t",) * 21),)),
    ],
)
async def test_ineligible_workflows_cannot_be_agents(gateway: DeployCaller, refused: AgentSettings) -> None:
    with pytest.raises(InvalidRequest):
        await publish(gateway, refused)


async def test_an_agent_is_deleted_with_its_workflow(gateway: DeployCaller) -> None:
    agent = await publish(gateway)
    await gateway.http.call("DELETE", at(agent.workflow_id))
    assert await of(gateway, agent.workflow_id) is None
    other = await publish(gateway)
    await gateway.http.call("DELETE", f"/internal/agents/{other.id}")
    with pytest.raises(NotFound, match="Agent not found"):
        await gateway.http.call("GET", f"/internal/agents/{other.id}", returns=Agent)
