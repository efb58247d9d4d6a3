"""Apply and check the indexes that the services declare. Importing this module takes about a second."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from pymongo.errors import OperationFailure, PyMongoError

import deploy_service.bootstrap
import gateway.outside
import jobs_service.bootstrap
from flowport.admin import StoreUnavailable
from flowport.errors import CommandFailed
from shared.settings import StoreSettings
from shared.store.client import Store
from shared.store.index_state import IndexName, drop_indexes, index_state
from shared.store.indexes import Index

INDEXES: Final[Mapping[str, Sequence[Index]]] = {
    "gateway": gateway.outside.INDEXES,
    "deploy": deploy_service.bootstrap.INDEXES,
    "jobs": jobs_service.bootstrap.INDEXES,
}
MISSING: Final = "missing"
AUTHENTICATION_FAILED: Final = 18
"""MongoDB's error code."""

Row: TypeAlias = dict[str, str]
Work: TypeAlias = Callable[[Store, Sequence[Index]], Awaitable[Sequence[Row]]]


async def apply_indexes(settings: StoreSettings, *, prune: bool) -> list[Row]:
    """Create missing indexes, drop undeclared ones if `prune`, and return a row for each. Raises CommandFailed."""

    async def work(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        before = await index_state(store.database, declared)
        await store.start()
        dropped = before.unknown if prune else ()
        await drop_indexes(store.database, dropped)
        return [*_rows(store, before.missing, "made"), *_rows(store, dropped, "dropped")]

    return await _run_on_each_database(settings, work)


async def check_indexes(settings: StoreSettings) -> list[Row]:
    """Return a row for each missing or undeclared index. Raises CommandFailed."""

    async def work(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        found = await index_state(store.database, declared)
        return [*_rows(store, found.missing, MISSING), *_rows(store, found.unknown, "not declared")]

    return await _run_on_each_database(settings, work)


def _rows(store: Store, indexes: Iterable[IndexName], state: str) -> list[Row]:
    return [{"index": f"{store.database.name}.{index}", "state": state} for index in indexes]


async def _run_on_each_database(settings: StoreSettings, work: Work) -> list[Row]:
    """Run `work` on the database of each service. FLOWPORT_MONGODB_URI_<SERVICE> overrides the URI for one service."""
    rows: list[Row] = []
    for service, declared in INDEXES.items():
        name, own = f"{settings.mongodb_prefix}_{service}", f"FLOWPORT_MONGODB_URI_{service.upper()}"
        uri, variable = (
            (os.environ[own], own) if os.environ.get(own) else (settings.mongodb_uri, "FLOWPORT_MONGODB_URI")
        )
        try:
            store = Store(uri, name, declared)
        except (PyMongoError, ValueError, OSError) as error:
            raise CommandFailed(f"{variable} is not a valid MongoDB URI: {error}") from error
        try:
            rows += await work(store, declared)
        except OperationFailure as error:
            # An operator creates users after the store has started.
            kind = StoreUnavailable if error.code == AUTHENTICATION_FAILED else CommandFailed
            raise kind(f"the store rejected the request for {name}: {error}") from error
        except PyMongoError as error:
            found = str(error).partition(", Timeout")[0]
            raise StoreUnavailable(f"the store is unavailable: {found}. Check {variable}") from error
        finally:
            await store.stop()
    return rows
