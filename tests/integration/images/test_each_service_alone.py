"""The commands of the Dockerfile's build stages, run here: a service has everything that it imports, and no other
service."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.service import ServiceName

ROOT = Path(__file__).parents[3]
UV = Path(sys.executable).with_name("uv")
LATER = ("anthropic", "google.genai", "mcp", "openai", "rich")
"""Large libraries that few processes need: the first use loads them."""
SHOW = f"import sys; print(own.__file__, common.__file__, *sys.modules.keys() & {LATER})"
PACKAGES = {service.value: service.value.replace("-", "_") for service in ServiceName}


def run(*command: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def install_command(service: str) -> list[str]:
    """Return the commands of the image's build stage."""
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    stage = dockerfile.partition(f"AS build-{service}\n")[2].partition("\nFROM ")[0]
    found = re.search(r"^RUN uv (pip install .*?)(?: \\)?$", stage, re.MULTILINE)
    assert found is not None
    return found[1].split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder whose environment each test replaces: at one path, the bytecode of shared libraries is compiled once."""
    return tmp_path_factory.mktemp("alone")


@pytest.mark.parametrize("service", PACKAGES)
def test_an_image_contains_everything_its_service_needs(service: str, folder: Path) -> None:
    environment, package = folder / "environment", PACKAGES[service]
    made = run(UV, "venv", "--clear", "--quiet", "--python", sys.executable, environment)
    assert made.returncode == 0, made.stderr
    installed = run(UV, *install_command(service), "--python", environment)
    assert installed.returncode == 0, installed.stderr
    python = (environment / "bin/python", "-I", "-X", f"pycache_prefix={folder / 'bytecode'}")
    root = "gateway.app" if package == "gateway" else f"{package}.bootstrap"
    imports = f"import runpy, {root} as own, shared.errors as common; {SHOW}"
    start = f"runpy.run_module('{package}.main', run_name='__main__')"
    refused = run(*python, "-c", f"{imports}\n{start}", environment={"FLOWPORT_DRAIN_SECONDS": "soon"})
    assert "FLOWPORT_DRAIN_SECONDS=soon" in refused.stderr
    own, common, *loaded = refused.stdout.split()
    assert all(Path(file).is_relative_to(environment) for file in (own, common)), "only a link to its source"
    assert loaded == []
    for other in set(PACKAGES.values()) - {package}:
        assert run(*python, "-c", f"import {other}").returncode == 1
