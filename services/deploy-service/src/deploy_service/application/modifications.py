"""Workflows whose draft differs from the live version."""

import asyncio
from typing import Final

from deploy_service.adapters.mongo_drafts import MongoDrafts
from deploy_service.adapters.mongo_workflows import MongoWorkflows
from deploy_service.application.contents import Contents
from deploy_service.domain.workflow import Workflow
from shared.contracts import deployments as contracts
from shared.errors import NotFound

PAGE: Final = 500
MAX_DEPLOYED: Final = 10_000
"""Deployed workflows of a workspace that are checked, oldest first."""
MAX_COMPARED: Final = 200
"""Compared contents, of the newest workflows. A draft with the hash of the live version needs no comparison."""
CONCURRENT_COMPARISONS: Final = 8


class Modifications:
    """Compares all drafts of a workspace with the live versions."""

    def __init__(self, workflows: MongoWorkflows, drafts: MongoDrafts, contents: Contents) -> None:
        self._workflows = workflows
        self._drafts = drafts
        self._contents = contents

    async def find(self, workspace_id: str) -> contracts.ModifiedWorkflows:
        """Return the deployed workflows whose draft differs significantly, oldest first."""
        saved = await self._saved_since_deployed(workspace_id)
        slots = asyncio.Semaphore(CONCURRENT_COMPARISONS)

        async def is_modified(workflow: Workflow) -> bool:
            async with slots:
                try:
                    return await self._contents.is_modified(workflow)
                except NotFound:  # deleted since it was listed
                    return False

        found = await asyncio.gather(*map(is_modified, saved))
        return contracts.ModifiedWorkflows(
            tuple(workflow.id for workflow, modified in zip(saved, found, strict=True) if modified)
        )

    async def _saved_since_deployed(self, workspace_id: str) -> list[Workflow]:
        """Return the newest workflows whose draft has another hash than the live version."""
        found: list[Workflow] = []
        after: str | None = None
        for _ in range(MAX_DEPLOYED // PAGE):
            page = await self._workflows.page(workspace_id, after=after, limit=PAGE, deployed_only=True, folder_id=None)
            hashes = await self._drafts.hashes([workflow.id for _, workflow in page])
            found += [
                workflow
                for _, workflow in page
                if workflow.live is not None and hashes.get(workflow.id) != workflow.live.snapshot_hash
            ]
            if len(page) < PAGE:
                break
            after = page[-1][0]
        return found[-MAX_COMPARED:]
