"""Errors of commands: a message for users and an exit code for scripts (docs/operations/cli.md)."""


class CommandFailed(Exception):
    """The command failed."""

    exit_code = 1
