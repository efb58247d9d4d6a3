"""The places for deliveries that are under way, and who may have how many of them."""

from collections import Counter
from typing import Final

from jobs_service.webhooks.ports import DueDelivery

PLACES: Final = 40
WORKSPACE_PLACES: Final = 20
ADDRESS_PLACES: Final = 10
"""Who never answers keeps no other workspace waiting, and not even the other addresses of its own."""


class Places:
    """Who has which."""

    def __init__(self) -> None:
        self._of_workspace: Counter[str] = Counter()
        self._of_address: Counter[str] = Counter()

    @property
    def free(self) -> int:
        """How many nobody has."""
        return PLACES - self._of_workspace.total()

    @property
    def full_workspaces(self) -> list[str]:
        """Those that have all they may have."""
        return [name for name, count in self._of_workspace.items() if count >= WORKSPACE_PLACES]

    @property
    def full_addresses(self) -> list[str]:
        """As `full_workspaces`."""
        return [url for url, count in self._of_address.items() if count >= ADDRESS_PLACES]

    def has_room_for(self, due: DueDelivery) -> bool:
        """Whether the delivery may have one."""
        return (
            self.free > 0
            and self._of_workspace[due.workspace_id] < WORKSPACE_PLACES
            and self._of_address[due.url] < ADDRESS_PLACES
        )

    def take(self, due: DueDelivery) -> None:
        """It has one."""
        self._of_workspace[due.workspace_id] += 1
        self._of_address[due.url] += 1

    def give_back(self, due: DueDelivery) -> bool:
        """It has none any more; says whether another delivery may have waited for it."""
        was_wanted = not self.has_room_for(due)
        self._of_workspace -= Counter([due.workspace_id])  # which forgets whoever has none
        self._of_address -= Counter([due.url])
        return was_wanted
