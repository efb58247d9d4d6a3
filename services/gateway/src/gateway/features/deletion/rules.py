"""A workflow or a workspace that is being deleted for good. The record comes first, and outlives what it names."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

import msgspec

from shared.contracts.erasure import Erase


class ErasureStatus(StrEnum):
    """How far an erasure is."""

    ERASING = "erasing"
    SETTLING = "settling"
    """Nothing is left. What was under way when it began may still bring something in, which goes in a last round."""
    ERASED = "erased"


def erasure_id(owner: Erase) -> str:
    """There is one erasure of a thing, however often it is asked for."""
    return "/".join(filter(None, (owner.workspace_id, owner.workflow_id)))


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Without a workflow, it is the whole workspace."""

    id: str
    workspace_id: str
    workflow_id: str | None = None
    requested_by: str
    requested_at: datetime
    settles_at: datetime
    """From then on nothing of it can be under way any more."""
    due_at: datetime | None
    """When to go on; None when it is over."""
    emptied_at: datetime | None = None
    """When nothing was left for the first time."""
    documents: int = 0
    """How many were deleted."""

    @classmethod
    def of(cls, owner: Erase, *, by: str, at: datetime, settle: timedelta) -> Self:
        """A new one, due at once."""
        return cls(
            id=erasure_id(owner),
            workspace_id=owner.workspace_id,
            workflow_id=owner.workflow_id,
            requested_by=by,
            requested_at=at,
            settles_at=at + settle,
            due_at=at,
        )

    @property
    def owner(self) -> Erase:
        """Whose data it is."""
        return Erase(self.workspace_id, self.workflow_id)

    @property
    def status(self) -> ErasureStatus:
        """How far it is."""
        if self.due_at is None:
            return ErasureStatus.ERASED
        return ErasureStatus.ERASING if self.emptied_at is None else ErasureStatus.SETTLING

    def went_on(self, documents: int, *, has_more: bool, now: datetime) -> Self:
        """After one round."""
        after = msgspec.structs.replace(self, documents=self.documents + documents)
        if has_more:
            return msgspec.structs.replace(after, due_at=now)
        due_at = self.settles_at if now < self.settles_at else None
        return msgspec.structs.replace(after, due_at=due_at, emptied_at=self.emptied_at or now)
