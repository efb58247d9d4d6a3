"""deploy-service, in memory."""

from datetime import timedelta
from typing import Any

import msgspec
from tests.support.gateway.clock import NOON
from tests.support.gateway.erasures import FakeEraser
from tests.support.gateway.people import FakeEnvironment

from shared.contracts.deployments import (
    ConfiguredProviders,
    CreateWorkflow,
    DeletedWorkflow,
    DeletedWorkflows,
    Deploy,
    Deployed,
    DeploymentStatus,
    Diff,
    Draft,
    DraftSaved,
    DraftSnapshot,
    Endpoint,
    ImportWorkflow,
    ModifiedWorkflows,
    Problems,
    RestoreWorkflow,
    SaveDraft,
    SnapshotDraft,
    UpdateAccess,
    UpdateVersion,
    UpdateWorkflow,
    Version,
    VersionDetail,
    VersionPage,
    Workflow,
    WorkflowPage,
)
from shared.contracts.erasure import Erase, ExpiredWorkflows
from shared.contracts.repairs import ResumeMap, ResumeStep
from shared.contracts.runs import Trigger
from shared.errors import ContentChanged, InvalidWorkflow, NotDeployed, NotFound, PreconditionFailed, Unavailable
from shared.workflow.files.writer import write_file
from shared.workflow.transfer.importer import read_import


class FakeDeployments(FakeEnvironment, FakeEraser):
    """Implements DeployClient."""

    def __init__(self) -> None:
        FakeEnvironment.__init__(self)
        FakeEraser.__init__(self)
        self.endpoints: dict[str, Endpoint] = {}
        self.archived: set[tuple[str, str]] = set()
        self.deleted_endpoints: dict[str, Endpoint] = {}
        self.expired_workflows: tuple[Erase, ...] = ()
        self.version_details: dict[tuple[str, int], VersionDetail] = {}
        self.drafts: dict[str, Draft] = {}
        self.descriptions: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        self.kept_drafts: list[dict[str, Any]] = []
        self.looks = 0
        self.is_down = False
        self.refusal: Exception | None = None
        self.draft_hash = "draft1"
        """Content of every draft, as a gated deploy compares it."""
        self.warnings: tuple[str, ...] = ()
        self.accepted_warnings: tuple[str, ...] | None = None
        """Those of the latest deploy."""
        self.keyed_providers: tuple[str, ...] = ()
        self.compared: list[tuple[int, int, Trigger]] = []
        """Versions of repairs. Version 9 cannot be compared."""

    async def configured_providers(self) -> ConfiguredProviders:
        return ConfiguredProviders(self.keyed_providers)

    async def endpoint(self, workflow_id: str) -> Endpoint:
        self.looks += 1
        if self.is_down:
            raise Unavailable("http://deploy:8081 is unavailable")
        if workflow_id not in self.endpoints:
            raise NotFound("Workflow not found")
        return self.endpoints[workflow_id]

    async def resume_map(
        self, workspace_id: str, workflow_id: str, *, before: int, after: int, trigger: Trigger
    ) -> ResumeMap:
        if before == 9:
            raise NotFound("Deployment version not found")
        self.compared.append((before, after, trigger))
        return ResumeMap({"": (ResumeStep("b", "B", 0),)})

    async def version(self, workspace_id: str, workflow_id: str, number: int) -> VersionDetail:
        self._own(workspace_id, workflow_id)
        if (workflow_id, number) not in self.version_details:
            raise NotFound("Deployment version not found")
        return self.version_details[workflow_id, number]

    async def page(
        self, workspace_id: str, *, cursor: str | None, limit: int, deployed_only: bool, folder_id: str | None = None
    ) -> WorkflowPage:
        every = [self._workflow(each) for each in self.endpoints.values() if each.workspace_id == workspace_id]
        found = [
            each
            for each in every
            if (each.endpoint.is_deployed or not deployed_only) and folder_id in (None, each.folder_id)
        ]
        start = int(cursor or 0)
        more = len(found) > start + limit
        return WorkflowPage(tuple(found[start : start + limit]), str(start + limit) if more else None)

    async def modified(self, workspace_id: str) -> ModifiedWorkflows:
        deployed = [each.workflow_id for each in self.endpoints.values() if each.workspace_id == workspace_id]
        differs = [each for each in deployed if (await self.status(workspace_id, each)).needs_redeployment]
        return ModifiedWorkflows(tuple(differs))

    async def create(self, request: CreateWorkflow) -> Workflow:
        return self._add(request.workspace_id, request.name, request.description, request.state or {})

    async def import_file(self, request: ImportWorkflow) -> Workflow:
        file = read_import(request.workflow)
        return self._add(
            request.workspace_id,
            request.name or file.name or "Imported workflow",
            request.description or "",
            file.state,
        )

    async def get(self, workspace_id: str, workflow_id: str) -> Workflow:
        return self._workflow(self._own(workspace_id, workflow_id))

    async def update(self, workspace_id: str, workflow_id: str, change: UpdateWorkflow) -> Workflow:
        known = self._own(workspace_id, workflow_id)
        if change.name is not msgspec.UNSET:
            self.endpoints[workflow_id] = msgspec.structs.replace(known, name=change.name)
        if change.description is not msgspec.UNSET:
            self.descriptions[workflow_id] = change.description
        return self._workflow(self.endpoints[workflow_id])

    async def archive(self, workspace_id: str, workflow_id: str) -> None:
        self._own(workspace_id, workflow_id)
        self.deleted_endpoints[workflow_id] = self.endpoints.pop(workflow_id)
        self.archived.add((workspace_id, workflow_id))

    async def deleted(self, workspace_id: str) -> DeletedWorkflows:
        found = [each for each in self.deleted_endpoints.values() if each.workspace_id == workspace_id]
        return DeletedWorkflows(
            tuple(
                DeletedWorkflow(
                    id=each.workflow_id,
                    name=each.name,
                    deleted_at=NOON,
                    purged_at=NOON + timedelta(days=30),
                    version=each.version,
                )
                for each in found
            )
        )

    async def restore(self, workspace_id: str, workflow_id: str, order: RestoreWorkflow) -> Workflow:
        found = self.deleted_endpoints.get(workflow_id)
        if found is None or found.workspace_id != workspace_id:
            raise NotFound("Workflow not found")
        del self.deleted_endpoints[workflow_id]
        live = {} if order.redeploy else {"version": None, "version_id": None, "snapshot_hash": None}
        self.endpoints[workflow_id] = msgspec.structs.replace(found, **live)
        return self._workflow(self.endpoints[workflow_id])

    async def expired(self, limit: int) -> ExpiredWorkflows:
        return ExpiredWorkflows(self.expired_workflows[:limit])

    async def require_stored(self, workspace_id: str, workflow_id: str) -> None:
        if (workspace_id, workflow_id) not in self.archived:
            self._own(workspace_id, workflow_id)

    async def export(self, workspace_id: str, workflow_id: str) -> msgspec.Raw:
        self._own(workspace_id, workflow_id)
        return msgspec.Raw(msgspec.json.encode({"version": "1.0", "state": self.drafts[workflow_id].state}))

    async def export_yaml(self, workspace_id: str, workflow_id: str, *, with_layout: bool) -> bytes:
        self._own(workspace_id, workflow_id)
        return write_file(self.drafts[workflow_id].state, name="W", with_layout=with_layout).encode()

    async def draft(self, workspace_id: str, workflow_id: str) -> Draft:
        self._own(workspace_id, workflow_id)
        return self.drafts[workflow_id]

    async def draft_revision(self, workspace_id: str, workflow_id: str) -> DraftSaved:
        found = await self.draft(workspace_id, workflow_id)
        return DraftSaved(found.revision, found.saved_at)

    async def save_draft(self, workspace_id: str, workflow_id: str, save: SaveDraft) -> DraftSaved:
        self._own(workspace_id, workflow_id)
        if "blocks" not in save.state:
            raise InvalidWorkflow("Invalid workflow: Missing or invalid field: blocks")
        revision = self.drafts[workflow_id].revision + 1
        self.drafts[workflow_id] = Draft(state=save.state, revision=revision, saved_at=NOON)
        return DraftSaved(revision, NOON)

    async def snapshot_draft(self, workspace_id: str, workflow_id: str, order: SnapshotDraft) -> DraftSnapshot:
        self._own(workspace_id, workflow_id)
        self.kept_drafts.append(order.state or self.drafts[workflow_id].state)
        return DraftSnapshot(f"draft{len(self.kept_drafts)}", ("agent",))

    async def load_draft(self, workspace_id: str, workflow_id: str, version: str) -> DraftSaved:
        endpoint = self._own(workspace_id, workflow_id)
        number = endpoint.version if version == "active" else int(version)
        detail = await self.version(workspace_id, workflow_id, number or 0)
        return await self.save_draft(workspace_id, workflow_id, SaveDraft(state=detail.state))

    async def diff(self, workspace_id: str, workflow_id: str, *, before: str, after: str) -> Diff:
        self._own(workspace_id, workflow_id)
        return Diff(())

    async def problems(self, workspace_id: str, workflow_id: str) -> Problems:
        self._own(workspace_id, workflow_id)
        return Problems((), ())

    async def status(self, workspace_id: str, workflow_id: str) -> DeploymentStatus:
        endpoint = self._own(workspace_id, workflow_id)
        live = self.version_details.get((workflow_id, endpoint.version or 0))
        return DeploymentStatus(endpoint, live is not None and live.state != self.drafts[workflow_id].state)

    async def deploy(self, workspace_id: str, workflow_id: str, order: Deploy) -> Deployed:
        if self.refusal is not None:
            raise self.refusal
        self._own(workspace_id, workflow_id)
        if order.expected_revision not in (None, self.drafts[workflow_id].revision):
            raise PreconditionFailed("the draft changed")
        if order.snapshot_hash not in (None, self.draft_hash):
            raise ContentChanged("The draft differs from the content that was checked")
        number = 1 + max((known for owner, known in self.version_details if owner == workflow_id), default=0)
        self.accepted_warnings = order.accepted_warnings
        self.put(workflow_id, workspace_id=workspace_id, version=number, order=order)
        return Deployed(version=self.version_details[workflow_id, number].version, endpoint=self.endpoints[workflow_id])

    async def promote(self, workspace_id: str, workflow_id: str, number: int) -> Deployed:
        detail = await self.version(workspace_id, workflow_id, number)
        known = self.endpoints[workflow_id]
        self.endpoints[workflow_id] = msgspec.structs.replace(
            known,
            revision=known.revision + 1,
            version=number,
            version_id=detail.version.id,
            snapshot_hash=detail.version.snapshot_hash,
        )
        return Deployed(version=detail.version, endpoint=self.endpoints[workflow_id], warnings=self.warnings)

    async def undeploy(self, workspace_id: str, workflow_id: str) -> Endpoint:
        known = self._own(workspace_id, workflow_id)
        if not known.is_deployed:
            raise NotDeployed("Workflow is not deployed")
        self.undeployed(workflow_id, workspace_id=workspace_id, public=known.is_public)
        return self.endpoints[workflow_id]

    async def set_access(self, workspace_id: str, workflow_id: str, change: UpdateAccess) -> Workflow:
        known = self._own(workspace_id, workflow_id)
        names = ("is_public", "stores_data", "recording")
        given = {name: getattr(change, name) for name in names if getattr(change, name) is not msgspec.UNSET}
        if given:
            revision = known.revision + 1
            self.endpoints[workflow_id] = msgspec.structs.replace(known, revision=revision, **given)
        return self._workflow(self.endpoints[workflow_id])

    async def versions(self, workspace_id: str, workflow_id: str, *, before: int | None, limit: int) -> VersionPage:
        live = self._own(workspace_id, workflow_id).version
        numbers = sorted((number for owner, number in self.version_details if owner == workflow_id), reverse=True)
        wanted = [number for number in numbers if before is None or number < before]
        shown = tuple(
            msgspec.structs.replace(self.version_details[workflow_id, number].version, is_live=number == live)
            for number in wanted[:limit]
        )
        return VersionPage(shown, shown[-1].number if len(wanted) > limit else None)

    async def update_version(self, workspace_id: str, workflow_id: str, number: int, change: UpdateVersion) -> Version:
        detail = await self.version(workspace_id, workflow_id, number)
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        changed = msgspec.structs.replace(detail.version, **given)
        self.version_details[workflow_id, number] = msgspec.structs.replace(detail, version=changed)
        return changed

    def put(
        self,
        workflow_id: str,
        *,
        workspace_id: str = "WS1",
        public: bool = False,
        version: int = 1,
        order: Deploy | None = None,
    ) -> Endpoint:
        """Return a workflow whose live version is `version`."""
        known = self.endpoints.get(workflow_id)
        self.drafts.setdefault(workflow_id, Draft(state={"blocks": {}, "edges": []}, revision=1, saved_at=NOON))
        self.endpoints[workflow_id] = Endpoint(
            workflow_id=workflow_id,
            workspace_id=workspace_id,
            name=f"Workflow {workflow_id}",
            revision=(known.revision if known else 0) + 1,
            is_public=public,
            version=version,
            version_id=f"{workflow_id}-v{version}",
            snapshot_hash=f"hash{version}",
            deployed_at=NOON,
        )
        made = Version(
            id=f"{workflow_id}-v{version}",
            workflow_id=workflow_id,
            number=version,
            snapshot_hash=f"hash{version}",
            is_live=True,
            created_at=NOON,
            created_by=order.actor_id if order else "someone",
            deployed_by=order.actor_name if order else "Some One",
            name=order.name if order else None,
            description=order.description if order else None,
        )
        self.version_details[workflow_id, version] = VersionDetail(made, self.drafts[workflow_id].state)
        return self.endpoints[workflow_id]

    def undeployed(self, workflow_id: str, *, workspace_id: str = "WS1", public: bool = False) -> None:
        """Add a workflow without a live version."""
        known = self.endpoints.get(workflow_id)
        self.drafts.setdefault(workflow_id, Draft(state={"blocks": {}, "edges": []}, revision=1, saved_at=NOON))
        self.endpoints[workflow_id] = Endpoint(
            workflow_id=workflow_id,
            workspace_id=workspace_id,
            name="Never",
            revision=(known.revision if known else 0) + 1,
            is_public=public,
        )

    def _own(self, workspace_id: str, workflow_id: str) -> Endpoint:
        endpoint = self.endpoints.get(workflow_id)
        if endpoint is None or endpoint.workspace_id != workspace_id:
            raise NotFound("Workflow not found")
        return endpoint

    def _workflow(self, endpoint: Endpoint) -> Workflow:
        return Workflow(
            id=endpoint.workflow_id,
            workspace_id=endpoint.workspace_id,
            name=endpoint.name,
            description=self.descriptions.get(endpoint.workflow_id, ""),
            folder_id=self.folders.get(endpoint.workflow_id),
            created_at=NOON,
            updated_at=NOON,
            endpoint=endpoint,
        )

    def _add(self, workspace_id: str, name: str, description: str, state: dict[str, Any]) -> Workflow:
        workflow_id = f"new{len(self.endpoints)}"
        self.drafts[workflow_id] = Draft(state=state, revision=1, saved_at=NOON)
        self.descriptions[workflow_id] = description
        self.endpoints[workflow_id] = Endpoint(
            workflow_id=workflow_id, workspace_id=workspace_id, name=name, revision=1
        )
        return self._workflow(self.endpoints[workflow_id])
