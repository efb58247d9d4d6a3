"""`flowport indexes`: what the services find their documents by. Nobody has to stop for it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Annotated, TypeAlias

import typer
from pymongo.errors import PyMongoError

from flowport.commands.output import Output
from flowport.commands.session import AsJson
from flowport.failures import CommandFailed
from shared.settings import CommonSettings
from shared.settings_reading import read_settings
from shared.store.client import Store
from shared.store.index_state import IndexName, drop, state_of
from shared.store.indexes import Index

indexes_app = typer.Typer(help="The store's indexes.", no_args_is_help=True)

Row: TypeAlias = dict[str, str]
Work: TypeAlias = Callable[[Store, Sequence[Index]], Coroutine[None, None, Sequence[Row]]]

Prune = Annotated[
    bool, typer.Option("--prune", help="Then drop what this version does not declare. Only once no older one runs.")
]
COLUMNS = ("index", "state")


@indexes_app.command("apply")
def apply(prune: Prune = False, as_json: AsJson = False) -> None:
    """Make the indexes that are missing, however long that takes, while everything works on. Again, it does nothing.

    FLOWPORT_MONGODB_URI names the store; FLOWPORT_MONGODB_URI_GATEWAY, …_DEPLOY and …_JOBS that of one service, where
    each has a user of its own.
    """

    async def put_right(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        before = await state_of(store.database, declared)
        await store.start()
        dropped = before.unknown if prune else ()
        await drop(store.database, dropped)
        return [*_rows(store, before.missing, "made"), *_rows(store, dropped, "dropped")]

    Output(as_json=as_json).rows(COLUMNS, _everywhere(put_right))


@indexes_app.command("check")
def check(as_json: AsJson = False) -> None:
    """Fail if any index is missing; show those too that this version does not declare."""

    async def look(store: Store, declared: Sequence[Index]) -> Sequence[Row]:
        found = await state_of(store.database, declared)
        return [*_rows(store, found.missing, "missing"), *_rows(store, found.unknown, "not declared")]

    rows = _everywhere(look)
    Output(as_json=as_json).rows(COLUMNS, rows)
    if any(row["state"] == "missing" for row in rows):
        raise CommandFailed("indexes are missing: `flowport indexes apply` makes them, while the services work on")


def _rows(store: Store, indexes: Iterable[IndexName], state: str) -> list[Row]:
    return [{"index": f"{store.database.name}.{index}", "state": state} for index in indexes]


def _everywhere(work: Work) -> list[Row]:
    from flowport.databases import databases  # noqa: PLC0415 - it knows all services: that takes a second

    async def done() -> list[Row]:
        rows: list[Row] = []
        for database in databases(read_settings(CommonSettings)):
            async with database.opened() as store:
                rows += await work(store, database.indexes)
        return rows

    try:
        return asyncio.run(done())
    except PyMongoError as error:
        found = str(error).partition(", Timeout")[0]
        raise CommandFailed(f"the store does not do this: {found}. FLOWPORT_MONGODB_URI says where it is") from error
