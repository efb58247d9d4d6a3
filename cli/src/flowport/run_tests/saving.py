"""Turns a recorded run of a server into a run test."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from flowport.client.api_client import ApiClient, api_path
from flowport.client.errors import NotFound
from flowport.client.runs import RunRef
from flowport.errors import CommandFailed
from flowport.run_tests.files import RunTest
from flowport.run_tests.scrubbing import scrub
from shared.contracts.recordings import Recording
from shared.workflow.catalog import installed_catalog
from shared.workflow.transfer.exporter import without_secrets


@dataclass(frozen=True)
class SavedRun:
    """A run test, and the workflow file that it runs, if any."""

    test: RunTest
    workflow: Path | None

    def located(self, file: Path) -> RunTest:
        """Return the test as it is written to `file`: the path of its workflow is relative to it."""
        if self.workflow is None:
            return self.test
        relative = os.path.relpath(self.workflow.absolute(), file.absolute().parent)
        return msgspec.structs.replace(self.test, workflow=Path(relative).as_posix())


def save_run(client: ApiClient, ref: RunRef, *, workflow: Path | None, redact: Sequence[str]) -> SavedRun:
    """Fetch a recorded run and its version, and remove secrets. Raises CommandFailed."""
    try:
        recorded = client.call("GET", api_path("v2", "workflows", ref.workflow_id, "recordings", ref.run_id))["data"]
    except NotFound as error:
        raise CommandFailed(f"run {ref.run_id} is not recorded. Turn on recording for its workflow") from error
    if recorded.get("isCut"):
        raise CommandFailed(f"the recording of run {ref.run_id} is incomplete")
    version = recorded.get("version")
    if version is None:
        raise CommandFailed(f"run {ref.run_id} ran a draft. Only runs of a version can be saved")
    route = api_path("workflows", ref.workflow_id, "deployments", str(version))
    return make_test(recorded, client.call("GET", route)["deployedState"], workflow=workflow, redact=redact)


def make_test(
    recorded: dict[str, Any], state: dict[str, Any], *, workflow: Path | None = None, redact: Sequence[str] = ()
) -> SavedRun:
    """Return the test of a recorded run. `redact` are paths in the recording. Raises CommandFailed."""
    scrubbed = scrub({**recorded, "state": without_secrets(state, installed_catalog())}, redact)
    kept = scrubbed.pop("state")
    recording = msgspec.convert({**scrubbed, "workspaceId": "workspace"}, Recording, strict=False)
    return SavedRun(RunTest(recording=recording, state=kept), workflow)
