"""Division of a bounded resource between workspaces."""

from typing import NamedTuple


class Quota(NamedTuple):
    """Limit of one workspace's use of a bounded resource.

    No workspace gets more than `per_workspace` units. Up to a quarter is reserved for workspaces that use no unit, so
    that one busy workspace never makes another wait for its first.
    """

    total: int
    per_workspace: int

    @classmethod
    def of(cls, total: int, percent: int) -> "Quota":
        """Return the quota that allows a workspace this percentage. Below 100, it leaves a unit to others if it can."""
        return cls(total, total if percent >= 100 else max(1, min(total * percent // 100, total - 1)))

    @property
    def reserved(self) -> int:
        return min(self.total - self.per_workspace, max(1, self.total // 4))

    def allows(self, used: int, used_by_all: int) -> bool:
        """Return whether a workspace that uses `used` units may use one more."""
        if used == 0:
            return used_by_all < self.total
        return used < self.per_workspace and used_by_all < self.total - self.reserved
