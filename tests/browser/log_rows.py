"""Rows of the run list, for tests that answer in the server's place."""

from tests.browser.console import Json


def log_row(run_id: str) -> Json:
    """Return the row of a completed run."""
    return {
        "id": run_id,
        "workflowId": "gone",
        "executionId": run_id,
        "level": "info",
        "status": "completed",
        "trigger": "api",
        "caller": None,
        "startedAt": "2026-01-01T00:00:00.000Z",
        "totalDurationMs": 1,
        "cost": None,
        "isDraft": False,
    }
