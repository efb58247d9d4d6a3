"""The store is lost with a full queue, and restored from a backup as docs/operations/backup.md says."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pymongo import MongoClient
from tests.faults.harness.journal import journaled_blocks
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually
from tests.support.public_api import PublicApi
from tests.support.rabbitmq import manage
from tests.support.store_search import STORES_OWN

from flowport.local.stack import Stack
from shared.broker.queue_topology import ASYNC

Backup = Mapping[tuple[str, str], list[dict[str, Any]]]

IN_HAND, QUEUED = 4, 40
EXECUTORS = ("executor-service", "executor-service-2")
OTHERS = ("jobs-service", "deploy-service", "gateway", "gateway-2")


async def test_nothing_that_the_backup_knew_of_is_lost(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "journaled", "held"))
    assert stack.rabbitmq is not None
    witness.hold("held")
    await asyncio.gather(*(callers.queue(workflow_id, f"hand{number}") for number in range(IN_HAND)))
    await eventually(lambda: witness.calls("held") == IN_HAND)
    await eventually(lambda: len(_journaled(stack.mongodb_uri)) == IN_HAND)
    _kill(stack, *EXECUTORS)
    witness.let_go("held")
    await asyncio.gather(*(callers.queue(workflow_id, f"queued{number}") for number in range(QUEUED)))

    backup = await asyncio.to_thread(_dump, stack.mongodb_uri)
    later = await api.queue(workflow_id, {"run": "later"})
    _kill(stack, *OTHERS)
    await asyncio.to_thread(_restore, stack.mongodb_uri, backup)
    await asyncio.to_thread(manage, stack.rabbitmq, "DELETE", f"queues/%2F/{ASYNC}/contents")
    for name in (*OTHERS, *EXECUTORS):
        await asyncio.to_thread(stack.restart, name)

    ends = await callers.ended(seconds=60)
    assert len(ends) == IN_HAND + QUEUED
    assert {end["status"] for end in ends.values()} == {"completed"}
    assert [witness.calls("journaled", f"hand{number}") for number in range(IN_HAND)] == [1] * IN_HAND
    assert (await api.http.get(f"/api/jobs/{later['jobId']}")).status_code == 404


def _journaled(mongodb_uri: str) -> list[str]:
    return [run_id for run_id, block_id in journaled_blocks(mongodb_uri) if block_id == "journaled"]


def _kill(stack: Stack, *names: str) -> None:
    for name in names:
        stack.kill(name)


def _dump(mongodb_uri: str) -> Backup:
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        return {
            (database, collection): list(client[database][collection].find())
            for database in client.list_database_names()
            if database not in STORES_OWN
            for collection in client[database].list_collection_names()
        }


def _restore(mongodb_uri: str, backup: Backup) -> None:
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        for database in {database for database, _ in backup}:
            client.drop_database(database)
        for (database, collection), documents in backup.items():
            if documents:
                client[database][collection].insert_many(documents)
