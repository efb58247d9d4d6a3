"""`flowport keys`: API keys of the workspace. Requires a key with the admin scope."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from flowport.client.api_client import JsonObject, api_path, is_id
from flowport.client.errors import NotFound
from flowport.commands.session import Session, command
from flowport.errors import CommandFailed

keys_app = typer.Typer(help="API keys of the workspace.", no_args_is_help=True)

KeyName = Annotated[str, typer.Argument(metavar="KEY", help="Id or name of the key.")]
COLUMNS: Final = ("id", "name", "displayKey", "scopes", "createdAt", "lastUsed", "expiresAt")


@command(keys_app, "list")
def list_keys(session: Session) -> None:
    """List API keys. Secrets are masked.

    Example: flowport keys list
    """
    session.output.print_rows(COLUMNS, _fetch_keys(session))


@command(keys_app)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="execute, read, write, deploy, approve or admin. Repeatable.")
    ] = None,
    workflow: Annotated[
        list[str] | None, typer.Option("--workflow", help="Restrict the key to this workflow. Repeatable.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="Expiry time, e.g. 2027-01-31T00:00:00Z.")] = None,
) -> None:
    """Create an API key and print it. It is not shown again.

    Example: flowport keys create ci --scope deploy --scope execute
    """
    body: dict[str, object] = {"name": name}
    if scope:
        body["scopes"] = scope
    if workflow:
        body["workflowIds"] = [session.client.workflow_id(one) for one in workflow]
    if expires:
        body["expiresAt"] = expires
    _print_new(session, session.client.call("POST", _keys_path(session), body=body)["key"])


@command(keys_app)
def rotate(
    session: Session,
    key: KeyName,
    overlap: Annotated[int, typer.Option(min=0, help="Seconds during which the old key stays valid.")] = 0,
) -> None:
    """Rotate an API key and print the new one. It is not shown again.

    Example: flowport keys rotate ci
    """
    route = _keys_path(session, _resolve_key_id(session, key), "rotate")
    _print_new(session, session.client.call("POST", route, body={"overlapSeconds": overlap})["key"])


@command(keys_app)
def revoke(session: Session, key: KeyName) -> None:
    """Revoke an API key. Every process rejects it within one second.

    Example: flowport keys revoke ci
    """
    session.client.call("DELETE", _keys_path(session, _resolve_key_id(session, key)))
    session.output.print_done({"key": key, "revoked": True}, f"Revoked key {key}")


def _resolve_key_id(session: Session, key: str) -> str:
    """Return the id of a key. Expired keys count only when no valid key has the name."""
    if is_id(key):
        return key
    named = [one for one in _fetch_keys(session) if one["name"] == key]
    ids = [one["id"] for one in named if not _is_expired(one)] or [one["id"] for one in named]
    if not ids:
        raise NotFound(f"key {key!r} not found")
    if len(ids) > 1:
        raise CommandFailed(f"{len(ids)} keys are named {key!r}. Use one of these ids: {', '.join(ids)}")
    return str(ids[0])


def _is_expired(key: JsonObject) -> bool:
    return key["expiresAt"] is not None and datetime.fromisoformat(key["expiresAt"]) <= datetime.now(UTC)


def _fetch_keys(session: Session) -> list[JsonObject]:
    found: list[JsonObject] = session.client.call("GET", _keys_path(session))["keys"]
    return found


def _keys_path(session: Session, *parts: str) -> str:
    return api_path("workspaces", session.client.workspace_id, "api-keys", *parts)


def _print_new(session: Session, key: dict[str, object]) -> None:
    if session.output.as_json:
        session.output.print_json(key)
    else:
        session.output.print_line(str(key["key"]))
        session.output.print_note(f"Id {key['id']}. The key is not shown again.")
