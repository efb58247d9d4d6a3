"""`flowport keys`: API keys of the workspace. Needs a key with the admin scope."""

from typing import Annotated, Final

import typer

from flowport.client.door import path
from flowport.commands.session import Session, command

keys_app = typer.Typer(help="API keys of the workspace.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Id of the key.")]
COLUMNS: Final = ("id", "name", "displayKey", "scopes", "createdAt", "lastUsed", "expiresAt")


@command(keys_app, "list")
def list_keys(session: Session) -> None:
    """Show every key, masked."""
    session.output.rows(COLUMNS, session.door.call("GET", _keys(session))["keys"])


@command(keys_app)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="execute, read, deploy, admin; may be repeated.")
    ] = None,
    workflow: Annotated[
        list[str] | None, typer.Option("--workflow", help="Only for this workflow; may be repeated.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="When it ends, as 2027-01-31T00:00:00Z.")] = None,
) -> None:
    """Make a key, and print it this once."""
    body: dict[str, object] = {"name": name}
    if scope:
        body["scopes"] = scope
    if workflow:
        body["workflowIds"] = [session.door.workflow_id(one) for one in workflow]
    if expires:
        body["expiresAt"] = expires
    _print_new(session, session.door.call("POST", _keys(session), body=body)["key"])


@command(keys_app)
def rotate(
    session: Session,
    key: KeyId,
    overlap: Annotated[int, typer.Option(min=0, help="For how many seconds the old one stays good.")] = 0,
) -> None:
    """Replace a key by a new one, and print that this once."""
    made = session.door.call("POST", _keys(session, key, "rotate"), body={"overlapSeconds": overlap})["key"]
    _print_new(session, made)


@command(keys_app)
def revoke(session: Session, key: KeyId) -> None:
    """End a key. It is refused within a second, everywhere."""
    session.door.call("DELETE", _keys(session, key))
    session.output.note(f"{key} opens nothing any more")


def _keys(session: Session, *parts: str) -> str:
    return path("workspaces", session.door.workspace_id, "api-keys", *parts)


def _print_new(session: Session, key: dict[str, object]) -> None:
    if session.output.as_json:
        session.output.json(key)
    else:
        session.output.line(str(key["key"]))
        session.output.note(f"Id {key['id']}. The key is not shown again.")
