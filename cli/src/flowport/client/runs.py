"""Runs at the public door, in the words of its v2 API."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from flowport.client.door import PAGE, Door, JsonObject, path
from flowport.client.errors import Missing
from flowport.client.patience import pauses

WRITTEN_WITHIN_SECONDS: Final = 2.0
"""A run whose caller waited is answered first and written down afterwards; a busy system takes about so long."""
_JOB_ID: Final = re.compile(r"run_[0-9a-f]{20}")


class RunState(StrEnum):
    """How a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class RunPlace:
    """Where a run is found: v2 knows runs by their workflow."""

    workflow_id: str
    run_id: str

    @property
    def path(self) -> str:
        """Its route."""
        return path("v2", "workflows", self.workflow_id, "runs", self.run_id)


def place_of(door: Door, run: str) -> RunPlace:
    """The run with this id, or with this job id. Raises Missing; CommandFailed when the workspace is not known."""
    if _JOB_ID.fullmatch(run):
        facts = door.call("GET", path("jobs", run))["metadata"]
        return RunPlace(facts["workflowId"], facts["executionId"])
    query = {"workspaceId": door.workspace_id, "executionId": run, "limit": 1}
    until = time.monotonic() + WRITTEN_WITHIN_SECONDS
    for pause in pauses():
        found = door.call("GET", path("v1", "logs"), query=query)["data"]
        if found:
            return RunPlace(found[0]["workflowId"], run)
        if time.monotonic() + pause > until:
            break
        time.sleep(pause)
    raise Missing(f"there is no run {run}")


def run_state(door: Door, place: RunPlace) -> JsonObject:
    """A run as it stands, with its output."""
    found: JsonObject = door.call("GET", place.path, query={"includeOutput": "true"})["data"]
    return found


def run_spans(door: Door, place: RunPlace) -> list[JsonObject]:
    """What a run did, as a tree of spans: the run, its blocks, and what ran within them."""
    found: JsonObject = door.call("GET", path("v1", "logs", place.run_id))["data"]
    spans: list[JsonObject] = found["executionData"]["traceSpans"]
    return spans


class Runs:
    """The runs of one workflow, by its id or name, or all of the workspace. Each says in `workflow` what it ran."""

    def __init__(self, door: Door, workflow: str | None) -> None:
        self._door = door
        self._workflow = workflow

    def latest(self, *, limit: int, status: RunState | None = None) -> Iterator[JsonObject]:
        """The newest first; `limit` is how many will be read."""
        query: JsonObject = {"limit": min(limit, PAGE)}
        return self._of_all(query, status) if self._workflow is None else self._of_one(query, status)

    def _of_one(self, query: JsonObject, status: RunState | None) -> Iterator[JsonObject]:
        wanted = {"status": status.value} if status else {}
        for run in self._door.pages(path("v2", "workflows", self._workflow_id, "runs"), query | wanted):
            yield {**run, "workflow": self._workflow}

    def _of_all(self, query: JsonObject, status: RunState | None) -> Iterator[JsonObject]:
        wanted = {"status": "processing" if status is RunState.RUNNING else status.value} if status else {}
        query = {"workspaceId": self._door.workspace_id, **query, **wanted}
        for row in self._door.pages(path("v1", "logs"), query):
            yield _in_v2_words(row, self._names.get(row["workflowId"], row["workflowId"]))

    @cached_property
    def _workflow_id(self) -> str:
        return self._door.workflow_id(str(self._workflow))

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {workflow["id"]: workflow["name"] for workflow in self._door.workflows()}


def _in_v2_words(row: JsonObject, workflow: str) -> JsonObject:
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
