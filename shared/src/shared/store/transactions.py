"""Transactions over several documents."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import pymongo
from pymongo import ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from shared.store.client import DURABLE, Store

T = TypeVar("T")
Session = AsyncClientSession
LIMIT_SECONDS: Final = 10.0


async def transact(store: Store, body: Callable[[Session], Awaitable[T]]) -> T:
    """Run `body` in a snapshot transaction; restart it on conflicts.

    Raises what `body` raises (nothing is written then), or PyMongoError when the time limit is over.
    """
    with pymongo.timeout(LIMIT_SECONDS):
        async with store.database.client.start_session() as session:
            return await session.with_transaction(
                body,
                read_concern=ReadConcern("snapshot"),
                write_concern=DURABLE,
                read_preference=ReadPreference.PRIMARY,
            )
