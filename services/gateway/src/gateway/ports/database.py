"""The gateway's own database."""

from typing import Protocol

from gateway.ports.accounts import Accounts
from gateway.ports.erasures import Erasures
from gateway.ports.keys import Keys
from gateway.ports.workspaces import Workspaces


class TenantDatabase(Keys, Workspaces, Accounts, Erasures, Protocol):
    """The gateway's own database."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ping(self) -> None:
        """Raises Unavailable unless it answers."""
        ...
