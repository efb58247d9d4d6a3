"""Concurrent changes of the live version, in one process and in two."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest
from tests.support.deploy import DeployCaller, at, deploy_service, state

from deploy_service.domain import check
from deploy_service.settings import DeploySettings
from shared.contracts import deployments as contracts
from shared.contracts.chats import Chat, ChatLookup, ChatSettings, CreateChat
from shared.contracts.deployments import Endpoint
from shared.contracts.problems import Problem
from shared.errors import Conflict, NotDeployed, Unavailable

REPLICAS = 2
Changed = TypeVar("Changed")
Change = Callable[[], Awaitable[object]]


@pytest.fixture
async def replicas(settings: DeploySettings) -> AsyncIterator[list[DeployCaller]]:
    async with deploy_service(settings) as one, deploy_service(settings) as other:
        yield [one, other]


async def watch(gateway: DeployCaller, workflow_id: str, seen: list[Endpoint]) -> None:
    while True:
        seen.append(await gateway.endpoint(workflow_id))


async def retrying(change: Callable[[], Awaitable[Changed]]) -> Changed:
    """Retry after a 503 of too many concurrent changes, as a caller does: on a slow machine some come late."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await change()
            except Unavailable as refusal:
                await asyncio.sleep(refusal.retry_after or 1)


async def test_concurrent_deploys_get_unique_numbers_without_gaps(replicas: list[DeployCaller]) -> None:
    workflow = await replicas[0].create(state())
    deploys = [partial(replicas[number % REPLICAS].deploy, workflow.id) for number in range(60)]
    numbers = [deployed.version.number for deployed in await asyncio.gather(*map(retrying, deploys))]
    assert sorted(numbers) == list(range(1, 61))
    assert await replicas[0].numbers(workflow.id) == list(range(60, 0, -1))
    assert (await replicas[0].endpoint(workflow.id)).version == 60


async def test_an_undeploy_does_not_wait_for_the_check_of_a_deploy(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow_problems(*_: object, **__: object) -> list[Problem]:
        begun.set()
        goes_on.wait(30)
        return []

    async with deploy_service(settings) as gateway:
        workflow = await gateway.create(state())
        await gateway.deploy(workflow.id)
        monkeypatch.setattr(check, "problems", slow_problems)
        deploy = asyncio.create_task(gateway.deploy(workflow.id))
        try:
            await asyncio.to_thread(begun.wait, 30)
            undeployed = await gateway.http.call("DELETE", at(workflow.id, "deployment"), returns=Endpoint)
            assert not undeployed.version
            assert not deploy.done()
        finally:
            goes_on.set()
        assert (await deploy).version.number == 2


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.full)])
async def test_a_version_is_live_at_every_moment_of_many_deploys_and_promotes(
    replicas: list[DeployCaller], count: int
) -> None:
    workflow = await replicas[0].create(state())
    first = await replicas[0].deploy(workflow.id)
    seen: list[Endpoint] = []
    watcher = asyncio.create_task(watch(replicas[0], workflow.id, seen))
    changes = [
        partial(replicas[number % REPLICAS].promote, workflow.id, 1)
        if number % 4 == 3
        else partial(replicas[0].deploy, workflow.id)
        for number in range(count)
    ]
    results = await asyncio.gather(*map(retrying, changes))
    watcher.cancel()
    assert len(seen) > 10
    assert all(endpoint.snapshot_hash == first.version.snapshot_hash for endpoint in seen)
    revisions = [endpoint.revision for endpoint in seen]
    assert revisions == sorted(revisions)
    pointers = {endpoint.revision: endpoint.version for endpoint in [*seen, *(each.endpoint for each in results)]}
    assert all(pointers[endpoint.revision] == endpoint.version for endpoint in seen)
    deployed = [result.version.number for result in results if result.version.number != 1]
    assert sorted(deployed) == list(range(2, count * 3 // 4 + 2))
    assert await replicas[0].numbers(workflow.id) == list(range(count * 3 // 4 + 1, 0, -1))


async def test_a_deploy_overtaken_by_a_later_one_does_not_take_the_pointer_back(replicas: list[DeployCaller]) -> None:
    workflow = await replicas[0].create(state())
    deploys = [partial(replicas[number % REPLICAS].deploy, workflow.id) for number in range(10)]
    results = await asyncio.gather(*map(retrying, deploys))
    final = await replicas[0].endpoint(workflow.id)
    assert final.version == 10
    assert max(result.endpoint.revision for result in results) == final.revision


async def test_undeploys_and_deploys_leave_one_of_the_two(replicas: list[DeployCaller]) -> None:
    workflow = await replicas[0].create(state())
    await replicas[0].deploy(workflow.id)

    async def undeploy() -> None:
        with contextlib.suppress(NotDeployed):
            await replicas[1].http.call("DELETE", at(workflow.id, "deployment"))

    deploy = partial(replicas[0].deploy, workflow.id)
    changes: list[Change] = [deploy if n % 2 else undeploy for n in range(20)]
    await asyncio.gather(*map(retrying, changes))
    endpoint = await replicas[0].endpoint(workflow.id)
    assert endpoint.is_deployed == (endpoint.version is not None)
    assert await replicas[0].numbers(workflow.id) == list(range(11, 0, -1))


async def test_a_save_between_two_replicas_is_never_lost_silently(replicas: list[DeployCaller]) -> None:
    workflow = await replicas[0].create(state())

    async def save(number: int) -> contracts.DraftSaved | None:
        try:
            return await replicas[number % REPLICAS].save(workflow.id, state(f"return {number}"), expected=1)
        except Conflict:
            return None

    results = await asyncio.gather(*(save(number) for number in range(10)))
    winner = next(number for number, result in enumerate(results) if result)
    assert sum(result is not None for result in results) == 1
    assert (await replicas[0].draft(workflow.id)).state == state(f"return {winner}")


async def test_concurrent_changes_of_name_and_description_are_both_stored(
    replicas: list[DeployCaller],
) -> None:
    workflow = await replicas[0].create(state())
    await replicas[0].deploy(workflow.id)
    path = at(workflow.id, "versions/1")
    for n in range(10):
        name, description = (contracts.UpdateVersion(name=f"N{n}"), contracts.UpdateVersion(description=f"D{n}"))
        await asyncio.gather(
            replicas[0].http.call("PATCH", path, body=name), replicas[1].http.call("PATCH", path, body=description)
        )
        found = (await replicas[0].http.call("GET", path, returns=contracts.VersionDetail)).version
        assert (found.name, found.description) == (f"N{n}", f"D{n}")


async def test_a_concurrent_deploy_does_not_revert_an_access_change(replicas: list[DeployCaller]) -> None:
    workflow = await replicas[0].create(state())
    public = contracts.UpdateAccess(is_public=True, description="open to all")
    changes: list[Change] = [partial(replicas[0].deploy, workflow.id) for _ in range(10)]
    changes.append(partial(replicas[1].http.call, "PATCH", at(workflow.id, "access"), body=public))
    await asyncio.gather(*map(retrying, changes))
    endpoint = await replicas[0].endpoint(workflow.id)
    assert (endpoint.is_public, endpoint.version) == (True, 10)


async def test_a_workflow_that_is_deleted_while_it_is_published_gives_its_address_up(
    replicas: list[DeployCaller],
) -> None:
    async def both(n: int) -> Chat | None:
        workflow = await replicas[0].create(state())
        settings = ChatSettings(identifier=f"desk-{n}", title="T")
        publish = replicas[0].http.call("POST", "/internal/chats", body=CreateChat("ws", workflow.id, settings))
        delete = replicas[1].http.call("DELETE", at(workflow.id))
        await asyncio.gather(publish, delete, return_exceptions=True)
        path = f"/internal/chats/at/{settings.identifier}"
        return (await replicas[0].http.call("GET", path, returns=ChatLookup)).chat

    assert await asyncio.gather(*map(both, range(40))) == [None] * 40
