"""Workspaces, people and API keys in the gateway's database."""

from typing import Final

from gateway.adapters import account_store, erasure_store, key_store, workspace_store
from gateway.adapters.account_store import AccountStore
from gateway.adapters.erasure_store import ErasureStore
from gateway.adapters.key_store import KeyStore
from gateway.adapters.workspace_store import WorkspaceStore
from shared.store.client import Store

INDEXES: Final = (*key_store.INDEXES, *workspace_store.INDEXES, *account_store.INDEXES, *erasure_store.INDEXES)


class TenantStore(KeyStore, WorkspaceStore, AccountStore, ErasureStore):
    """Implements TenantDatabase."""

    def __init__(self, store: Store) -> None:
        KeyStore.__init__(self, store)
        WorkspaceStore.__init__(self, store)
        AccountStore.__init__(self, store)
        ErasureStore.__init__(self, store)
        self.start = store.start
        self.stop = store.stop
        self.ping = store.ping
