"""`make engine-check`, without Docker: its error messages and its coverage."""

import os
import re
from pathlib import Path

import pytest
import yaml
from tests.engine import composed
from tests.engine.daemon import NO_ROOT, Engine, EngineFailed, without_hosts
from tests.support.dockerfile import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def test_without_root_it_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EngineFailed, match="sudo make engine-check") as failed, Engine(tmp_path):
        pytest.fail("it must not start")
    assert str(failed.value) == NO_ROOT


def test_where_docker_cannot_start_it_gives_the_reason_and_a_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    reason = "failed to start daemon: Devices cgroup isn't mounted"
    for name, script in (("dockerd", f'echo "{reason}" >&2; exit 1'), ("docker", "exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(EngineFailed) as failed, Engine(tmp_path):
        pytest.fail("it must not start")
    assert f"Docker cannot start here: {reason}" in str(failed.value)
    assert "sudo dockerd" in str(failed.value)


def test_output_of_a_failed_command_names_no_host() -> None:
    output = "E: Failed to fetch https://mirror.internal:8443/debian/dists/trixie/InRelease\nERROR: exit code 100"
    assert without_hosts(output) == "E: Failed to fetch https://…/debian/dists/trixie/InRelease\nERROR: exit code 100"


def test_it_starts_everything_but_grafana() -> None:
    services = yaml.safe_load(composed.COMPOSE.read_text())["services"]
    started = set(composed.STARTED)
    while more := {name for each in started for name in services[each].get("depends_on", ())} - started:
        started |= more
    on_demand = {name for name, service in services.items() if "profiles" in service}
    assert set(services) - started - on_demand == {"grafana"}


def test_make_test_runs_the_short_form_and_installs_docker_before() -> None:
    assert re.search(r"^CHECKS := .*\bengine-short\b", MAKEFILE, re.MULTILINE)
    assert re.search(r"^TEST_DEBIAN := .*\$\(DOCKER\)", MAKEFILE, re.MULTILINE)
