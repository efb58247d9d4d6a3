"""The wheels of `make dist`, installed into an empty environment from the wheels and the package index alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.support.up import SECONDS, up
from tools.dist import build_wheels

ROOT: Final = Path(__file__).parents[3]
UV: Final = Path(sys.executable).with_name("uv")
CLIENT_BYTES: Final = 42_000_000
LOCAL: Final = ("up", "stack")
ADMINISTRATION: Final = (
    "doctor",
    "indexes apply",
    "indexes check",
    "topology apply http://user:password@127.0.0.1:1",
    "topology check http://user:password@127.0.0.1:1",
)
EACH: Final = """
import sys
from flowport.main import main

for command in sys.argv[1:]:
    sys.argv[1:] = command.split()
    try:
        main()
    except SystemExit as ended:
        print(ended.code)
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with what `install` put into it."""

    folder: Path
    wheels: tuple[Path, ...]

    def install(self, extra: str = "", *options: str) -> None:
        """Install `flowport` from the wheels, and its requirements as requirements.lock pins them."""
        client, *others = sorted(self.wheels, key=lambda wheel: not wheel.name.startswith("flowport-"))
        needed = others if extra else [wheel for wheel in others if wheel.name.startswith("flowport_shared-")]
        where = ("--python", self.folder / "bin/python", "--constraint", ROOT / "requirements.lock")
        _run(UV, "pip", "install", "--quiet", *where, *options, f"flowport{extra} @ {client.as_uri()}", *needed)

    def flowport(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command."""
        return self._run(self.folder / "bin/flowport", *arguments, **variables)

    def run_each(self, *commands: str) -> subprocess.CompletedProcess[str]:
        """Run several commands in one process of the environment, which prints their exit codes."""
        return self._run(self.folder / "bin/python", "-I", "-c", EACH, *commands)

    def _run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=_clean_environment() | variables,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("FLOWPORT_", "SIM_", "PYTHON"))}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return tuple(build_wheels(tmp_path_factory.mktemp("dist")))


@pytest.fixture
def environment(wheels: tuple[Path, ...], tmp_path: Path) -> Iterator[Environment]:
    folder = tmp_path / "environment"
    _run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    yield Environment(folder, wheels)


def test_the_client_is_small_and_names_the_command_that_adds_the_services(environment: Environment) -> None:
    environment.install("", "--compile-bytecode")
    installed = sum(file.lstat().st_size for file in (environment.folder / "lib").rglob("*") if file.is_file())
    assert installed <= CLIENT_BYTES

    embedded = 'pip install "$(ls dist/flowport-*.whl)[embedded]" dist/flowport_*.whl'
    for hint, commands in ((embedded, LOCAL), ("pip install dist/*.whl", ADMINISTRATION)):
        refused = environment.run_each(*commands)
        assert refused.stdout.split() == ["1"] * len(commands)
        assert refused.stderr.count(hint) == len(commands), refused.stderr


def test_the_embedded_extra_starts_the_system_and_streams_a_token(environment: Environment, free_port: int) -> None:
    environment.install("[embedded]")
    program = (environment.folder / "bin/flowport",)
    home = environment.folder / ".flowport"
    with up(environment.folder, free_port, "--json", program=program) as started:
        started.await_ready("}\n")
        document = json.loads(started.output)
        answered = environment.flowport("run", "Summarise", "--stream", "-f", "input=Hello", FLOWPORT_HOME=str(home))
        page = httpx2.get(document["url"], headers={"accept": "text/html"}, timeout=30, trust_env=False)
    assert "Hello" in answered.stdout, answered.stderr
    assert "summarise" in document["workflows"]
    assert '<div id="root">' in page.text
