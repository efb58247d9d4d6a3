"""`flowport keys`: API keys of the workspace. Needs a key with the admin scope."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from flowport.client.door import JsonObject, is_id, path
from flowport.client.errors import Missing
from flowport.commands.session import Session, command
from flowport.failures import CommandFailed

keys_app = typer.Typer(help="API keys of the workspace.", no_args_is_help=True)

KeyName = Annotated[str, typer.Argument(metavar="KEY", help="Id or name of the key.")]
COLUMNS: Final = ("id", "name", "displayKey", "scopes", "createdAt", "lastUsed", "expiresAt")


@command(keys_app, "list")
def list_keys(session: Session) -> None:
    """Show every key, masked."""
    session.output.rows(COLUMNS, _listed(session))


@command(keys_app)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="execute, read, write, deploy, approve, admin; may be repeated.")
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
    key: KeyName,
    overlap: Annotated[int, typer.Option(min=0, help="For how many seconds the old one stays good.")] = 0,
) -> None:
    """Replace a key by a new one, and print that this once."""
    route = _keys(session, _id_of(session, key), "rotate")
    _print_new(session, session.door.call("POST", route, body={"overlapSeconds": overlap})["key"])


@command(keys_app)
def revoke(session: Session, key: KeyName) -> None:
    """End a key. It is refused within a second, everywhere."""
    session.door.call("DELETE", _keys(session, _id_of(session, key)))
    session.output.done({"key": key, "revoked": True}, f"{key} opens nothing any more")


def _id_of(session: Session, key: str) -> str:
    """A key that was replaced keeps its name, and counts no more once it opens nothing."""
    if is_id(key):
        return key
    named = [one for one in _listed(session) if one["name"] == key]
    good = [one["id"] for one in named if not _is_over(one)] or [one["id"] for one in named]
    if not good:
        raise Missing(f"there is no key named {key!r}")
    if len(good) > 1:
        raise CommandFailed(f"{len(good)} keys are named {key!r}, use an id: {', '.join(good)}")
    return str(good[0])


def _is_over(key: JsonObject) -> bool:
    return key["expiresAt"] is not None and datetime.fromisoformat(key["expiresAt"]) <= datetime.now(UTC)


def _listed(session: Session) -> list[JsonObject]:
    found: list[JsonObject] = session.door.call("GET", _keys(session))["keys"]
    return found


def _keys(session: Session, *parts: str) -> str:
    return path("workspaces", session.door.workspace_id, "api-keys", *parts)


def _print_new(session: Session, key: dict[str, object]) -> None:
    if session.output.as_json:
        session.output.json(key)
    else:
        session.output.line(str(key["key"]))
        session.output.note(f"Id {key['id']}. The key is not shown again.")
