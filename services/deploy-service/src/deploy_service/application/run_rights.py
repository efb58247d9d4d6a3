"""A worker's read access for a run, derived from the snapshot of its ticket."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from deploy_service.adapters.mongo_versions import MongoVersions
from deploy_service.application.contents import Contents
from deploy_service.application.deployments import Deployments
from deploy_service.application.environment import EnvironmentService
from deploy_service.domain.snapshot_rights import SnapshotRights
from shared.compile_slots import CompileSlots
from shared.contracts import deployments as contracts
from shared.contracts.tickets import RunTicket
from shared.errors import NotFound
from shared.security.run_tickets import TicketSigner, ticket_error
from shared.workflow.compile.compiler import compile_workflow

CACHED_SNAPSHOTS: Final = 2_048


class RunRights:
    """Reads for the holder of a run ticket: environment values, and the workflows that the run calls."""

    def __init__(
        self,
        contents: Contents,
        deployments: Deployments,
        versions: MongoVersions,
        environment_service: EnvironmentService,
        signer: TicketSigner,
    ) -> None:
        self._contents = contents
        self._deployments = deployments
        self._versions = versions
        self._environment_service = environment_service
        self._signer = signer
        self._slots = CompileSlots()
        self._rights: OrderedDict[tuple[str, str], SnapshotRights] = OrderedDict()

    async def environment(self, ticket: RunTicket, names: Collection[str] | None) -> contracts.Environment:
        """Return the values that the ticket's snapshot references, of `names` or all.

        Raises NotFound, InvalidWorkflow, Unavailable.
        """
        readable = (await self._rights_of(ticket)).readable(names)
        return await self._environment_service.open(ticket.workspace_id, ticket.user_id, readable)

    async def called(self, ticket: RunTicket, workflow_id: str, pinned: str | None) -> contracts.CallableEndpoint:
        """Return a workflow that the run calls, with a ticket for its live snapshot, or for the `pinned` one.

        Raises RunTicketRefused, NotFound, InvalidWorkflow, Unavailable.
        """
        if not (await self._rights_of(ticket)).may_call(workflow_id):
            raise ticket_error("other_child", "The run's workflow does not call this workflow")
        endpoint = await self._deployments.endpoint(workflow_id, ticket.workspace_id)
        if pinned is not None and not await self._versions.has_snapshot(workflow_id, pinned):
            raise NotFound("Snapshot not found")
        snapshot_hash = pinned or endpoint.snapshot_hash
        signed = self._signer.sign_child(ticket, workflow_id, snapshot_hash) if snapshot_hash else ""
        fields = {name: getattr(endpoint, name) for name in endpoint.__struct_fields__}
        return contracts.CallableEndpoint(**fields, ticket=signed)

    async def _rights_of(self, ticket: RunTicket) -> SnapshotRights:
        key = (ticket.workspace_id, ticket.snapshot_hash)
        known = self._rights.get(key) or await self._derive(key)
        self._rights.move_to_end(key)
        return known

    async def _derive(self, key: tuple[str, str]) -> SnapshotRights:
        workspace_id, _ = key
        async with self._slots.hold(workspace_id):
            if (known := self._rights.get(key)) is not None:
                return known
            content = await self._contents.snapshot(*key)
            workflow = await self._slots.run(lambda: compile_workflow(content.state))
            known = self._rights[key] = SnapshotRights.of(workflow)
            if len(self._rights) > CACHED_SNAPSHOTS:
                self._rights.popitem(last=False)
            return known
