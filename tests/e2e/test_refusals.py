"""Invalid workflows are refused at deployment, with the block's name, and nothing is stored."""

from typing import Any

import pytest
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, block, function, response, start, workflow

CYCLE = workflow(
    "Cycle",
    [start(), function("f1", "return 1", name="First"), function("f2", "return 2", name="Second")],
    (START, "f1"),
    ("f1", "f2"),
    ("f2", "f1"),
)
REFUSED = {
    "an unknown block type": (
        workflow("Unknown", [start(), block("b1", "teleport", "Beam me up")], (START, "b1")),
        "Beam me up",
    ),
    "a cycle": (CYCLE, "First"),
    "a missing required field": (
        workflow("Missing", [start(), block("a1", "agent", "Nameless", messages=[])], (START, "a1")),
        "Nameless",
    ),
    "no start block": (workflow("No start", [response("r1", "{}", name="Lonely")]), "start block"),
}


@pytest.mark.parametrize(("file", "named"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_workflow_that_cannot_run_is_not_deployed(api: PublicApi, file: dict[str, Any], named: str) -> None:
    imported = await api.import_(file)
    if imported.status_code == 201:
        workflow_id = imported.json()["data"]["id"]
        refused = await api.deploy(workflow_id)
        run = await api.run(workflow_id)
        assert (run.status_code, run.json()["error"]) == (403, "Workflow is not deployed")
    else:
        refused = imported
        assert file["workflow"]["name"] not in await api.workflow_names()
    assert refused.status_code == 400, refused.text
    assert named in refused.text


MALFORMED = {
    "no blocks": {"state": {"edges": []}},
    "edges that are no list": {"state": {"blocks": {}, "edges": {}}},
    "a block without a type": {"state": {"blocks": {"b1": {"id": "b1", "position": {"x": 0, "y": 0}}}, "edges": []}},
    "not a workflow": {"hello": "world"},
}


@pytest.mark.parametrize("file", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_file_that_is_not_a_workflow_is_not_imported(api: PublicApi, file: dict[str, Any]) -> None:
    before = await api.workflow_names()
    refused = await api.import_(file)
    assert refused.status_code == 400, refused.text
    assert await api.workflow_names() == before


async def test_a_file_of_more_than_twenty_megabytes_is_too_large(api: PublicApi) -> None:
    before = await api.workflow_names()
    file = workflow("Huge", [start(), function("f1", "x" * 22_000_000)], (START, "f1"))
    assert (await api.import_(file)).status_code == 413
    assert await api.workflow_names() == before
