"""The gateway's own database: workspaces, users, API keys and deletions."""

from typing import Final, Protocol

from gateway.access.adapters.key_store import INDEXES as KEY_INDEXES
from gateway.access.adapters.key_store import KeyStore
from gateway.access.ports import Accounts, Keys, Workspaces
from gateway.access.store import ACCOUNT_INDEXES, WORKSPACE_INDEXES, AccountStore, WorkspaceStore
from gateway.deletion.service import DeletionRecords
from gateway.deletion.store import INDEXES as ERASURE_INDEXES
from gateway.deletion.store import DeletionStore
from shared.store.client import Store


class TenantDatabase(Keys, Workspaces, Accounts, DeletionRecords, Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ping(self) -> None:
        """Raise Unavailable unless it answers."""


INDEXES: Final = (*KEY_INDEXES, *WORKSPACE_INDEXES, *ACCOUNT_INDEXES, *ERASURE_INDEXES)


class TenantStore(KeyStore, WorkspaceStore, AccountStore, DeletionStore):
    """Implements TenantDatabase."""

    def __init__(self, store: Store) -> None:
        KeyStore.__init__(self, store)
        WorkspaceStore.__init__(self, store)
        AccountStore.__init__(self, store)
        DeletionStore.__init__(self, store)
        self.start = store.start
        self.stop = store.stop
        self.ping = store.ping
