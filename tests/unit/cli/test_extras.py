"""Errors of commands whose extra is not installed."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from flowport import extras
from flowport.extras import Extra, ExtraNotInstalled, install_command, require_services

WANTED = f"'flowport[embedded]=={version('flowport')}'"


@pytest.mark.parametrize(
    ("mark", "command"),
    [
        ("pyvenv.cfg", f"pip install {WANTED}"),
        ("pipx_metadata.json", f"pipx install --force {WANTED}"),
        ("uv-receipt.toml", f"uv tool install {WANTED}"),
    ],
)
def test_the_command_to_install_is_that_of_the_installer_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str, command: str
) -> None:
    (tmp_path / mark).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert install_command(Extra.EMBEDDED) == command


def test_a_command_without_its_services_names_the_command_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_SERVICES", ("flowport-gateway", "flowport-not-installed"))
    with pytest.raises(ExtraNotInstalled, match=r"`flowport up` needs .*pip install 'flowport\[embedded\]"):
        require_services("flowport up", Extra.EMBEDDED)


def test_a_command_with_its_services_runs() -> None:
    require_services("flowport up", Extra.EMBEDDED)
