"""What a command may fail with: one sentence for people, and an exit code for scripts (docs/operations/cli.md)."""


class CommandFailed(Exception):
    """The command could not do what it was asked."""

    exit_code = 1
