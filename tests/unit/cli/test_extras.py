"""Errors of commands whose extra is not installed."""

import re
from pathlib import Path
from typing import Final

import pytest

from flowport import extras
from flowport.extras import Extra, ExtraNotInstalled, install_command, require_services

PAGE: Final = Path(__file__).parents[3] / "docs/operations/cli.md"


@pytest.mark.parametrize("extra", Extra)
def test_the_command_to_install_an_extra_is_that_of_the_documentation(extra: Extra) -> None:
    documented = re.search(rf"^\| `{extra}` \| `(.+?)` \|", PAGE.read_text(), re.MULTILINE)
    assert documented is not None
    assert install_command(extra).startswith(f"pip install {documented[1]} ")


def test_a_command_without_its_services_names_the_command_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_SERVICES", ("flowport-gateway", "flowport-not-installed"))
    with pytest.raises(ExtraNotInstalled, match=r"`flowport up` needs .*pip install"):
        require_services("flowport up", Extra.EMBEDDED)


def test_a_command_with_its_services_runs() -> None:
    require_services("flowport up", Extra.EMBEDDED)
