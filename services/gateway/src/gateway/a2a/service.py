"""Agents: authors publish them, callers find them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from gateway.a2a.json_rpc import TaskNotCancelable, TaskNotFound, UnsupportedOperation
from gateway.a2a.stream import AgentTask
from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.publications.service import Publications, publication_cache
from gateway.runs.executions import Executions, RunFollower
from gateway.runs.followed import RunReader
from gateway.runs.requests import ExecuteRequest
from gateway.runs.service import PausedRuns, WorkflowRuns
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.endpoints import Endpoints, Interfaces, Published
from shared.clients.deploy.publications import HttpAgentClient
from shared.clock import Clock
from shared.contracts.agents import Agent, AgentSettings, CreateAgent
from shared.contracts.deployments import Endpoint, UpdateAccess
from shared.contracts.runs import Trigger
from shared.errors import Conflict, InvalidRequest, NotDeployed, NotFound

MISSING: Final = "Agent not found"


class PublishedAgent(msgspec.Struct, frozen=True):
    """Published agent and its workflow."""

    agent: Agent
    endpoint: Endpoint


class PublishedAgents:
    """Cache of agents, for at most a second."""

    def __init__(self, agents: HttpAgentClient, endpoints: Endpoints, interfaces: Interfaces, clock: Clock) -> None:
        self._endpoints = endpoints
        self._interfaces = interfaces
        self._agents = publication_cache(agents.get, clock, what="agents")

    async def find(self, agent_id: str) -> PublishedAgent:
        """Return the agent with this id. Raises NotFound, Unavailable."""
        agent = await self._agents.get(agent_id)
        endpoint = await self._endpoints.find(agent.workflow_id) if agent else None
        if agent is None or endpoint is None or not agent.settings.is_published:
            raise NotFound(MISSING)
        return PublishedAgent(agent, endpoint)

    async def live_version(self, agent_id: str) -> tuple[Agent, Published]:
        """Return the agent and its live version. Raises NotFound (also without a live version), Unavailable."""
        found = await self.find(agent_id)
        try:
            return found.agent, await self._interfaces.of(found.agent.workflow_id, None)
        except NotDeployed:
            raise NotFound(MISSING) from None

    async def selection(self, agent: Agent) -> tuple[str, ...]:
        """Return the outputs whose text is streamed. Raises NotDeployed, NotFound, Unavailable."""
        return (await self._interfaces.of(agent.workflow_id, None)).interface.default_selection()

    def forget(self, agent_id: str) -> None:
        """Invalidate the cached agent."""
        self._agents.drop(agent_id)


class AgentPublications(Publications[Agent]):
    """Service for admins: an agent advertises a workflow. The workflow's access mode decides who may call it."""

    noun = audited_as = "agent"

    def __init__(
        self,
        agents: HttpAgentClient,
        endpoints: Endpoints,
        deployments: DeploymentService,
        published: PublishedAgents,
        *,
        audit: AuditLog,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(agents, audit, settle)
        self._agents = agents
        self._endpoints = endpoints
        self._deployments = deployments
        self._published = published

    async def of(self, caller: Caller, workflow_id: str) -> Agent | None:
        """Return the workflow's agent. Raises Forbidden, Unavailable."""
        caller.require(Scope.READ)
        return await self._agents.of(caller.workspace.id, workflow_id)

    async def create(
        self, caller: Caller, endpoint: Endpoint, settings: AgentSettings, *, is_public: bool | None
    ) -> Agent:
        """Publish a deployed workflow as an agent. Raises Forbidden, NotFound, InvalidRequest, Unavailable."""
        caller.require(Scope.ADMIN)
        if not endpoint.is_deployed:
            raise InvalidRequest("Workflow must be deployed before it can be an agent")
        agent = await self._create(CreateAgent(caller.workspace.id, endpoint.workflow_id, settings))
        async with self._delete_on_error(agent):
            await self._set_access(caller, agent, is_public)
        await self._record(caller, "created", agent, after=agent)
        return agent

    async def change(
        self, caller: Caller, agent_id: str, changes: Mapping[str, Any], *, is_public: bool | None
    ) -> Agent:
        """Change settings by name. Raises Forbidden, NotFound, InvalidRequest, Unavailable."""

        async def changed(agent: Agent) -> AgentSettings:
            return msgspec.structs.replace(agent.settings, **changes)

        caller, agent = await self._replace(caller, agent_id, changed)
        await self._set_access(caller, agent, is_public)
        return agent

    async def is_public(self, agent: Agent) -> bool:
        """Return whether calls need no key. Raises NotFound, Unavailable."""
        return (await self._endpoints.get(agent.workflow_id)).is_public

    async def _set_access(self, caller: Caller, agent: Agent, is_public: bool | None) -> None:
        if is_public is not None and is_public is not await self.is_public(agent):
            await self._deployments.set_access(caller, agent.workflow_id, UpdateAccess(is_public=is_public))

    def _admit(self, caller: Caller, publication: Agent, scope: Scope) -> Caller:
        caller = caller.on(publication.workspace_id, publication.workflow_id)
        caller.require(scope)
        return caller

    def _target(self, publication: Agent) -> tuple[str, str]:
        return publication.workflow_id, publication.settings.name

    def _facts(self, publication: Agent) -> dict[str, Any]:
        settings = publication.settings
        skills = [skill.id for skill in settings.skills]
        return {"name": settings.name, "skills": skills, "isPublished": settings.is_published}

    def _forget(self, publication: Agent) -> None:
        self._published.forget(publication.id)


CANCEL_SECONDS: Final = 2.0
"""Time for which a cancel waits for the worker; then the task is returned as it is."""


class AgentTasks:
    """Service for tasks. Runs that were not started by an agent are not found."""

    def __init__(
        self, executions: Executions, runs: WorkflowRuns, follower: RunFollower, paused_runs: PausedRuns
    ) -> None:
        self._executions = executions
        self._runs = runs
        self._follower = follower
        self._paused_runs = paused_runs

    async def begin(self, caller: Caller, endpoint: Endpoint, run_request: ExecuteRequest) -> RunReader:
        """Start and follow a task. Raises what Executions.follow raises."""
        return await self._executions.follow(caller, endpoint, run_request)

    async def find(self, caller: Caller, workflow_id: str, task_id: str) -> AgentTask:
        """Return a task. Raises TaskNotFound, MissingScope, Unavailable."""
        try:
            run = await self._runs.find(caller, workflow_id, task_id, output=True, blocks=False)
            output = await self._runs.output(run, run.output) if run.output else b""
        except NotFound:
            raise TaskNotFound from None
        if run.trigger is not Trigger.A2A:
            raise TaskNotFound
        return AgentTask(run, output or b"{}")

    async def answer(
        self, caller: Caller, workflow_id: str, task_id: str, answer: Mapping[str, Any], *, context_id: str | None
    ) -> tuple[AgentTask, RunReader]:
        """Answer a waiting task; return the task as it was, followed from its first event.

        Raises TaskNotFound, InvalidRequest (another context), UnsupportedOperation (it waits for nothing),
        MissingScope, PayloadTooLarge, Unavailable.
        """
        task = await self.find(caller, workflow_id, task_id)
        if context_id not in (None, task.context_id):
            raise InvalidRequest("The task belongs to another context")
        if task.question is None:
            raise UnsupportedOperation("The task is not waiting for a message")
        try:
            await self._paused_runs.resume(caller, workflow_id, task_id, task.question.context_id, answer)
        except Conflict:
            raise UnsupportedOperation("The task has already been answered") from None
        return task, await self._follower.open(caller, workflow_id, task_id)

    async def follow(self, caller: Caller, workflow_id: str, task_id: str) -> tuple[AgentTask, RunReader]:
        """Follow an unfinished task from its first event. Raises TaskNotFound, UnsupportedOperation, Unavailable."""
        task = await self.find(caller, workflow_id, task_id)
        if task.run.status.is_terminal:
            raise UnsupportedOperation("The task has ended")
        return task, await self._follower.open(caller, workflow_id, task_id)

    async def cancel(self, caller: Caller, workflow_id: str, task_id: str) -> AgentTask:
        """Cancel a task. Raises TaskNotFound, TaskNotCancelable, Forbidden, Unavailable."""
        await self.find(caller, workflow_id, task_id)
        try:
            await self._runs.cancel(caller, workflow_id, task_id)
        except Conflict:
            raise TaskNotCancelable from None
        run = await self._follower.open(caller, workflow_id, task_id)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(rest_of(run), CANCEL_SECONDS)
        finally:
            run.disconnect()
        return await self.find(caller, workflow_id, task_id)


async def rest_of(run: RunReader) -> None:
    """Wait until the run is over or paused. Raises what RunReader.take raises."""
    while await run.take():
        pass
