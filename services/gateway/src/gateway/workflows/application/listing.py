"""Workflows of a workspace, for unpaginated responses."""

from typing import Final

from gateway.workflows.ports import Authoring
from shared.contracts.deployments import Workflow

PAGE: Final = 500


async def list_all_workflows(
    authoring: Authoring, workspace_id: str, *, deployed_only: bool, most: int
) -> list[Workflow]:
    """Return workflows, oldest first; `most` is rounded to whole pages. Raises Unavailable."""
    found: list[Workflow] = []
    cursor: str | None = None
    for _ in range(most // PAGE):
        page = await authoring.page(workspace_id, cursor=cursor, limit=PAGE, deployed_only=deployed_only)
        found += page.workflows
        cursor = page.next_cursor
        if cursor is None:
            break
    return found
