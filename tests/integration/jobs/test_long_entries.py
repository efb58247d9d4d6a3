"""Long journal entries: jobs-service processes a few of them concurrently, and the others wait in their workers."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import msgspec
from tests.support.eventually import eventually
from tests.support.jobs.system import System

from jobs_service.claims.service import LONG_AT_ONCE, LONG_BYTES
from shared.contracts.claims import JournalEntry
from shared.ids import new_id
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens

LONG = b'{"attempt":1,"entries":[{"index":0,"kind":"block","data":"' + b"x" * LONG_BYTES + b'"}]}'


class LongAppends:
    """Workers that send a long entry each, and hold back its end."""

    def __init__(self, system: System) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        headers = {"authorization": ServiceTokens.of(system.settings).header(ServiceName.EXECUTOR)}
        self._client = httpx2.AsyncClient(transport=system.transport, base_url="http://jobs", headers=headers)

    async def send(self, run_id: str) -> int:
        """Return the status of the answer."""
        headers = {"content-length": str(len(LONG))}
        answer = await self._client.post(f"/internal/runs/{run_id}/journal", content=self._body(), headers=headers)
        return answer.status_code

    async def _body(self) -> AsyncIterator[bytes]:
        self.begun += 1
        yield LONG[:-1]
        await self.may_end.wait()
        yield LONG[-1:]


async def claimed(system: System) -> str:
    """Return the id of a run that a worker holds."""
    await system.gateway.accept()
    return (await system.executor.begin()).run.run_id


async def test_a_bounded_number_of_long_entries_is_read_concurrently_and_all_are_stored(system: System) -> None:
    run_ids = [await claimed(system) for _ in range(2 * LONG_AT_ONCE)]
    short = await claimed(system)
    appends = LongAppends(system)

    answers = [asyncio.create_task(appends.send(run_id)) for run_id in run_ids]
    await eventually(lambda: appends.begun >= LONG_AT_ONCE)
    await system.executor.journal(short, 1, JournalEntry(0, "block", msgspec.Raw(b"1")))
    assert appends.begun == LONG_AT_ONCE

    appends.may_end.set()
    assert await asyncio.gather(*answers) == [204] * len(run_ids)
    assert await system.collection("journal").count_documents({"index": 0}) == len(run_ids) + 1


async def test_a_worker_that_disconnects_frees_its_slot(system: System) -> None:
    appends = LongAppends(system)
    interrupted = [asyncio.create_task(appends.send(new_id())) for _ in range(LONG_AT_ONCE)]
    await eventually(lambda: appends.begun == LONG_AT_ONCE)
    for each in interrupted:
        each.cancel()
    await asyncio.wait(interrupted)

    appends.may_end.set()
    assert await appends.send(await claimed(system)) == 204
