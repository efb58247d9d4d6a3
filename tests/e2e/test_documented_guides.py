"""The commands of guides and of API pages work as written, and print what the pages show."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support.documented_steps import API_PAGES, GUIDES, run_steps, sample_files, steps
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.up import ROOT

from flowport.local.stack import Stack

STEPS = {page: steps(page) for page in (*GUIDES, *API_PAGES)}
EXAMPLE = ROOT / "examples/summarise.json"


@pytest.mark.parametrize("page", [page for page in GUIDES if STEPS[page]], ids=lambda page: page.stem)
def test_the_steps_of_a_guide_work_as_written(
    page: Path, stack: Stack, credentials: tuple[str, str], models: ModelServer, tmp_path: Path
) -> None:
    models.answer("writer", Reply.says("Workflows become endpoints."))
    for name, content in sample_files(page).items():
        (tmp_path / name).write_text(content)
    workspace, key = credentials
    server = {"FLOWPORT_URL": stack.url, "FLOWPORT_API_KEY": key, "FLOWPORT_WORKSPACE_ID": workspace}
    outputs = run_steps(STEPS[page], tmp_path, {**server, "URL": stack.url, "KEY": key})
    wrong = [(step, output) for step, output in zip(STEPS[page], outputs, strict=True) if not step.matches(output)]
    assert wrong == []


@pytest.mark.parametrize("page", [page for page in API_PAGES if STEPS[page]], ids=lambda page: page.stem)
async def test_the_calls_of_an_api_page_succeed(
    page: Path, api: PublicApi, credentials: tuple[str, str], tmp_path: Path
) -> None:
    """The page names what it calls by variables: the workflow, its agent, its server of tools, a run."""
    (tmp_path / ".curlrc").write_text("silent\nfail-with-body\n")
    (tmp_path / "workflow.json").write_bytes(EXAMPLE.read_bytes())
    variables = {**await called(api), "WORKSPACE": credentials[0], "KEY": credentials[1], "CURL_HOME": str(tmp_path)}
    outputs = await asyncio.to_thread(run_steps, STEPS[page], tmp_path, variables)
    assert [output for output in outputs if not output.strip() or '"error"' in output] == []


async def called(api: PublicApi) -> dict[str, str]:
    """Return the ids of a workflow with a run, an agent and a server of tools."""
    workflow = await api.publish(json.loads(EXAMPLE.read_bytes()))
    agent = await created(api, "/api/a2a/agents", {"workflowId": workflow})
    run = uuid4().hex
    tools = {"workspaceId": api.workspace_id, "name": f"Tools {run}", "workflowIds": [workflow]}
    server = await created(api, "/api/mcp/workflow-servers", tools)
    path, body = f"/api/v2/workflows/{workflow}/execute", {"stream": True, "input": {"input": "Hello"}}
    (await api.http.post(path, json=body, headers={"x-run-id": run})).raise_for_status()
    return {"URL": api.url, "WORKFLOW": workflow, "AGENT": agent["id"], "SERVER": server["id"], "RUN": run}


async def created(api: PublicApi, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = (await api.http.post(path, json=body)).raise_for_status().json()
    made: dict[str, Any] = answer.get("data", {}).get("server", answer)
    return made
