"""Makes and checks the indexes that the services declare. Whoever imports this waits a second for all services."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Final, TypeAlias

from pymongo.errors import OperationFailure, PyMongoError

from flowport.databases import databases
from flowport.failures import CommandFailed
from shared.settings import StoreSettings
from shared.settings_reading import read_settings
from shared.store.client import Store
from shared.store.index_state import IndexName, drop, state_of
from shared.store.indexes import Index

MISSING: Final = "missing"

Row: TypeAlias = dict[str, str]
Work: TypeAlias = Callable[[Store, Sequence[Index]], Coroutine[None, None, Sequence[Row]]]


def put_right(*, prune: bool) -> list[Row]:
    """Make what is missing, and drop what is not declared if `prune`. What was done; raises CommandFailed."""

    async def work(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        before = await state_of(store.database, declared)
        await store.start()
        dropped = before.unknown if prune else ()
        await drop(store.database, dropped)
        return [*_rows(store, before.missing, "made"), *_rows(store, dropped, "dropped")]

    return _everywhere(work)


def look() -> list[Row]:
    """What is missing, and what is there undeclared. Raises CommandFailed."""

    async def work(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        found = await state_of(store.database, declared)
        return [*_rows(store, found.missing, MISSING), *_rows(store, found.unknown, "not declared")]

    return _everywhere(work)


def _rows(store: Store, indexes: Iterable[IndexName], state: str) -> list[Row]:
    return [{"index": f"{store.database.name}.{index}", "state": state} for index in indexes]


def _everywhere(work: Work) -> list[Row]:
    async def done() -> list[Row]:
        rows: list[Row] = []
        for database in databases(read_settings(StoreSettings)):
            try:
                async with database.opened() as store:
                    rows += await work(store, database.indexes)
            except OperationFailure as error:
                raise CommandFailed(f"the store does not do this in {database.name}: {error}") from error
            except PyMongoError as error:
                found = str(error).partition(", Timeout")[0]
                raise CommandFailed(
                    f"the store does not answer: {found}. {database.variable} says where it is"
                ) from error
        return rows

    return asyncio.run(done())
