"""Workflows of a workspace, for unpaginated responses."""

import asyncio
from collections.abc import Sequence
from typing import Final

from gateway.workflows.ports import Authoring
from shared.contracts.deployments import Workflow
from shared.errors import NotFound

PAGE: Final = 500
CONCURRENT_COMPARISONS: Final = 8


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


async def list_modified(authoring: Authoring, workspace_id: str, workflow_ids: Sequence[str]) -> list[str]:
    """Return the workflows whose draft differs from the live version. Raises Unavailable."""
    slots = asyncio.Semaphore(CONCURRENT_COMPARISONS)

    async def is_modified(workflow_id: str) -> bool:
        async with slots:
            try:
                return (await authoring.status(workspace_id, workflow_id)).needs_redeployment
            except NotFound:  # deleted since it was listed
                return False

    found = await asyncio.gather(*map(is_modified, workflow_ids))
    return [workflow_id for workflow_id, modified in zip(workflow_ids, found, strict=True) if modified]
