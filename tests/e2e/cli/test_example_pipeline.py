"""The example pipeline deploys a file whose recorded runs behave as before, and refuses one whose runs do not."""

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.command_line import CommandLine
from tests.support.eventually import until
from tests.support.public_api import PublicApi
from tests.support.up import ROOT
from tests.support.workflow_files import START, function, start, workflow

SCRIPT = ROOT / "examples/pipeline/deploy.sh"


def written(file: Path, code: str) -> None:
    blocks = [start(amount="number"), function("f1", code, name="Price")]
    file.write_text(json.dumps(workflow("Gated", blocks, (START, "f1"))))


async def deployed(flowport: CommandLine, file: Path) -> subprocess.CompletedProcess[str]:
    """Run the script with the command of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(file.parent), "FLOWPORT_HOME": "/nowhere", **flowport.variables}
    run = partial(subprocess.run, ["sh", SCRIPT, file], env=environment, capture_output=True, text=True, check=False)
    return await asyncio.to_thread(run)


async def test_the_pipeline_deploys_a_file_that_behaves_as_before(
    flowport: CommandLine, api: PublicApi, tmp_path: Path
) -> None:
    file = tmp_path / "gated.json"
    written(file, "return <start.amount> * 2")
    first = flowport("deploy", str(file), "--json")
    assert first.code == 0, first.err
    workflow_id = first.json["id"]
    policy = {"recording": {"sample": 1, "days": 1}}
    (await api.http.patch(f"/api/workflows/{workflow_id}/deploy", json=policy)).raise_for_status()
    for amount in (1, 2):
        assert (await api.run(workflow_id, {"amount": amount})).status_code == 200

    async def are_recorded() -> bool:
        found = await api.http.get(f"/api/v2/workflows/{workflow_id}/recordings")
        return len(found.raise_for_status().json()["data"]) == 2

    await until(are_recorded)

    async def live() -> Any:
        state = await api.http.get(f"/api/workflows/{workflow_id}/deploy")
        return state.raise_for_status().json()["activeDeployment"]["version"]

    written(file, "return <start.amount> + <start.amount>")
    passed = await deployed(flowport, file)
    assert passed.returncode == 0, passed.stderr
    assert await live() == 2

    written(file, "return <start.amount> * 3")
    refused = await deployed(flowport, file)
    assert refused.returncode == 1
    assert refused.stdout.count("different\tPrice\tThe output differs") == 2
    assert "the gate refuses: different: 2, allowed: 0" in refused.stderr
    assert await live() == 2
    draft = (await api.http.get(f"/api/workflows/{workflow_id}/state")).raise_for_status().json()
    assert "* 3" not in json.dumps(draft)
