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


@pytest.mark.parametrize("service", PACKAGES)
def test_an_image_contains_everything_its_service_needs(service: str, tmp_path: Path) -> None:
    made = run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path)
    assert made.returncode == 0, made.stderr
    installed = run(UV, *install_command(service), "--python", tmp_path)
    assert installed.returncode == 0, installed.stderr
    python = tmp_path / "bin/python"
    imported = run(python, "-I", "-c", f"import {PACKAGES[service]}.bootstrap as own, shared.errors as common; {SHOW}")
    assert imported.returncode == 0, imported.stderr
    own, common, *loaded = imported.stdout.split()
    assert all(Path(file).is_relative_to(tmp_path) for file in (own, common)), "only a link to its source"
    assert loaded == []
    refused = run(python, "-I", "-m", f"{PACKAGES[service]}.main", environment={"FLOWPORT_DRAIN_SECONDS": "soon"})
    assert "FLOWPORT_DRAIN_SECONDS=soon" in refused.stderr
    for other in set(PACKAGES.values()) - {PACKAGES[service]}:
        assert run(python, "-I", "-c", f"import {other}").returncode == 1
