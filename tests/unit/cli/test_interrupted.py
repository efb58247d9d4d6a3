"""Ctrl-C during the start of a command."""

import os
import tomllib
from pathlib import Path

from tests.support.command_line import CommandLine

INTERRUPT = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(10)\n"
CLI = Path(__file__).parents[3] / "cli/pyproject.toml"


def test_ctrl_c_during_the_imports_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(INTERRUPT)  # an early import
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with CommandLine({"PYTHONPATH": path}).started("--version") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_the_installed_command_has_this_entry_point() -> None:
    assert tomllib.loads(CLI.read_text())["project"]["scripts"] == {"flowport": "flowport.__main__:main"}
