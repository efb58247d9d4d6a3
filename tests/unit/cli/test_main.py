"""The command as a whole: help, and a reader that stops reading."""

import subprocess
import sys

import pytest
from tests.support.command_line import CommandLine


@pytest.mark.parametrize("command", [(), ("runs",), ("runs", "list"), ("deploy",)])
def test_every_command_has_a_short_option_for_help(command: tuple[str, ...]) -> None:
    short, long = (CommandLine({})(*command, option) for option in ("-h", "--help"))
    assert (short.code, short.out) == (0, long.out)


def test_a_closed_pipe_is_no_error() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-m", "flowport", "schema"], stdout=pipe, stderr=pipe, text=True) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert (command.stderr.read(), command.wait(60)) == ("", 0)
