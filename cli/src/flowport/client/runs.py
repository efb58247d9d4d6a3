"""Runs, as the v2 API represents them."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from flowport.client.api_client import PAGE_SIZE, ApiClient, JsonObject, api_path, backoff_delays
from flowport.client.errors import NotFound

STORED_WITHIN_SECONDS: Final = 2.0
"""A synchronous run is stored only after its response. The delay is generous, for a busy system."""
_JOB_ID: Final = re.compile(r"run_[0-9a-f]{20}")


class RunState(StrEnum):
    """Status of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class RunRef:
    """Reference to a run: the v2 API addresses runs by their workflow."""

    workflow_id: str
    run_id: str

    @property
    def path(self) -> str:
        """Return the API path of the run."""
        return api_path("v2", "workflows", self.workflow_id, "runs", self.run_id)


def find_run(client: ApiClient, run: str) -> RunRef:
    """Return a reference to the run with this run id or job id.

    Raises NotFound, CommandFailed when no workspace is selected.
    """
    if _JOB_ID.fullmatch(run):
        metadata = client.call("GET", api_path("jobs", run))["metadata"]
        return RunRef(metadata["workflowId"], metadata["executionId"])
    query = {"workspaceId": client.workspace_id, "executionId": run, "limit": 1}
    until = time.monotonic() + STORED_WITHIN_SECONDS
    for pause in backoff_delays():
        found = client.call("GET", api_path("v1", "logs"), query=query)["data"]
        if found:
            return RunRef(found[0]["workflowId"], run)
        if time.monotonic() + pause > until:
            break
        time.sleep(pause)
    raise NotFound(f"run {run} not found")


def fetch_run(client: ApiClient, ref: RunRef) -> JsonObject:
    """Return a run with its output."""
    found: JsonObject = client.call("GET", ref.path, query={"includeOutput": "true"})["data"]
    return found


def fetch_spans(client: ApiClient, ref: RunRef) -> list[JsonObject]:
    """Return the spans of a run as a tree: the run, its blocks and their children."""
    found: JsonObject = client.call("GET", api_path("v1", "logs", ref.run_id))["data"]
    spans: list[JsonObject] = found["executionData"]["traceSpans"]
    return spans


class RunHistory:
    """Runs of one workflow, or of all workflows of the workspace. Each item names its `workflow`."""

    def __init__(self, client: ApiClient, workflow: str | None) -> None:
        self._client = client
        self._workflow = workflow

    def list_latest(self, *, limit: int, status: RunState | None = None) -> Iterator[JsonObject]:
        """Yield the latest runs, newest first. `limit` bounds the page size."""
        query: JsonObject = {"limit": min(limit, PAGE_SIZE)}
        return self._of_all(query, status) if self._workflow is None else self._of_one(query, status)

    def _of_one(self, query: JsonObject, status: RunState | None) -> Iterator[JsonObject]:
        wanted = {"status": status.value} if status else {}
        for run in self._client.pages(api_path("v2", "workflows", self._workflow_id, "runs"), query | wanted):
            yield {**run, "workflow": self._workflow}

    def _of_all(self, query: JsonObject, status: RunState | None) -> Iterator[JsonObject]:
        wanted = {"status": "processing" if status is RunState.RUNNING else status.value} if status else {}
        query = {"workspaceId": self._client.workspace_id, **query, **wanted}
        for row in self._client.pages(api_path("v1", "logs"), query):
            yield _to_v2_run(row, self._names.get(row["workflowId"], row["workflowId"]))

    @cached_property
    def _workflow_id(self) -> str:
        return self._client.workflow_id(str(self._workflow))

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {workflow["id"]: workflow["name"] for workflow in self._client.workflows()}


def _to_v2_run(row: JsonObject, workflow: str) -> JsonObject:
    status = RunState.RUNNING if row["status"] == "processing" else RunState(row["status"])
    return {
        "runId": row["id"],
        "workflowId": row["workflowId"],
        "status": status.value,
        "trigger": row["trigger"],
        "startedAt": None if status is RunState.QUEUED else row["startedAt"],
        "endedAt": row["endedAt"],
        "durationMs": row["totalDurationMs"],
        "cost": row["cost"],
        "workflow": workflow,
    }
