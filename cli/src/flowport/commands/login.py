"""`flowport login` and `flowport profiles`."""

from typing import Annotated

import typer
from rich.prompt import Prompt

from flowport.client.api_client import ApiClient
from flowport.client.errors import NotFound
from flowport.client.profiles import DEFAULT_URL, Profile, ProfileStore, resolve_profile
from flowport.commands.session import AsJson
from flowport.errors import CommandFailed
from flowport.input_files import require_stdin
from flowport.output import Output

profiles_app = typer.Typer(help="Saved servers and API keys.", no_args_is_help=True)

ProfileArgument = Annotated[str, typer.Argument(metavar="PROFILE", help="Name of the profile.")]


def login(
    url: Annotated[str, typer.Option(envvar="FLOWPORT_URL", help="URL of the server.")] = DEFAULT_URL,
    profile: Annotated[str, typer.Option(help="Name of the profile.")] = "default",
    workspace: Annotated[
        str, typer.Option(envvar="FLOWPORT_WORKSPACE_ID", help="Workspace id; default: the key's first workspace.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Save a server and an API key as a profile. The key is prompted for, or read from standard input.

    Example: flowport login --url https://flows.example.com --profile prod
    """
    output = Output(as_json=as_json)
    key = _key(output)
    with ApiClient(Profile(url.rstrip("/"), key, workspace)) as client:
        opened = [str(found["id"]) for found in client.workspaces()]
    if workspace and workspace not in opened:
        raise NotFound(f"the API key has no access to workspace {workspace}, only to {', '.join(opened) or 'none'}")
    known = workspace or next(iter(opened), "")
    ProfileStore().save(profile, Profile(url.rstrip("/"), key, known))
    output.print_done(
        {"profile": profile, "url": url, "workspaceId": known},
        f"Logged in to {url}, workspace {known}. Profile {profile} is now selected.",
    )


@profiles_app.command("list")
def list_profiles(as_json: AsJson = False) -> None:
    """List profiles. Keys are never shown.

    Example: flowport profiles list
    """
    profiles = ProfileStore()
    items = [
        {"name": name, "url": profile.base_url, "workspaceId": profile.workspace_id, "inUse": name == profiles.current}
        for name, profile in profiles.all().items()
    ]
    Output(as_json=as_json).print_rows(("name", "url", "workspaceId", "inUse"), items)


@profiles_app.command("use")
def use(name: ProfileArgument, as_json: AsJson = False) -> None:
    """Select the profile for later commands.

    Example: flowport profiles use prod
    """
    ProfileStore().select(name)
    Output(as_json=as_json).print_done({"profile": name, "inUse": True}, f"Profile {name} is now selected.")


@profiles_app.command("remove")
def remove(name: ProfileArgument, as_json: AsJson = False) -> None:
    """Delete a profile and its API key.

    Example: flowport profiles remove prod
    """
    ProfileStore().remove(name)
    Output(as_json=as_json).print_done({"profile": name, "removed": True}, f"Deleted profile {name} and its key.")


@profiles_app.command("show")
def show(as_json: AsJson = False) -> None:
    """Show the server and workspace that commands use.

    Example: flowport profiles show
    """
    profile = resolve_profile(None)
    Output(as_json=as_json).print_record({"url": profile.base_url, "workspaceId": profile.workspace_id or None})


def _key(output: Output) -> str:
    stdin = require_stdin()
    key = Prompt.ask("API key", password=True, console=output.notes) if stdin.isatty() else stdin.readline()
    if not key.strip():
        raise CommandFailed("no API key given")
    return key.strip()
