"""Deletions in progress, in memory."""

from collections.abc import Sequence
from datetime import datetime

from gateway.deletion.store import Erasure, erasure_id
from shared.contracts.erasure import Erase, Erased


class FakeErasures:
    """Implements DeletionRecords. The workspace `first` is the first one."""

    def __init__(self) -> None:
        self.under_way: dict[str, Erasure] = {}
        self.closed: list[str] = []
        self.deleted: list[str] = []
        self.first = ""

    async def save_erasure(self, erasure: Erasure) -> None:
        self.under_way[erasure.id] = erasure

    async def replace_erasure(self, before: Erasure, after: Erasure) -> bool:
        if self.under_way.get(before.id) != before:
            return False
        self.under_way[before.id] = after
        return True

    async def has_erasure(self, owner: Erase) -> bool:
        return erasure_id(owner) in self.under_way

    async def due_erasures(self, now: datetime, limit: int) -> Sequence[Erasure]:
        return [each for each in self.under_way.values() if each.due_at is not None and each.due_at <= now]

    async def erasures(self, workspace_id: str, limit: int) -> Sequence[Erasure]:
        return [each for each in self.under_way.values() if each.workspace_id == workspace_id]

    async def is_first(self, workspace_id: str) -> bool:
        return workspace_id == self.first

    async def close_workspace(self, workspace_id: str) -> Sequence[str]:
        self.closed.append(workspace_id)
        return ()

    async def erase_workspace(self, workspace_id: str) -> int:
        self.deleted.append(workspace_id)
        return 1


class FakeEraser:
    """Implements Deleter: has `left` documents, and deletes two at a time."""

    def __init__(self) -> None:
        self.left = 0
        self.breaks_at: Erase | None = None
        self.requests: list[Erase] = []

    async def erase(self, request: Erase) -> Erased:
        if request == self.breaks_at:
            raise RuntimeError("unexpected")
        self.requests.append(request)
        deleted = min(2, self.left)
        self.left -= deleted
        return Erased(deleted, has_more=self.left > 0)
