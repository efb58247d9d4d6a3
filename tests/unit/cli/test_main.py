"""The command as a whole: help, and a reader that stops reading."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from tests.support.command_line import CommandLine

from flowport.main import app


@pytest.mark.parametrize("command", [(), ("runs",), ("runs", "list"), ("deploy",)])
def test_every_command_has_a_short_option_for_help(command: tuple[str, ...]) -> None:
    short, long = (CommandLine({})(*command, option) for option in ("-h", "--help"))
    assert (short.code, short.out) == (0, long.out)


def commands(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for each in group.registered_commands:
        yield (*path, str(each.name or getattr(each.callback, "__name__", "")))
    for inner in group.registered_groups:
        assert isinstance(inner.typer_instance, typer.Typer)
        yield from commands(inner.typer_instance, (*path, str(inner.name)))


@pytest.mark.parametrize("command", list(commands(app)), ids=" ".join)
def test_the_help_of_every_command_has_an_example(command: tuple[str, ...]) -> None:
    shown = CommandLine({"COLUMNS": "200"})(*command, "--help")
    assert f"Example: flowport {' '.join(command)}" in shown.out, shown


def test_a_closed_pipe_is_not_an_error() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-m", "flowport", "schema"], stdout=pipe, stderr=pipe, text=True) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert (command.stderr.read(), command.wait(60)) == ("", 0)
