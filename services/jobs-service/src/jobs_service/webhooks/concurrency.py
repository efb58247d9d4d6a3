"""Concurrency slots for deliveries, limited per workspace and per address."""

from collections import Counter
from typing import Final

from jobs_service.webhooks.ports import DueDelivery

SLOTS: Final = 40
WORKSPACE_SLOTS: Final = 20
ADDRESS_SLOTS: Final = 10
"""An address that never answers delays neither other workspaces nor the workspace's other addresses."""


class ConcurrencySlots:
    """Concurrency slots of deliveries in progress."""

    def __init__(self) -> None:
        self._of_workspace: Counter[str] = Counter()
        self._of_address: Counter[str] = Counter()

    @property
    def free(self) -> int:
        """Return the number of free slots."""
        return SLOTS - self._of_workspace.total()

    @property
    def full_workspaces(self) -> list[str]:
        """Return the workspaces that have used all their slots."""
        return [name for name, count in self._of_workspace.items() if count >= WORKSPACE_SLOTS]

    @property
    def full_addresses(self) -> list[str]:
        """Return the addresses that have used all their slots."""
        return [url for url, count in self._of_address.items() if count >= ADDRESS_SLOTS]

    def is_free_for(self, due: DueDelivery) -> bool:
        """Return whether a slot is free for the delivery."""
        return (
            self.free > 0
            and self._of_workspace[due.workspace_id] < WORKSPACE_SLOTS
            and self._of_address[due.url] < ADDRESS_SLOTS
        )

    def acquire(self, due: DueDelivery) -> None:
        """Take a slot for the delivery."""
        self._of_workspace[due.workspace_id] += 1
        self._of_address[due.url] += 1

    def release(self, due: DueDelivery) -> bool:
        """Release the delivery's slot; return whether another delivery may have waited for it."""
        was_wanted = not self.is_free_for(due)
        self._of_workspace -= Counter([due.workspace_id])  # removes entries of zero
        self._of_address -= Counter([due.url])
        return was_wanted
