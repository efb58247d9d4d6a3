"""`flowport secrets`: values that workflows use as {{NAME}}. They can be set but not read back."""

from typing import Annotated

import typer
from rich.prompt import Prompt
from rich.text import Text

from flowport.client.api_client import api_path
from flowport.commands.session import Session, command
from flowport.input_files import STANDARD_INPUT, decode_text, read_input, require_stdin

secrets_app = typer.Typer(help="Secrets of the workspace.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the secret.")]


@command(secrets_app, "list")
def list_names(session: Session) -> None:
    """List the names of secrets.

    Example: flowport secrets list
    """
    session.output.print_rows(
        ("name", "updatedAt", "updatedBy"), session.client.call("GET", _values_path(session))["data"]
    )


@command(secrets_app, "set")
def set_value(session: Session, name: Name) -> None:
    """Set a secret. The value is prompted for, or read from standard input, because other users can see arguments.

    Example: flowport secrets set API_TOKEN < token.txt
    """
    if require_stdin().isatty():
        value = Prompt.ask(Text(name), password=True, console=session.output.notes)
    else:
        value = _read_piped_value().removesuffix("\n")
    session.client.call("PUT", _values_path(session, name), body={"value": value})
    session.output.print_done({"name": name, "set": True}, f"Set secret {name}")


@command(secrets_app)
def delete(session: Session, name: Name) -> None:
    """Delete a secret.

    Example: flowport secrets delete API_TOKEN
    """
    session.client.call("DELETE", _values_path(session, name))
    session.output.print_done({"name": name, "deleted": True}, f"Deleted secret {name}")


def _read_piped_value() -> str:
    return decode_text(read_input(STANDARD_INPUT), "the value")


def _values_path(session: Session, *parts: str) -> str:
    return api_path("workspaces", session.client.workspace_id, "environment", *parts)
