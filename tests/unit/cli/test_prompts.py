"""Commands that prompt on a terminal: standard output has results only."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENDS_WITHIN_SECONDS = 60


@pytest.mark.parametrize(("command", "prompt"), [("secrets set NAME", "NAME:"), ("login", "API key:")])
def test_a_prompt_for_a_secret_goes_to_standard_error(command: str, prompt: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "FLOWPORT_API_KEY": "key",
        "FLOWPORT_URL": "http://127.0.0.1:1",
        "FLOWPORT_WORKSPACE_ID": "w1",
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    keyboard, terminal = os.openpty()
    started = [sys.executable, "-m", "flowport", *command.split()]
    pipe = subprocess.PIPE
    # In a session without a terminal of its own, getpass reads standard input.
    with subprocess.Popen(
        started, stdin=terminal, stdout=pipe, stderr=pipe, env=environment, text=True, start_new_session=True
    ) as process:
        ends = time.monotonic() + ENDS_WITHIN_SECONDS
        while process.poll() is None and time.monotonic() < ends:
            os.write(keyboard, b"value\n")  # again and again: getpass discards what was typed before it
            time.sleep(0.1)
        process.kill()
        out, err = process.communicate()
    os.close(keyboard)
    os.close(terminal)
    assert out == ""
    assert prompt in err
    assert "value" not in err
    assert "127.0.0.1:1 is unavailable" in err
