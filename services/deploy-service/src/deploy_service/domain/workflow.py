"""Workflows and their changes. Every change increments the revision, which stores and caches compare."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from msgspec import UNSET

from deploy_service.domain.validation import (
    VERSION_DESCRIPTION_LIMIT,
    VERSION_NAME_LIMIT,
    WORKFLOW_DESCRIPTION_LIMIT,
    WORKFLOW_NAME_LIMIT,
    checked_name,
    checked_text,
)
from shared.contracts.deployments import UpdateAccess, UpdateVersion, UpdateWorkflow
from shared.contracts.recording_policy import RecordingPolicy
from shared.errors import InvalidRequest, NotDeployed, NotFound
from shared.workflow.format.input_validation import InputValidation

ACTIVE: Final = "active"
DRAFT: Final = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Version of a workflow, immutable except for its name and description."""

    id: str
    workflow_id: str
    workspace_id: str
    number: int
    snapshot_hash: str
    created_at: datetime
    created_by: str
    deployed_by: str | None
    name: str | None = None
    description: str | None = None

    def numbered(self, number: int) -> Self:
        """Return the version with another number, before it is stored."""
        return replace(self, number=number)

    def updated(self, update: UpdateVersion) -> Self:
        """Return the version with the name and description of `update`. Raises InvalidRequest."""
        return replace(
            self,
            name=self.name if update.name is UNSET else version_name(update.name),
            description=self.description if update.description is UNSET else version_description(update.description),
        )


def version_name(text: str | None) -> str | None:
    """Return a valid version name. Raises InvalidRequest."""
    return None if text is None else checked_name("name", text, VERSION_NAME_LIMIT)


def version_description(text: str | None) -> str | None:
    """Return a valid version description; None if empty. Raises InvalidRequest."""
    return checked_text("description", text, VERSION_DESCRIPTION_LIMIT) or None if text is not None else None


RESTORABLE_FOR: Final = timedelta(days=30)
"""Time after its deletion in which a workflow can be restored."""
RECORDING_NEEDS_DATA: Final = "Recording stores inputs and outputs. Set storeInputsAndOutputs to true first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Live version of a workflow."""

    number: int
    version_id: str
    snapshot_hash: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow without its content: one small document for the hot path."""

    id: str
    workspace_id: str
    name: str
    description: str = ""
    folder_id: str | None = None
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    is_public: bool = False
    stores_data: bool = True
    """Whether inputs and outputs may be stored beyond a run's end."""
    input_validation: str = "off"
    """`strict` refuses calls with undeclared or mistyped fields."""
    recording: RecordingPolicy | None = None
    live: Live | None = None
    last_version: int = 0
    """The highest number that has been live; higher numbers belong to active or interrupted deploys."""
    is_archived: bool = False
    deleted_at: datetime | None = None
    """Time of the archiving; None also for workflows that an earlier release archived."""
    last_live: Live | None = None
    """Version that was live when the workflow was archived."""

    def is_in(self, workspace_id: str) -> bool:
        """Return whether the workspace owns the workflow, and it is not archived."""
        return not self.is_archived and self.workspace_id == workspace_id

    def deployed(self, version: Version, at: datetime) -> Self:
        """Return the workflow with `version` live; unchanged if a later deploy came first."""
        return self if version.number <= self.last_version else self.promoted(version, at)

    def promoted(self, version: Version, at: datetime) -> Self:
        """Return the workflow with `version` live unconditionally."""
        live = Live(number=version.number, version_id=version.id, snapshot_hash=version.snapshot_hash, since=at)
        return self._changed(at, live=live, last_version=max(self.last_version, version.number))

    def undeployed(self, at: datetime) -> Self:
        """Return the workflow with no live version; versions and access mode stay. Raises NotDeployed."""
        if self.live is None:
            raise NotDeployed("Workflow is not deployed")
        return self._changed(at, live=None)

    def archived(self, at: datetime) -> Self:
        """Return the workflow archived: not live and not found."""
        return self._changed(at, live=None, is_archived=True, deleted_at=at, last_live=self.live)

    def restored(self, at: datetime, *, redeploy: bool) -> Self:
        """Return an archived workflow as it was; with `redeploy`, with the version live that was.

        Raises NotFound if its time is over.
        """
        if self.deleted_at is not None and at > self.deleted_at + RESTORABLE_FOR:
            raise NotFound("Workflow not found")
        live = replace(self.last_live, since=at) if redeploy and self.last_live else None
        return self._changed(at, live=live, is_archived=False, deleted_at=None, last_live=None)

    def updated(self, update: UpdateWorkflow, at: datetime) -> Self:
        """Return the workflow renamed, described or moved. Raises InvalidRequest."""
        return self._changed(
            at,
            name=self.name if update.name is UNSET else workflow_name(update.name),
            description=self.description if update.description is UNSET else workflow_description(update.description),
            folder_id=self.folder_id if update.folder_id is UNSET else update.folder_id,
        )

    def with_access(self, update: UpdateAccess, at: datetime) -> Self:
        """Return the workflow with other API settings. Raises InvalidRequest."""
        stores_data = self.stores_data if update.stores_data is UNSET else update.stores_data
        return self._changed(
            at,
            is_public=self.is_public if update.is_public is UNSET else update.is_public,
            stores_data=stores_data,
            input_validation=self.input_validation
            if update.input_validation is UNSET
            else input_validation(update.input_validation),
            recording=self._recording(update, stores_data=stores_data),
            description=self.description if update.description is UNSET else workflow_description(update.description),
        )

    def _recording(self, update: UpdateAccess, *, stores_data: bool) -> RecordingPolicy | None:
        requested = None if update.recording is UNSET else update.recording
        if not stores_data:
            if requested is not None:
                raise InvalidRequest(RECORDING_NEEDS_DATA)
            return None
        if requested is not None:
            check_policy(requested)
        return self.recording if update.recording is UNSET else requested

    def _changed(self, at: datetime, **changes: Any) -> Self:
        return replace(self, revision=self.revision + 1, updated_at=at, **changes)


def check_policy(policy: RecordingPolicy) -> None:
    """Raise InvalidRequest for a policy outside its limits."""
    if not 0 <= policy.sample <= 1:
        raise InvalidRequest("recording.sample must be between 0 and 1")
    if policy.days < 1:
        raise InvalidRequest("recording.days must be at least 1")


def workflow_name(text: str) -> str:
    """Return a valid workflow name. Raises InvalidRequest."""
    return checked_name("name", text, WORKFLOW_NAME_LIMIT)


def input_validation(text: str) -> str:
    """Return a valid mode of input validation. Raises InvalidRequest."""
    if text not in list(InputValidation):
        raise InvalidRequest(f"Invalid input validation: {text}. Use one of {', '.join(InputValidation)}")
    return text


def workflow_description(text: str) -> str:
    """Return a valid workflow description. Raises InvalidRequest."""
    return checked_text("description", text, WORKFLOW_DESCRIPTION_LIMIT)
