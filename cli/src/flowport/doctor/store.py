"""The store: does it answer, can it be written to durably, does it have our indexes?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

import deploy_service.bootstrap
import jobs_service.bootstrap
from flowport.doctor.findings import Finding, ok, problem, warning
from gateway.adapters import bucket_store, idempotency_store, tenant_store
from shared.store.client import Index

MILLISECONDS: Final = 5_000
MOST_SKEW_SECONDS: Final = 5.0
LEAST_WIRE_VERSION: Final = 21  # MongoDB 7.0
INDEXES: Final[Mapping[str, Sequence[Index]]] = {
    "gateway": (*tenant_store.INDEXES, *bucket_store.INDEXES, *idempotency_store.INDEXES),
    "deploy": deploy_service.bootstrap.INDEXES,
    "jobs": jobs_service.bootstrap.INDEXES,
}


async def check_store(uri: str, prefix: str) -> AsyncIterator[Finding]:
    """Ask it as a service would."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        uri, serverSelectionTimeoutMS=MILLISECONDS, connectTimeoutMS=MILLISECONDS, timeoutMS=MILLISECONDS, tz_aware=True
    )
    try:
        hello = await client.admin.command("hello")
        for finding in _server(hello):
            yield finding
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
    if "setName" not in hello:
        fix = "start it as a replica set, of one member at least: rs.initiate()"
        found.append(problem("store", "it is no replica set: transactions and majority writes fail", fix))
    if hello.get("maxWireVersion", 0) < LEAST_WIRE_VERSION:
        found.append(warning("store", "it is older than MongoDB 7", "upgrade it"))
    skew = abs((datetime.now(UTC) - hello["localTime"].replace(tzinfo=UTC)).total_seconds())
    if skew > MOST_SKEW_SECONDS:
        found.append(warning("clocks", f"the store's clock is {skew:.0f} s off ours", "synchronise them by NTP"))
    return found


async def _indexes(client: "AsyncMongoClient[dict[str, Any]]", database: str, wanted: Sequence[Index]) -> Finding:
    there = set(await client[database].list_collection_names())
    missing: list[str] = []
    for name in dict.fromkeys(index.collection for index in wanted):
        names = set(await client[database][name].index_information()) if name in there else set()
        models = [index.model().document["name"] for index in wanted if index.collection == name]
        missing += [f"{name}.{model}" for model in models if model not in names]
    if not there:
        return warning(f"indexes of {database}", "the database is empty", "start the service: it makes its own")
    if missing:
        fix = "restart one process of the service: it makes its indexes, while the others work on"
        return problem(f"indexes of {database}", f"missing: {', '.join(missing)}", fix)
    return ok(f"indexes of {database}", "all are there")
