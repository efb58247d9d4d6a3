"""Commands that need input fail with a message when standard input is closed, as under a scheduler."""

import sys
from uuid import UUID

import pytest

from flowport.main import main


@pytest.mark.parametrize("command", ["import -", "secrets set NAME", "login", f"workflows archive {UUID(int=1)}"])
def test_a_command_without_input_reports_the_closed_standard_input(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLOWPORT_API_KEY", "key")
    monkeypatch.setenv("FLOWPORT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("FLOWPORT_WORKSPACE_ID", "w1")
    monkeypatch.setattr(sys, "argv", ["flowport", *command.split()])
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "standard input is closed" in capsys.readouterr().err
