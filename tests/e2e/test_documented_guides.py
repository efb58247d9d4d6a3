"""The commands of the guides run in order, with the files of their pages, and print what the pages show."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.documented_steps import GUIDES, sample_files, steps
from tests.support.model_server import ModelServer, Reply

from flowport.local.stack import Stack

SECONDS = 600
BOUNDARY = "-- end of step --"
RUN = [page for page in GUIDES if steps(page)]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_the_steps_of_a_guide_work_as_written(
    page: Path, stack: Stack, credentials: tuple[str, str], models: ModelServer, tmp_path: Path
) -> None:
    models.answer("writer", Reply.says("Workflows become endpoints."))
    for name, content in sample_files(page).items():
        (tmp_path / name).write_text(content)
    workspace, key = credentials
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWPORT_", "SIM_"))}
    server = {"FLOWPORT_URL": stack.url, "FLOWPORT_API_KEY": key, "FLOWPORT_WORKSPACE_ID": workspace}
    environment = {
        **inherited,
        **server,
        "URL": stack.url,
        "KEY": key,
        "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    script = "".join(f"{step.commands}\necho; echo '{BOUNDARY}'\n" for step in steps(page))
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = done.stdout.split(BOUNDARY)[:-1]
    wrong = [(step, output) for step, output in zip(steps(page), outputs, strict=True) if not step.matches(output)]
    assert wrong == []
