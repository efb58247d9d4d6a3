"""Ctrl-C, however early it comes."""

import os
import tomllib
from pathlib import Path

from tests.support.command_line import CommandLine

AT_ONCE = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(10)\n"
CLI = Path(__file__).parents[3] / "cli/pyproject.toml"


def test_a_command_that_is_interrupted_before_it_is_imported_ends_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(AT_ONCE)  # imported long before a command is known
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with CommandLine({"PYTHONPATH": path}).started("--version") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_the_installed_command_begins_there() -> None:
    assert tomllib.loads(CLI.read_text())["project"]["scripts"] == {"flowport": "flowport.__main__:main"}
