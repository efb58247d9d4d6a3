"""Versions: numbered deployments of snapshots."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from msgspec import UNSET

from deploy_service.domain.validation import (
    VERSION_DESCRIPTION_LIMIT,
    VERSION_NAME_LIMIT,
    checked_name,
    checked_text,
)
from shared.contracts.deployments import UpdateVersion

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
