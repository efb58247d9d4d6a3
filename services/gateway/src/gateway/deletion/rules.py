"""Permanent deletion of a workflow or workspace. The record of the deletion is created first and stays afterwards."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

import msgspec

from shared.contracts.erasure import Erase


class ErasureStatus(StrEnum):
    """Progress of an erasure."""

    ERASING = "erasing"
    SETTLING = "settling"
    """Nothing is left. Runs in progress at the start may still write data, which a last round deletes."""
    ERASED = "erased"


def erasure_id(owner: Erase) -> str:
    """Return the id of the only erasure of a workflow or workspace, across repeated requests."""
    return "/".join(filter(None, (owner.workspace_id, owner.workflow_id)))


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Erasure of a workflow, or of the whole workspace without one."""

    id: str
    workspace_id: str
    workflow_id: str | None = None
    requested_by: str
    requested_at: datetime
    settles_at: datetime
    """Time from which no run of it can be in progress."""
    due_at: datetime | None
    """Time of the next round, or when the claim of the gateway that runs it lapses; None when all is over."""
    emptied_at: datetime | None = None
    """First time that nothing was left."""
    documents: int = 0
    """Number of deleted documents."""

    @classmethod
    def of(cls, owner: Erase, *, by: str, at: datetime, settle: timedelta) -> Self:
        """Return a new erasure, due immediately."""
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
        """Return the owner of the data."""
        return Erase(self.workspace_id, self.workflow_id)

    @property
    def status(self) -> ErasureStatus:
        """Return the progress."""
        if self.due_at is None:
            return ErasureStatus.ERASED
        return ErasureStatus.ERASING if self.emptied_at is None else ErasureStatus.SETTLING

    def after_round(self, documents: int, *, has_more: bool, now: datetime) -> Self:
        """Return the erasure after one more round."""
        after = msgspec.structs.replace(self, documents=self.documents + documents)
        if has_more:
            return msgspec.structs.replace(after, due_at=now)
        due_at = self.settles_at if now < self.settles_at else None
        return msgspec.structs.replace(after, due_at=due_at, emptied_at=self.emptied_at or now)
