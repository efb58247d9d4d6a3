"""The gateway's own database: workspaces, users, API keys and deletions."""

from typing import Final, Protocol

from gateway.access.adapters import account_store, key_store, workspace_store
from gateway.access.adapters.account_store import AccountStore
from gateway.access.adapters.key_store import KeyStore
from gateway.access.adapters.workspace_store import WorkspaceStore
from gateway.access.ports import Accounts, Keys, Workspaces
from gateway.deletion import store as erasure_store
from gateway.deletion.service import DeletionRecords
from gateway.deletion.store import DeletionStore
from shared.store.client import Store


class TenantDatabase(Keys, Workspaces, Accounts, DeletionRecords, Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ping(self) -> None:
        """Raise Unavailable unless it answers."""


INDEXES: Final = (*key_store.INDEXES, *workspace_store.INDEXES, *account_store.INDEXES, *erasure_store.INDEXES)


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
