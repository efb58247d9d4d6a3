"""The gateway's own database: workspaces, users, API keys and deletions."""

from typing import Final

from gateway.access.store import ACCOUNT_INDEXES, KEY_INDEXES, WORKSPACE_INDEXES, KeyStore
from gateway.deletion.store import INDEXES as ERASURE_INDEXES
from gateway.deletion.store import DeletionStore
from shared.store.client import Store

INDEXES: Final = (*KEY_INDEXES, *WORKSPACE_INDEXES, *ACCOUNT_INDEXES, *ERASURE_INDEXES)


class TenantStore(KeyStore, DeletionStore):
    """The gateway's own records, except rate limits, idempotency keys, codes and the audit log."""

    def __init__(self, store: Store) -> None:
        KeyStore.__init__(self, store)
        DeletionStore.__init__(self, store)
        self.start = store.start
        self.stop = store.stop
        self.ping = store.ping
