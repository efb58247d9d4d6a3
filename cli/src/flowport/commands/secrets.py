"""`flowport secrets`: values that workflows use as {{NAME}}. They can be set and never read back."""

from typing import Annotated

import typer
from rich.prompt import Prompt

from flowport.client.door import path
from flowport.commands.session import Session, command
from flowport.given import STANDARD_INPUT, content_of, standard_input, text_of

secrets_app = typer.Typer(help="Environment values of the workspace.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What workflows call it.")]


@command(secrets_app, "list")
def list_names(session: Session) -> None:
    """Show which there are."""
    session.output.rows(("name", "updatedAt", "updatedBy"), session.door.call("GET", _values(session))["data"])


@command(secrets_app, "set")
def set_value(session: Session, name: Name) -> None:
    """Set one. The value is asked for, or read from standard input: arguments can be seen by others."""
    value = Prompt.ask(name, password=True) if standard_input().isatty() else _piped().removesuffix("\n")
    session.door.call("PUT", _values(session, name), body={"value": value})
    session.output.done({"name": name, "set": True}, f"{name} is set")


@command(secrets_app)
def delete(session: Session, name: Name) -> None:
    """Forget one."""
    session.door.call("DELETE", _values(session, name))
    session.output.done({"name": name, "deleted": True}, f"{name} is gone")


def _piped() -> str:
    return text_of(content_of(STANDARD_INPUT), "the value")


def _values(session: Session, *parts: str) -> str:
    return path("workspaces", session.door.workspace_id, "environment", *parts)
