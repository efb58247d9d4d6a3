"""Documents of a newer version, from a roll-out in progress or before a rollback."""

from tests.support.deploy import DeployCaller, at, state
from tests.support.environment import put, values

from deploy_service.bootstrap import open_store
from deploy_service.settings import DeploySettings
from shared.contracts.deployments import UpdateWorkflow, VersionDetail
from shared.contracts.deployments import Workflow as ToldWorkflow


async def test_unknown_fields_of_a_document_are_ignored_and_kept(
    gateway: DeployCaller, executor: DeployCaller, settings: DeploySettings
) -> None:
    workflow = await gateway.create(state())
    deployed = await gateway.deploy(workflow.id)
    await put(gateway, "TOKEN", "secret")
    more = {"workflows": "live.", "versions": "", "drafts": "", "snapshots": "", "environment": "sealed."}
    store = open_store(settings)
    for name, part in more.items():
        await store.collection(name).update_many({}, {"$set": {"later": 1, f"{part}later": 1}})

    assert await gateway.endpoint(workflow.id) == deployed.endpoint
    assert await gateway.numbers(workflow.id) == [1]
    detail = await gateway.http.call("GET", at(workflow.id, "versions/1"), returns=VersionDetail)
    assert detail.version.id == deployed.version.id
    assert (await gateway.draft(workflow.id)).state["blocks"].keys() == state()["blocks"].keys()
    assert await values(executor) == {"TOKEN": "secret"}

    renamed = await gateway.http.call("PATCH", at(workflow.id), body=UpdateWorkflow(name="New"), returns=ToldWorkflow)
    assert renamed.name == "New"
    document = await store.collection("workflows").find_one({"_id": workflow.id})
    await store.stop()
    assert document is not None
    assert (document["name"], document["later"]) == ("New", 1)
