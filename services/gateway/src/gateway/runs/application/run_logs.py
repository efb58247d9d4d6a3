"""Run logs of a workspace, and the workflows that ran."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec

from gateway.access.domain.credentials import Caller, Scope
from gateway.lookups import or_none
from gateway.runs.application.workflow_runs import retry_not_found
from gateway.runs.domain.run_states import output_payload
from gateway.runs.ports import Jobs, Payloads
from gateway.workflows.application.endpoints import list_all_workflows
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import Workflow
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.statistics import FindRunSeries, RunSeries
from shared.errors import NotFound

NO_LOG: Final = "Log not found"
NO_EXECUTION: Final = "Workflow execution not found"
MAX_WORKFLOWS: Final = 5_000
"""Limit of workflows searched for folders."""


class RunLogs:
    """Reader of run logs."""

    def __init__(self, jobs: Jobs, payloads: Payloads, authoring: Authoring) -> None:
        self._jobs = jobs
        self._payloads = payloads
        self._authoring = authoring

    async def find(self, caller: Caller, query: FindLogs, *, folder_ids: Iterable[str]) -> RunPage:
        """Return a page of runs, only of workflows in `folder_ids` if given.

        Raises MissingScope, InvalidRequest (the cursor, the text), Unavailable.
        """
        return await self._jobs.logs(await self._permitted(caller, query, folder_ids))

    async def statistics(self, caller: Caller, query: FindRunSeries, *, folder_ids: Iterable[str]) -> RunSeries:
        """Return statistics of the runs that `find` returns.

        Raises MissingScope, InvalidRequest (the range, the text), Unavailable.
        """
        runs = await self._permitted(caller, query.runs, folder_ids)
        return await self._jobs.statistics(msgspec.structs.replace(query, runs=runs))

    async def _permitted(self, caller: Caller, query: FindLogs, folder_ids: Iterable[str]) -> FindLogs:
        """Return `query`, restricted to the folders and to the workflows of the caller's key."""
        caller.require(Scope.READ)
        if selected := frozenset(folder_ids):
            query = _only(query, await self._workflows_in(caller.workspace.id, selected))
        if caller.key is not None and caller.key.workflow_ids is not None:
            query = _only(query, caller.key.workflow_ids)
        return query

    async def get(self, caller: Caller, run_id: str, *, missing: str = NO_LOG) -> RunView:
        """Return one run in full, from any workspace of the caller.

        Raises MissingScope, NotFound, WrongWorkflow, Unavailable.
        """
        try:
            run = await retry_not_found(partial(self._anywhere, caller, run_id))
        except NotFound:
            raise NotFound(missing) from None
        caller.on(run.workspace_id, run.workflow_id).require(Scope.READ)
        return run

    async def output(self, run: RunView) -> bytes | None:
        """Return the run's output as JSON, with secrets masked; None if it has none, or it has expired.

        Raises Unavailable.
        """
        payload = output_payload(run)
        return None if payload is None else await or_none(self._payloads.get(run.workspace_id, payload.as_logged))

    async def workflows(self, runs: Iterable[RunView]) -> Mapping[str, Workflow]:
        """Return the workflows of some runs, by id, without deleted ones. Raises Unavailable."""
        found: dict[str, Workflow] = {}
        for workspace_id, workflow_id in dict.fromkeys((run.workspace_id, run.workflow_id) for run in runs):
            with suppress(NotFound):
                found[workflow_id] = await self._authoring.get(workspace_id, workflow_id)
        return found

    async def state(self, run: RunView) -> dict[str, Any] | None:
        """Return the workflow state that the run executed; None if deleted. Raises Unavailable."""
        if run.version is None:
            return None
        found = await or_none(self._authoring.version(run.workspace_id, run.workflow_id, run.version))
        return None if found is None else found.state

    async def _anywhere(self, caller: Caller, run_id: str) -> RunView:
        for workspace_id in dict.fromkeys((caller.workspace.id, *(grant.workspace.id for grant in caller.grants))):
            with suppress(NotFound):
                return await self._jobs.run(workspace_id, run_id, output=True, blocks=True)
        raise NotFound(NO_LOG)

    async def _workflows_in(self, workspace_id: str, folder_ids: frozenset[str]) -> set[str]:
        found = await list_all_workflows(self._authoring, workspace_id, deployed_only=False, most=MAX_WORKFLOWS)
        return {workflow.id for workflow in found if workflow.folder_id in folder_ids}


def _only(query: FindLogs, workflow_ids: Iterable[str]) -> FindLogs:
    """Return `query`, restricted to these workflows."""
    allowed = set(workflow_ids)
    named = allowed if query.workflow_ids is None else allowed & set(query.workflow_ids)
    return msgspec.structs.replace(query, workflow_ids=tuple(sorted(named)))
