"""A deploy interrupted between its writes: the old or the new version is live, never none and never a mixture."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from tests.support.deploy import DeployCaller, at, deploy_service, state

from deploy_service.adapters.mongo_publications import MongoPublications
from deploy_service.adapters.mongo_snapshots import MongoSnapshots
from deploy_service.adapters.mongo_versions import MongoVersions
from deploy_service.adapters.mongo_workflows import MongoWorkflows
from deploy_service.bootstrap import open_store
from deploy_service.domain.content import Snapshot
from deploy_service.domain.publications import CHAT
from deploy_service.domain.workflow import Version, Workflow
from deploy_service.settings import DeploySettings
from shared.contracts.chats import Chat, ChatLookup, ChatSettings, CreateChat
from shared.errors import NotFound
from shared.store.client import Store


class Killed(BaseException):
    """The process ends here; no handler of ours may treat it as an error."""


class Fuse:
    """Kills the process at a named write, once, before or after the write is done."""

    def __init__(self) -> None:
        self.point: tuple[str, str] | None = None

    def pass_by(self, moment: str, write: str) -> None:
        if self.point == (moment, write):
            self.point = None
            raise Killed(write)


class FusedSnapshots(MongoSnapshots):
    def __init__(self, store: Store, fuse: Fuse) -> None:
        super().__init__(store)
        self._fuse = fuse

    async def put(self, snapshot: Snapshot) -> None:
        self._fuse.pass_by("before", "snapshot")
        await super().put(snapshot)
        self._fuse.pass_by("after", "snapshot")


class FusedVersions(MongoVersions):
    def __init__(self, store: Store, fuse: Fuse) -> None:
        super().__init__(store)
        self._fuse = fuse

    async def add(self, version: Version) -> bool:
        self._fuse.pass_by("before", "version")
        added = await super().add(version)
        self._fuse.pass_by("after", "version")
        return added


class FusedWorkflows(MongoWorkflows):
    def __init__(self, store: Store, fuse: Fuse) -> None:
        super().__init__(store)
        self._fuse = fuse

    async def add(self, workflow: Workflow) -> None:
        self._fuse.pass_by("before", "workflow")
        await super().add(workflow)

    async def replace(self, workflow: Workflow, *, expected_revision: int) -> bool:
        self._fuse.pass_by("before", "pointer")
        replaced = await super().replace(workflow, expected_revision=expected_revision)
        self._fuse.pass_by("after", "pointer")
        return replaced


class FusedChats(MongoPublications[Chat]):
    def __init__(self, store: Store, fuse: Fuse) -> None:
        super().__init__(store, CHAT)
        self._fuse = fuse

    async def delete_of(self, workflow_id: str) -> None:
        self._fuse.pass_by("before", "chat")
        await super().delete_of(workflow_id)
        self._fuse.pass_by("after", "chat")


@pytest.fixture
def fuse() -> Fuse:
    return Fuse()


@pytest.fixture
async def fragile(settings: DeploySettings, fuse: Fuse) -> AsyncIterator[DeployCaller]:
    store = open_store(settings)
    parts = {
        "store": store,
        "workflows": FusedWorkflows(store, fuse),
        "snapshots": FusedSnapshots(store, fuse),
        "versions": FusedVersions(store, fuse),
        "chats": FusedChats(store, fuse),
    }
    async with deploy_service(settings, **parts) as caller:
        yield caller


DEPLOY_WRITES = [(moment, write) for write in ("snapshot", "version", "pointer") for moment in ("before", "after")]


@pytest.mark.parametrize("point", DEPLOY_WRITES, ids=" ".join)
async def test_a_killed_deploy_leaves_the_old_version_or_the_new_one(
    fragile: DeployCaller, settings: DeploySettings, fuse: Fuse, point: tuple[str, str]
) -> None:
    workflow = await fragile.create(state("return 'old'"))
    old = await fragile.deploy(workflow.id)
    await fragile.save(workflow.id, state("return 'new'"))
    fuse.point = point
    with pytest.raises(Killed):
        await fragile.deploy(workflow.id)
    async with deploy_service(settings) as again:
        endpoint = await again.endpoint(workflow.id)
        went_live = point == ("after", "pointer")
        assert endpoint.version == (2 if went_live else 1)
        assert (endpoint.snapshot_hash == old.endpoint.snapshot_hash) is not went_live
        number = (await again.deploy(workflow.id)).version.number
        numbers = await again.numbers(workflow.id)
        assert numbers == list(range(number, 0, -1))
        assert (await again.endpoint(workflow.id)).version == number


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_killed_promote_leaves_the_old_version_or_the_new_one(
    fragile: DeployCaller, settings: DeploySettings, fuse: Fuse, moment: str
) -> None:
    workflow = await fragile.create(state("return 1"))
    await fragile.deploy(workflow.id)
    await fragile.save(workflow.id, state("return 2"))
    await fragile.deploy(workflow.id)
    fuse.point = (moment, "pointer")
    with pytest.raises(Killed):
        await fragile.promote(workflow.id, 1)
    async with deploy_service(settings) as again:
        assert (await again.endpoint(workflow.id)).version == (1 if moment == "after" else 2)
        assert await again.numbers(workflow.id) == [2, 1]


async def test_a_first_deploy_killed_before_its_pointer_leaves_an_undeployed_workflow(
    fragile: DeployCaller, fuse: Fuse
) -> None:
    workflow = await fragile.create(state())
    fuse.point = ("after", "version")
    with pytest.raises(Killed):
        await fragile.deploy(workflow.id)
    assert not (await fragile.endpoint(workflow.id)).is_deployed
    assert (await fragile.deploy(workflow.id)).version.number == 2
    assert await fragile.numbers(workflow.id) == [2, 1]


async def test_a_version_left_behind_by_a_killed_deploy_can_be_promoted(fragile: DeployCaller, fuse: Fuse) -> None:
    workflow = await fragile.create(state())
    fuse.point = ("after", "version")
    with pytest.raises(Killed):
        await fragile.deploy(workflow.id)
    assert (await fragile.promote(workflow.id, 1)).endpoint.version == 1
    assert (await fragile.deploy(workflow.id)).version.number == 2


async def test_a_creation_killed_half_way_leaves_no_workflow(fragile: DeployCaller, fuse: Fuse) -> None:
    fuse.point = ("before", "workflow")
    with pytest.raises(Killed):
        await fragile.create(state())
    listed = await fragile.http.call("GET", "/internal/workflows?workspace_id=ws", returns=dict)
    assert listed["workflows"] == []


ARCHIVE_WRITES = [(moment, write) for write in ("chat", "pointer") for moment in ("before", "after")]


@pytest.mark.parametrize("point", ARCHIVE_WRITES, ids=" ".join)
async def test_an_interrupted_archive_is_completed_by_the_next_one_and_reserves_no_address(
    fragile: DeployCaller, settings: DeploySettings, fuse: Fuse, point: tuple[str, str]
) -> None:
    workflow = await fragile.create(state())
    chat = CreateChat("ws", workflow.id, ChatSettings(identifier="help-desk", title="Help"))
    await fragile.http.call("POST", "/internal/chats", body=chat, returns=Chat)
    fuse.point = point
    with pytest.raises(Killed):
        await fragile.http.call("DELETE", at(workflow.id))
    async with deploy_service(settings) as again:
        with suppress(NotFound):
            await again.http.call("DELETE", at(workflow.id))
        with pytest.raises(NotFound):
            await again.endpoint(workflow.id)
        assert (await again.http.call("GET", "/internal/chats/at/help-desk", returns=ChatLookup)).chat is None
