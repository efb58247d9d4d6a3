"""Workflows, their drafts and versions, and environment values, as the gateway edits them."""

from typing import Any, TypeVar

import msgspec

from shared.clients.calls import ServiceCalls
from shared.contracts.deployments import (
    ConfiguredProviders,
    CreateWorkflow,
    DeletedWorkflows,
    Deploy,
    Deployed,
    DeploymentStatus,
    Diff,
    Draft,
    DraftSaved,
    DraftSnapshot,
    Endpoint,
    EnvironmentNames,
    ImportWorkflow,
    ModifiedWorkflows,
    Problems,
    RestoreWorkflow,
    SaveDraft,
    SetEnvironmentValue,
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
from shared.contracts.erasure import Erase, Erased, ExpiredWorkflows
from shared.contracts.repairs import ResumeMap
from shared.contracts.runs import Trigger
from shared.web.paths import path_of

T = TypeVar("T")


class HttpDeployClient(ServiceCalls):
    """Implements DeployClient."""

    async def endpoint(self, workflow_id: str) -> Endpoint:
        return await self._client.call("GET", path_of("workflows", workflow_id, "endpoint"), returns=Endpoint)

    async def require_stored(self, workspace_id: str, workflow_id: str) -> None:
        await self._client.call("GET", path_of("erasures", "workflows", workflow_id, workspace_id=workspace_id))

    async def expired(self, limit: int) -> ExpiredWorkflows:
        return await self._client.call(
            "GET", path_of("deleted-workflows", "expired", limit=limit), returns=ExpiredWorkflows
        )

    async def deleted(self, workspace_id: str) -> DeletedWorkflows:
        path = path_of("deleted-workflows", workspace_id=workspace_id)
        return await self._client.call("GET", path, returns=DeletedWorkflows)

    async def restore(self, workspace_id: str, workflow_id: str, order: RestoreWorkflow) -> Workflow:
        path = path_of("deleted-workflows", workflow_id, "restore", workspace_id=workspace_id)
        return await self._client.call("POST", path, body=order, returns=Workflow)

    async def erase(self, owner: Erase) -> Erased:
        return await self._client.call("POST", path_of("erasures"), body=owner, returns=Erased)

    async def page(
        self, workspace_id: str, *, cursor: str | None, limit: int, deployed_only: bool, folder_id: str | None = None
    ) -> WorkflowPage:
        only = {"deployed_only": deployed_only, "folder_id": folder_id}
        path = path_of("workflows", workspace_id=workspace_id, cursor=cursor, limit=limit, **only)
        return await self._client.call("GET", path, returns=WorkflowPage)

    async def modified(self, workspace_id: str) -> ModifiedWorkflows:
        path = path_of("workflows", "modified", workspace_id=workspace_id)
        return await self._client.call("GET", path, returns=ModifiedWorkflows)

    async def create(self, request: CreateWorkflow) -> Workflow:
        return await self._client.call("POST", path_of("workflows"), body=request, returns=Workflow)

    async def import_file(self, request: ImportWorkflow) -> Workflow:
        return await self._client.call("POST", path_of("workflows", "import"), body=request, returns=Workflow)

    async def get(self, workspace_id: str, workflow_id: str) -> Workflow:
        return await self._on("GET", workspace_id, workflow_id, returns=Workflow)

    async def update(self, workspace_id: str, workflow_id: str, change: UpdateWorkflow) -> Workflow:
        return await self._on("PATCH", workspace_id, workflow_id, body=change, returns=Workflow)

    async def archive(self, workspace_id: str, workflow_id: str) -> None:
        await self._client.call("DELETE", path_of("workflows", workflow_id, workspace_id=workspace_id))

    async def export(self, workspace_id: str, workflow_id: str) -> msgspec.Raw:
        path = path_of("workflows", workflow_id, "export", workspace_id=workspace_id)
        return msgspec.Raw(await self._client.fetch("GET", path))

    async def export_yaml(self, workspace_id: str, workflow_id: str, *, with_layout: bool) -> bytes:
        path = path_of("workflows", workflow_id, "export", "yaml", workspace_id=workspace_id, layout=with_layout)
        return await self._client.fetch("GET", path)

    async def draft(self, workspace_id: str, workflow_id: str) -> Draft:
        return await self._on("GET", workspace_id, workflow_id, "draft", returns=Draft)

    async def draft_revision(self, workspace_id: str, workflow_id: str) -> DraftSaved:
        return await self._on("GET", workspace_id, workflow_id, "draft", "revision", returns=DraftSaved)

    async def save_draft(self, workspace_id: str, workflow_id: str, save: SaveDraft) -> DraftSaved:
        return await self._on("PUT", workspace_id, workflow_id, "draft", body=save, returns=DraftSaved)

    async def snapshot_draft(self, workspace_id: str, workflow_id: str, order: SnapshotDraft) -> DraftSnapshot:
        return await self._on("POST", workspace_id, workflow_id, "draft", "snapshot", body=order, returns=DraftSnapshot)

    async def load_draft(self, workspace_id: str, workflow_id: str, version: str) -> DraftSaved:
        return await self._on("POST", workspace_id, workflow_id, "versions", version, "load", returns=DraftSaved)

    async def status(self, workspace_id: str, workflow_id: str) -> DeploymentStatus:
        return await self._on("GET", workspace_id, workflow_id, "status", returns=DeploymentStatus)

    async def deploy(self, workspace_id: str, workflow_id: str, order: Deploy) -> Deployed:
        return await self._on("POST", workspace_id, workflow_id, "deploy", body=order, returns=Deployed)

    async def promote(self, workspace_id: str, workflow_id: str, number: int) -> Deployed:
        return await self._on("POST", workspace_id, workflow_id, "versions", str(number), "promote", returns=Deployed)

    async def undeploy(self, workspace_id: str, workflow_id: str) -> Endpoint:
        return await self._on("DELETE", workspace_id, workflow_id, "deployment", returns=Endpoint)

    async def set_access(self, workspace_id: str, workflow_id: str, change: UpdateAccess) -> Workflow:
        return await self._on("PATCH", workspace_id, workflow_id, "access", body=change, returns=Workflow)

    async def versions(self, workspace_id: str, workflow_id: str, *, before: int | None, limit: int) -> VersionPage:
        path = path_of("workflows", workflow_id, "versions", workspace_id=workspace_id, before=before, limit=limit)
        return await self._client.call("GET", path, returns=VersionPage)

    async def version(self, workspace_id: str, workflow_id: str, number: int) -> VersionDetail:
        return await self._on("GET", workspace_id, workflow_id, "versions", str(number), returns=VersionDetail)

    async def update_version(self, workspace_id: str, workflow_id: str, number: int, change: UpdateVersion) -> Version:
        return await self._on("PATCH", workspace_id, workflow_id, "versions", str(number), body=change, returns=Version)

    async def value_names(self, place: str) -> EnvironmentNames:
        return await self._client.call("GET", path_of("environment", place, "names"), returns=EnvironmentNames)

    async def set_value(self, place: str, name: str, value: SetEnvironmentValue) -> None:
        await self._client.call("PUT", path_of("environment", place, "names", name), body=value)

    async def delete_value(self, place: str, name: str) -> None:
        await self._client.call("DELETE", path_of("environment", place, "names", name))

    async def configured_providers(self) -> ConfiguredProviders:
        return await self._client.call("GET", path_of("model-providers"), returns=ConfiguredProviders)

    async def diff(self, workspace_id: str, workflow_id: str, *, before: str, after: str) -> Diff:
        words = {"from": before, "to": after}
        path = path_of("workflows", workflow_id, "diff", workspace_id=workspace_id, **words)
        return await self._client.call("GET", path, returns=Diff)

    async def problems(self, workspace_id: str, workflow_id: str) -> Problems:
        return await self._on("GET", workspace_id, workflow_id, "problems", returns=Problems)

    async def resume_map(
        self, workspace_id: str, workflow_id: str, *, before: int, after: int, trigger: Trigger
    ) -> ResumeMap:
        versions = {"from": str(before), "to": str(after), "trigger": trigger.value}
        path = path_of("workflows", workflow_id, "resume-map", workspace_id=workspace_id, **versions)
        return await self._client.call("GET", path, returns=ResumeMap)

    async def _on(
        self, method: str, workspace_id: str, workflow_id: str, *parts: str, returns: type[T], body: Any = None
    ) -> T:
        path = path_of("workflows", workflow_id, *parts, workspace_id=workspace_id)
        return await self._client.call(method, path, body=body, returns=returns)
