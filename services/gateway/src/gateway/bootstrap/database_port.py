"""The gateway's own database."""

from typing import Protocol

from gateway.access.ports.accounts import Accounts
from gateway.access.ports.keys import Keys
from gateway.access.ports.workspaces import Workspaces
from gateway.features.deletion.ports import DeletionRecords


class TenantDatabase(Keys, Workspaces, Accounts, DeletionRecords, Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ping(self) -> None:
        """Raise Unavailable unless it answers."""
