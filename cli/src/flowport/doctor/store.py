"""The store: does it answer, can it be written to durably, does it have our indexes?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from flowport.databases import INDEXES
from flowport.doctor.findings import Finding, ok, problem, warning
from shared.store.index_state import state_of
from shared.store.indexes import Index

MILLISECONDS: Final = 5_000
MOST_SKEW_SECONDS: Final = 5.0
NO_TRANSACTIONS: Final = 20
"""What a MongoDB server that stands alone answers."""
LEAST_WIRE_VERSION: Final = 21  # MongoDB 7.0


async def check_store(uri: str, prefix: str) -> AsyncIterator[Finding]:
    """Ask it as a service would."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        uri, serverSelectionTimeoutMS=MILLISECONDS, connectTimeoutMS=MILLISECONDS, timeoutMS=MILLISECONDS, tz_aware=True
    )
    try:
        hello = await client.admin.command("hello")
        for finding in _server(hello):
            yield finding
        yield await _transactions(client, prefix)
        for service, indexes in INDEXES.items():
            yield await _indexes(client, f"{prefix}_{service}", indexes)
    except OperationFailure as error:
        yield problem("store", str(error), "correct the user and password in FLOWPORT_MONGODB_URI, or its rights")
    except PyMongoError as error:
        fix = "start MongoDB, or correct FLOWPORT_MONGODB_URI"
        yield problem("store", f"it does not answer: {str(error).partition(', Timeout')[0]}", fix)
    finally:
        await client.close()


def _server(hello: Mapping[str, Any]) -> list[Finding]:
    found = [ok("store", "it answers")]
    if not hello.get("isWritablePrimary"):
        found.append(problem("store", "no primary: nothing can be written", "mend the replica set: rs.status()"))
    if hello.get("maxWireVersion", 0) < LEAST_WIRE_VERSION:
        found.append(warning("store", "it is older than MongoDB 7", "upgrade it"))
    skew = abs((datetime.now(UTC) - hello["localTime"].replace(tzinfo=UTC)).total_seconds())
    if skew > MOST_SKEW_SECONDS:
        found.append(warning("clocks", f"the store's clock is {skew:.0f} s off ours", "synchronise them by NTP"))
    return found


async def _transactions(client: "AsyncMongoClient[dict[str, Any]]", prefix: str) -> Finding:
    try:
        async with client.start_session() as session, await session.start_transaction():
            await client[f"{prefix}_jobs"]["runs"].find_one({"_id": ""}, session=session)
    except OperationFailure as error:
        if error.code != NO_TRANSACTIONS:
            raise
        fix = "start it as a replica set, of one member at least: rs.initiate()"
        return problem("store", "it is no replica set: transactions and majority writes fail", fix)
    return ok("store", "transactions work")


async def _indexes(client: "AsyncMongoClient[dict[str, Any]]", database: str, wanted: Sequence[Index]) -> Finding:
    if not await client[database].list_collection_names():
        return warning(f"indexes of {database}", "the database is empty", "start the service: it makes its own")
    missing = (await state_of(client[database], wanted)).missing
    if missing:
        fix = "run `flowport indexes apply`: it makes them, while the services work on"
        return problem(f"indexes of {database}", f"missing: {', '.join(map(str, missing))}", fix)
    return ok(f"indexes of {database}", "all are there")
