"""Workflows with recorded runs."""

import time

from tests.browser.console import Account
from tests.browser.workflows import answering
from tests.support.eventually import PATIENCE_SECONDS


def recorded(account: Account, name: str, code: str, runs: int) -> tuple[str, list[str]]:
    """Publish a workflow that records its runs, and run it; return its id and the ids of its runs."""
    workflow_id = account.publish(answering(name, code))
    policy = {"recording": {"sample": 1, "days": 1}}
    account.http.patch(f"/api/workflows/{workflow_id}/deploy", json=policy).raise_for_status()
    run_ids = [account.run(workflow_id).raise_for_status().headers["x-execution-id"] for _ in range(runs)]
    wait_until_recorded(account, workflow_id, *run_ids)
    return workflow_id, run_ids


def wait_until_recorded(account: Account, workflow_id: str, *run_ids: str) -> None:
    """Wait until the recordings of runs are stored. Workers send them in batches."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        rows = account.http.get(f"/api/v2/workflows/{workflow_id}/recordings").raise_for_status().json()["data"]
        missing = set(run_ids) - {row["runId"] for row in rows}
        if not missing:
            return
        assert time.monotonic() < until, f"Not recorded: {missing}"
        time.sleep(0.1)


def change_code(account: Account, workflow_id: str, code: str, block: str = "answer") -> None:
    """Replace the code of a block in the draft."""
    state = account.draft(workflow_id)
    state["blocks"][block]["subBlocks"]["code"]["value"] = code
    account.http.put(f"/api/workflows/{workflow_id}/state", json=state).raise_for_status()
