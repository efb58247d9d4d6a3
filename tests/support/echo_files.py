"""Workflow files whose agent echoes its input, for the command line."""

import json
from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.three_modes import ECHO

_DOCUMENT = json.loads(ECHO.read_text())


def write(file: Path, *, name: str, model: str = "echo") -> Path:
    """Write a workflow file with this name."""
    state = {**_DOCUMENT["state"], "metadata": {"name": name}}
    document = {**_DOCUMENT, "workflow": {"name": name}, "state": state}
    file.write_text(json.dumps(document).replace('"echo"', json.dumps(model)))
    return file


def name_of(file: Path) -> str:
    """Return the name of the workflow."""
    return str(json.loads(file.read_text())["workflow"]["name"])


def run_of(flowport: CommandLine, file: Path) -> str:
    """Deploy it and run it to its end; return the run's id."""
    flowport("deploy", str(file))
    return str(flowport("run", name_of(file), "-f", "input=hello", "--json").json["runId"])
