"""`flowport login` and `flowport profiles`."""

from typing import Annotated

import typer
from rich.prompt import Prompt

from flowport.client.door import Door
from flowport.client.errors import Missing
from flowport.client.profiles import DEFAULT_URL, Profile, Profiles, resolve
from flowport.commands.session import AsJson
from flowport.failures import CommandFailed
from flowport.given import standard_input
from flowport.output import Output

profiles_app = typer.Typer(help="The servers that you work with.", no_args_is_help=True)

ProfileArgument = Annotated[str, typer.Argument(metavar="PROFILE", help="Name of the profile.")]


def login(
    url: Annotated[str, typer.Option(envvar="FLOWPORT_URL", help="The server.")] = DEFAULT_URL,
    profile: Annotated[str, typer.Option(help="Name to keep it under.")] = "default",
    workspace: Annotated[
        str, typer.Option(envvar="FLOWPORT_WORKSPACE_ID", help="The workspace; the first that the key opens.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a server and an API key for later commands. The key is asked for, or read from standard input."""
    key = _key()
    with Door(Profile(url.rstrip("/"), key, workspace)) as door:
        opened = [str(found["id"]) for found in door.workspaces()]
    if workspace and workspace not in opened:
        raise Missing(f"the key does not open the workspace {workspace}, but {', '.join(opened) or 'none'}")
    known = workspace or next(iter(opened), "")
    Profiles().save(profile, Profile(url.rstrip("/"), key, known))
    Output(as_json=as_json).done(
        {"profile": profile, "url": url, "workspaceId": known},
        f"Logged in to {url}, workspace {known}. The profile {profile} is used from now on.",
    )


@profiles_app.command("list")
def list_profiles(as_json: AsJson = False) -> None:
    """Show them; keys are never shown."""
    profiles = Profiles()
    items = [
        {"name": name, "url": profile.base_url, "workspaceId": profile.workspace_id, "inUse": name == profiles.current}
        for name, profile in profiles.all().items()
    ]
    Output(as_json=as_json).rows(("name", "url", "workspaceId", "inUse"), items)


@profiles_app.command("use")
def use(name: ProfileArgument, as_json: AsJson = False) -> None:
    """Choose the one that commands use from now on."""
    Profiles().choose(name)
    Output(as_json=as_json).done({"profile": name, "inUse": True}, f"The profile {name} is used from now on.")


@profiles_app.command("remove")
def remove(name: ProfileArgument, as_json: AsJson = False) -> None:
    """Forget it and its key."""
    Profiles().remove(name)
    Output(as_json=as_json).done({"profile": name, "removed": True}, f"The profile {name} and its key are forgotten.")


@profiles_app.command("show")
def show(as_json: AsJson = False) -> None:
    """Which server a command would talk to now."""
    profile = resolve(None)
    Output(as_json=as_json).record({"url": profile.base_url, "workspaceId": profile.workspace_id or None})


def _key() -> str:
    given = standard_input()
    key = Prompt.ask("API key", password=True) if given.isatty() else given.readline()
    if not key.strip():
        raise CommandFailed("no key was given")
    return key.strip()
