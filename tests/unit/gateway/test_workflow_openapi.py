"""OpenAPI of a workflow: the inputs of its start block, the outputs of its blocks, its authentication."""

from typing import Any

import schemathesis
from schemathesis.core.result import Ok
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER
from tests.support.workflow_files import START, agent, function, start, workflow

from shared.contracts.deployments import Draft

PATH = "/api/workflows/W/openapi.json"
FIELDS: list[dict[str, Any]] = [
    {"name": "city", "type": "string", "value": "Paris", "description": "Where to look", "required": True},
    {"name": "days", "type": "number", "value": ""},
    {"name": "sure", "type": "boolean"},
    {"name": "more", "type": "object"},
    {"name": "list", "type": "array"},
    {"name": "papers", "type": "file[]"},
    {"name": "odd", "type": "of the future"},
]


def publish(system: System, fields: list[dict[str, Any]] = FIELDS, *, public: bool = False, version: int = 1) -> None:
    begin = start()
    begin["subBlocks"]["inputFormat"]["value"] = fields
    blocks = [begin, agent("a1", "vllm/x", "<start.city>"), function("f1", "return 1")]
    state = workflow("W", blocks, (START, "a1"), ("a1", "f1"))["state"]
    system.deployments.drafts["W"] = Draft(state=state, revision=1, saved_at=NOON)
    system.deployments.put("W", public=public, version=version)


def operation(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/api/workflows/W/execute"]["post"]
    return found


def body_schema(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = operation(document)["requestBody"]["content"]["application/json"]["schema"]
    return found


async def test_it_is_a_description_that_tools_can_read(system: System) -> None:
    publish(system)
    answer = await system.get(PATH)
    assert answer.status == 200
    [read] = schemathesis.openapi.from_dict(answer.json).get_all_operations()
    assert isinstance(read, Ok)
    assert read.ok().path == "/api/workflows/W/execute"


async def test_it_describes_the_workflow_and_not_a_versions_change_note(system: System) -> None:
    publish(system)
    await system.send("PUT", "/api/workflows/W", {"description": "Tells the weather."})
    await system.send("POST", "/api/v1/workflows/W/deploy", {"description": "Quicker now."})
    document = (await system.get(PATH)).json
    assert document["info"]["description"] == "Tells the weather."


async def test_fields_become_properties_with_types_defaults_and_examples(system: System) -> None:
    publish(system)
    document = (await system.get(PATH)).json
    properties = body_schema(document)["properties"]
    assert properties["city"] == {
        "type": "string",
        "description": "Where to look",
        "default": "Paris",
        "examples": ["Paris"],
    }
    assert properties["days"] == {"type": "number", "examples": [42]}
    assert [properties[name].get("type") for name in ("sure", "more", "list", "papers", "odd")] == [
        "boolean",
        "object",
        "array",
        "array",
        None,
    ]
    assert body_schema(document)["required"] == ["city"]
    assert {"stream", "selectedOutputs"} <= properties.keys()
    assert operation(document)["requestBody"]["content"]["application/json"]["example"]["city"] == "Paris"


async def test_without_fields_the_input_is_one_value(system: System) -> None:
    publish(system, [])
    properties = body_schema((await system.get(PATH)).json)["properties"]
    assert properties.keys() == {"input", "stream", "selectedOutputs"}


async def test_a_field_called_like_a_control_is_the_fields_own(system: System) -> None:
    publish(system, [{"name": "stream", "type": "number"}])
    assert body_schema((await system.get(PATH)).json)["properties"]["stream"]["type"] == "number"


async def test_outputs_of_every_block_are_described(system: System) -> None:
    publish(system)
    answers = operation((await system.get(PATH)).json)["responses"]
    output = answers["200"]["content"]["application/json"]["schema"]["properties"]["output"]
    titles = [schema["title"] for schema in output["anyOf"] if schema]
    assert titles == ["Agent 1", "Function 1"]
    assert output["anyOf"][0]["properties"]["content"]["type"] == "string"
    statuses = (200, 202, 400, 401, 402, 403, 404, 408, 409, 413, 429, 500, 503)
    assert answers.keys() == set(map(str, statuses))


async def test_a_key_is_required_unless_the_workflow_is_public(system: System) -> None:
    publish(system)
    assert operation((await system.get(PATH)).json)["security"] == [{"key": []}, {"bearer": []}]
    assert (await system.get(PATH, key=None)).status == 401
    assert (await system.get(PATH, key=system.tenants.issue(OTHER))).status == 403
    publish(system, public=True)
    system.clock.advance(2)
    security = operation((await system.get(PATH, key=None)).json)["security"]
    assert security == [{}, {"key": []}, {"bearer": []}], "queued runs of a public workflow need a key"


async def test_another_version_is_described_with_the_header_that_runs_it(system: System) -> None:
    publish(system, [{"name": "old"}])
    publish(system, [{"name": "new"}], version=2)
    live, pinned = [(await system.get(f"{PATH}{query}")).json for query in ("", "?version=1")]
    assert (live["info"]["version"], pinned["info"]["version"]) == ("2", "1")
    assert "new" in body_schema(live)["properties"]
    assert "old" in body_schema(pinned)["properties"]
    names = [[one["name"] for one in operation(document)["parameters"]] for document in (live, pinned)]
    assert names == [["X-Execution-Mode"], ["X-Execution-Mode", "X-Workflow-Version"]]


async def test_the_page_contains_nothing_of_the_workflow_and_runs_only_our_script(system: System) -> None:
    publish(system)
    page = await system.get("/api/workflows/W/docs", key=None)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert b"Paris" not in page.body
    for name, kind in (("page.js", "text/javascript"), ("page.css", "text/css")):
        file = await system.get(f"/api/docs/{name}", key=None)
        assert (file.status, file.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
