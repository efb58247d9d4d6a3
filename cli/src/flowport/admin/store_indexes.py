"""Apply and check the indexes that the services declare. Importing this module takes about a second."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Final, TypeAlias

from pymongo.errors import OperationFailure, PyMongoError

from flowport.admin.availability import StoreUnavailable
from flowport.admin.databases import list_databases
from flowport.errors import CommandFailed
from shared.settings import StoreSettings, load_settings
from shared.store.client import Store
from shared.store.index_state import IndexName, drop_indexes, index_state
from shared.store.indexes import Index

MISSING: Final = "missing"
AUTHENTICATION_FAILED: Final = 18
"""MongoDB's error code."""

Row: TypeAlias = dict[str, str]
Work: TypeAlias = Callable[[Store, Sequence[Index]], Coroutine[None, None, Sequence[Row]]]


def apply_indexes(*, prune: bool) -> list[Row]:
    """Create missing indexes, drop undeclared ones if `prune`, and return a row for each. Raises CommandFailed."""

    async def work(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        before = await index_state(store.database, declared)
        await store.start()
        dropped = before.unknown if prune else ()
        await drop_indexes(store.database, dropped)
        return [*_rows(store, before.missing, "made"), *_rows(store, dropped, "dropped")]

    return _run_on_each_database(work)


def check_indexes() -> list[Row]:
    """Return a row for each missing or undeclared index. Raises CommandFailed."""

    async def work(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        found = await index_state(store.database, declared)
        return [*_rows(store, found.missing, MISSING), *_rows(store, found.unknown, "not declared")]

    return _run_on_each_database(work)


def _rows(store: Store, indexes: Iterable[IndexName], state: str) -> list[Row]:
    return [{"index": f"{store.database.name}.{index}", "state": state} for index in indexes]


def _run_on_each_database(work: Work) -> list[Row]:
    async def run() -> list[Row]:
        rows: list[Row] = []
        for database in list_databases(load_settings(StoreSettings)):
            try:
                async with database.open_store() as store:
                    rows += await work(store, database.indexes)
            except OperationFailure as error:
                # An operator creates users after the store has started.
                kind = StoreUnavailable if error.code == AUTHENTICATION_FAILED else CommandFailed
                raise kind(f"the store rejected the request for {database.name}: {error}") from error
            except PyMongoError as error:
                found = str(error).partition(", Timeout")[0]
                raise StoreUnavailable(f"the store is unavailable: {found}. Check {database.variable}") from error
        return rows

    return asyncio.run(run())
