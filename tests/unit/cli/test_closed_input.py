"""Schedulers start commands with standard input closed: what wants to read or ask says so, without a traceback."""

import sys
from uuid import UUID

import pytest

from flowport.main import main


@pytest.mark.parametrize("command", ["import -", "secrets set NAME", "login", f"workflows archive {UUID(int=1)}"])
def test_a_command_that_has_nothing_to_read_from_says_so(
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
