"""Environment values: sealed at rest, bound to their place, and readable through every rotation of keys."""

import asyncio

import pytest
from tests.support.deploy import DeployCaller, key, running, settings_for, state
from tests.support.environment import put, values

from deploy_service.bootstrap import build, open_store
from deploy_service.settings import DeploySettings
from shared.clients.deploy.worker import NAMES_CHARS, WorkerDeployClient
from shared.contracts.deployments import EnvironmentNames
from shared.errors import InvalidRequest, NotFound, Unavailable
from shared.service import ServiceName


async def test_values_are_replaced_listed_and_deleted(gateway: DeployCaller, executor: DeployCaller) -> None:
    await put(gateway, "B", "1")
    await put(gateway, "A", "")
    await put(gateway, "B", "zwei ✓")
    assert await values(executor) == {"A": "", "B": "zwei ✓"}
    listed = await gateway.http.call("GET", "/internal/environment/ws/names", returns=EnvironmentNames)
    assert [(each.name, each.updated_by) for each in listed.names] == [("A", "member-1"), ("B", "member-1")]
    await gateway.http.call("DELETE", "/internal/environment/ws/names/A")
    assert await values(executor) == {"B": "zwei ✓"}
    with pytest.raises(NotFound):
        await gateway.http.call("DELETE", "/internal/environment/ws/names/A")


async def test_a_worker_is_given_the_values_that_it_names(gateway: DeployCaller, executor: DeployCaller) -> None:
    for name in ("A", "B", "C"):
        await put(gateway, name, f"the workspace's {name}")
        await put(gateway, f"{name}.own", f"ann's {name}", workspace="user:ann")
    deployments = WorkerDeployClient(executor.http)

    named = await deployments.environment("ws", "ann", {"A", "C.own", "NOT.SET"})
    assert named.values == {"A": "the workspace's A", "C.own": "ann's C"}

    too_many = {"B", *(f"NAME_{number}" for number in range(NAMES_CHARS // 8))}
    assert "B" in (await deployments.environment("ws", None, too_many)).values


async def test_listing_names_reads_no_value(gateway: DeployCaller, settings: DeploySettings) -> None:
    workflow = await gateway.create(state("return {{A}} + {{B}}"))
    await put(gateway, "A", "1")
    store = open_store(settings)
    await store.collection("environment").update_many({}, {"$unset": {"sealed": ""}})
    await store.stop()

    listed = await gateway.http.call("GET", "/internal/environment/ws/names", returns=EnvironmentNames)
    assert [each.name for each in listed.names] == ["A"]
    warned = (await gateway.deploy(workflow.id)).warnings
    assert warned == ("These secrets are not set, so their references stay as text: {{B}}",)


async def test_a_deploy_warns_of_values_that_are_not_set(gateway: DeployCaller) -> None:
    """They would stay as typed, and another company's service would receive the text."""
    workflow = await gateway.create(state("return '{{TOKEN}}' + '{{PLACE}}' + `{{ if }}` + environmentVariables.OTHER"))
    await put(gateway, "PLACE", "Lyon")
    await put(gateway, "TOKEN", "s3cret", workspace="another")
    warnings = ("These secrets are not set, so their references stay as text: {{TOKEN}}",)
    assert (await gateway.deploy(workflow.id)).warnings == warnings
    await put(gateway, "TOKEN", "s3cret")
    assert (await gateway.deploy(workflow.id)).warnings == ()
    misspelled = await gateway.create(state("return '{{TOKNE}}'"))
    (warned,) = (await gateway.deploy(misspelled.id)).warnings
    assert warned.endswith("stay as text: {{TOKNE}}. Did you mean {{TOKEN}}?")


@pytest.mark.parametrize("name", ["1A", "A%20B", "%7B%7BA%7D%7D", "A" * 129, "-A"])
async def test_a_name_that_no_reference_can_spell_is_refused(gateway: DeployCaller, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await put(gateway, name, "x")


async def test_a_value_over_its_limit_is_refused(gateway: DeployCaller) -> None:
    with pytest.raises(InvalidRequest):
        await put(gateway, "A", "x" * 65_537)


async def test_at_rest_nothing_of_a_value_can_be_read(gateway: DeployCaller, settings: DeploySettings) -> None:
    await put(gateway, "TOKEN", "correct horse battery staple")
    await put(gateway, "TWIN", "correct horse battery staple")
    store = open_store(settings)
    stored = [document async for document in store.collection("environment").find()]
    assert "horse" not in repr(stored)
    assert len({document["sealed"]["ciphertext"] for document in stored}) == 2
    assert {document["sealed"]["key_id"] for document in stored} == {"k1"}
    await store.stop()


async def test_a_sealed_value_moved_to_another_name_or_workspace_does_not_open(
    gateway: DeployCaller, executor: DeployCaller, settings: DeploySettings
) -> None:
    await put(gateway, "SECRET", "of ws", "ws")
    await put(gateway, "SECRET", "of mine", "mine")
    store = open_store(settings)
    environment = store.collection("environment")
    stolen = await environment.find_one({"workspace_id": "ws"})
    assert stolen is not None
    await environment.update_one({"workspace_id": "mine"}, {"$set": {"sealed": stolen["sealed"]}})
    await store.stop()
    with pytest.raises(Unavailable) as refused:
        await values(executor, "mine")
    assert "of ws" not in refused.value.message


async def test_values_stay_readable_during_a_key_rotation(mongodb_uri: str, mongodb_prefix: str) -> None:
    rings = [key("old"), f"{key('old')},{key('new')}", f"{key('new')},{key('old')}", key("new")]
    for step, ring in enumerate(rings):
        settings = settings_for(mongodb_uri, mongodb_prefix, environment_keys=ring)
        async with running(build(settings)) as app:
            executor = DeployCaller(app, settings, ServiceName.EXECUTOR)
            gateway = DeployCaller(app, settings, ServiceName.GATEWAY)
            if step == 0:
                await put(gateway, "A", "kept")
            assert await values(executor) == {"A": "kept"}
            await executor.http.stop()
            await gateway.http.stop()


async def test_values_with_a_lost_key_do_not_stop_the_reencryption_of_others(
    mongodb_uri: str, mongodb_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.security.rotation.BATCH", 2)
    for ring, names in ((key("lost"), "ABC"), (key("old"), "DEF")):
        settings = settings_for(mongodb_uri, mongodb_prefix, environment_keys=ring)
        async with running(build(settings)) as app:
            gateway = DeployCaller(app, settings, ServiceName.GATEWAY)
            for name in names:
                await put(gateway, name, "x")
            await gateway.http.stop()
    settings = settings_for(mongodb_uri, mongodb_prefix, environment_keys=f"{key('new')},{key('old')}")
    async with running(build(settings)):
        pass
    store = open_store(settings)
    found = [each async for each in store.collection("environment").find().sort("name", 1)]
    await store.stop()
    assert [each["sealed"]["key_id"] for each in found] == ["lost"] * 3 + ["new"] * 3


async def test_a_value_with_a_lost_key_is_an_error(mongodb_uri: str, mongodb_prefix: str) -> None:
    old = settings_for(mongodb_uri, mongodb_prefix, environment_keys=key("old"))
    async with running(build(old)) as app:
        gateway = DeployCaller(app, old, ServiceName.GATEWAY)
        await put(gateway, "A", "x")
        await gateway.http.stop()
    new = settings_for(mongodb_uri, mongodb_prefix, environment_keys=key("new"))
    async with running(build(new)) as app:
        executor = DeployCaller(app, new, ServiceName.EXECUTOR)
        with pytest.raises(Unavailable, match="old"):
            await values(executor)
        await executor.http.stop()


async def test_without_keys_no_value_is_taken(mongodb_uri: str, mongodb_prefix: str) -> None:
    settings = settings_for(mongodb_uri, mongodb_prefix, environment_keys="")
    async with running(build(settings)) as app:
        gateway = DeployCaller(app, settings, ServiceName.GATEWAY)
        with pytest.raises(Unavailable, match="FLOWPORT_ENVIRONMENT_KEYS"):
            await put(gateway, "A", "x")
        await gateway.http.stop()


async def test_a_workspace_holds_a_bounded_number_of_values(
    gateway: DeployCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy_service.application.environment.ENTRIES_LIMIT", 2)
    await put(gateway, "A", "1")
    await put(gateway, "B", "2")
    with pytest.raises(InvalidRequest):
        await put(gateway, "C", "3")
    await put(gateway, "B", "again")
    await put(gateway, "C", "elsewhere", "other")


async def test_concurrent_writes_do_not_exceed_the_limit(
    gateway: DeployCaller, executor: DeployCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy_service.application.environment.ENTRIES_LIMIT", 2)
    results = await asyncio.gather(*(put(gateway, f"V{n}", "1") for n in range(8)), return_exceptions=True)
    assert [type(each) for each in results if each is not None] == [InvalidRequest] * 6
    assert len(await values(executor)) == 2


async def test_personal_values_fill_in_for_missing_workspace_values(
    gateway: DeployCaller, executor: DeployCaller
) -> None:
    await put(gateway, "SHARED", "of all")
    await put(gateway, "SHARED", "mine", workspace="user:ann")
    await put(gateway, "OWN", "mine", workspace="user:ann")
    assert await values(executor) == {"SHARED": "of all"}
    assert await values(executor, "ws?user_id=ann") == {"SHARED": "of all", "OWN": "mine"}
    assert await values(executor, "ws?user_id=bob") == {"SHARED": "of all"}
