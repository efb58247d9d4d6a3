"""Indexes are created and dropped between two versions, while processes of the older one keep working."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient
from tests.support.command_line import CommandLine
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack

ECHO = json.loads((Path(__file__).parents[3] / "examples" / "summarise.json").read_text())
NEWER, OLDER = "uncharged_1", "of_an_older_version"


@pytest.fixture
def flowport(stack: Stack) -> CommandLine:
    """Return the command of the Job of a newer version."""
    return CommandLine({"FLOWPORT_MONGODB_URI": stack.mongodb_uri})


@asynccontextmanager
async def at_work(api: PublicApi) -> AsyncIterator[list[str]]:
    """Run the workflow throughout the block, sync and async in turn; yield the ends."""
    workflow_id, ends, over = await api.publish(ECHO), list[str](), asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            queued = await api.queue(workflow_id)
            ends.append("completed" if (await api.run(workflow_id)).is_success else "refused")
            ends.append((await api.ended_job(queued["jobId"]))["status"])

    task = asyncio.create_task(go_on())
    try:
        yield ends
    finally:
        over.set()
        await task


async def test_indexes_are_made_and_dropped_while_runs_continue(
    stack: Stack, api: PublicApi, flowport: CommandLine
) -> None:
    with MongoClient[dict[str, object]](stack.mongodb_uri) as client:
        client["flowport_jobs"]["runs"].drop_index(NEWER)
        client["flowport_jobs"]["runs"].create_index("nobody", name=OLDER)
    async with at_work(api) as ends:
        before = await asyncio.to_thread(flowport, "indexes", "check")
        first = await asyncio.to_thread(flowport, "indexes", "apply", "--json")
        pruned = await asyncio.to_thread(flowport, "indexes", "apply", "--prune", "--json")
        again = await asyncio.to_thread(flowport, "indexes", "apply", "--prune", "--json")
        after = await asyncio.to_thread(flowport, "indexes", "check", "--json")
    assert (before.code, NEWER in before.out) == (1, True), before.err
    assert first.json == [{"index": f"flowport_jobs.runs.{NEWER}", "state": "made"}], first.err
    assert pruned.json == [{"index": f"flowport_jobs.runs.{OLDER}", "state": "dropped"}], pruned.err
    assert (again.code, again.json) == (0, [])
    assert set(ends) == {"completed"}
    assert (after.code, after.json) == (0, [])


def test_files_and_foreign_collections_of_the_database_are_left_alone(stack: Stack, flowport: CommandLine) -> None:
    with MongoClient[dict[str, object]](stack.mongodb_uri) as client:
        blobs = client["flowport_jobs"]["blobs.files"]
        blobs.create_index([("uploadDate", 1), ("length", 1)], name="made_by_others")
        assert flowport("indexes", "apply", "--prune").code == 0
        assert "made_by_others" in blobs.index_information()
        blobs.drop_index("made_by_others")
