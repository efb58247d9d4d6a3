"""Store checks: connection, replica set, transactions and indexes."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import AsyncMongoClient, ReadPreference
from pymongo.errors import OperationFailure, PyMongoError

from flowport.admin.databases import ServiceDatabase
from flowport.doctor.findings import Finding, ok, problem, warning
from shared.store.index_state import index_state
from shared.store.products import Product, product_of

MILLISECONDS: Final = 5_000
MOST_SKEW_SECONDS: Final = 5.0
NO_TRANSACTIONS: Final = 20
"""Error code of a standalone MongoDB server."""
LEAST_WIRE_VERSION: Final = 21  # MongoDB 7.0


async def check_stores(databases: Iterable[ServiceDatabase]) -> AsyncIterator[Finding]:
    """Check each distinct store URI with the services' settings."""
    shared: dict[str, list[ServiceDatabase]] = defaultdict(list)
    for database in databases:
        shared[database.uri].append(database)
    for uri, group in shared.items():
        check = "store" if len(shared) == 1 else f"store of {', '.join(database.name for database in group)}"
        async for finding in _check_store(check, uri, group):
            yield finding


async def _check_store(check: str, uri: str, databases: Sequence[ServiceDatabase]) -> AsyncIterator[Finding]:
    variable = databases[0].variable
    try:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            uri,
            serverSelectionTimeoutMS=MILLISECONDS,
            connectTimeoutMS=MILLISECONDS,
            timeoutMS=MILLISECONDS,
            tz_aware=True,
        )
    except (PyMongoError, ValueError, OSError) as error:
        yield problem(check, f"not a valid MongoDB URI: {error}", f"correct {variable}")
        return
    try:
        hello = await client.admin.command("hello")
        product = product_of(await client.admin.command("buildInfo"))
        for finding in _server(check, hello, product):
            yield finding
        yield await _transactions(check, client, databases[-1].name)
        for database in databases:
            yield await _indexes(client, database)
    except OperationFailure as error:
        yield problem(check, str(error), f"correct the user, password or permissions of {variable}")
    except PyMongoError as error:
        fix = f"start MongoDB, or correct {variable}"
        yield problem(check, f"unavailable: {str(error).partition(', Timeout')[0]}", fix)
    finally:
        await client.close()


def _server(check: str, hello: Mapping[str, Any], product: Product) -> list[Finding]:
    found = [ok(check, f"{product} is available")]
    if not hello.get("isWritablePrimary"):
        found.append(problem(check, "no primary, so writes fail", "repair the replica set; see rs.status()"))
    if hello.get("maxWireVersion", 0) < LEAST_WIRE_VERSION:
        found.append(warning(check, "older than MongoDB 7", "upgrade MongoDB"))
    skew = abs((datetime.now(UTC) - hello["localTime"].replace(tzinfo=UTC)).total_seconds())
    if skew > MOST_SKEW_SECONDS:
        found.append(warning("clocks", f"the store's clock differs by {skew:.0f} s", "synchronize clocks with NTP"))
    return found


async def _transactions(check: str, client: "AsyncMongoClient[dict[str, Any]]", database: str) -> Finding:
    try:
        async with (
            client.start_session() as session,
            await session.start_transaction(read_preference=ReadPreference.PRIMARY),
        ):
            await client[database]["runs"].find_one({"_id": ""}, session=session)
    except OperationFailure as error:
        if error.code != NO_TRANSACTIONS:
            raise
        fix = "start MongoDB as a replica set of at least one member: rs.initiate()"
        return problem(check, "not a replica set, so transactions and majority writes fail", fix)
    return ok(check, "transactions work")


async def _indexes(client: "AsyncMongoClient[dict[str, Any]]", database: ServiceDatabase) -> Finding:
    check = f"indexes of {database.name}"
    if not await client[database.name].list_collection_names():
        return warning(check, "the database is empty", "start the service, which creates its indexes")
    missing = (await index_state(client[database.name], database.indexes)).missing
    if missing:
        fix = "run `flowport indexes apply`; the services can keep running"
        return problem(check, f"missing: {', '.join(map(str, missing))}", fix)
    return ok(check, "all exist")
