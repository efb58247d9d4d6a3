"""What makes a fresh installation usable at once: a key, and the examples deployed. Done again, it changes nothing."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from flowport.client.door import Door, path
from flowport.client.errors import TryLater
from flowport.client.profiles import Profile
from flowport.client.workflows import import_file
from flowport.failures import CommandFailed
from flowport.given import content_of, json_of
from flowport.home import Credentials, Home
from flowport.output import Output
from flowport.welcome import print_welcome, welcome_document
from gateway.access.domain.people import new_password
from gateway.first_key import make_first_key, set_admin_password
from gateway.settings import GatewaySettings
from shared.workflow.transfer.importer import read_import


async def introduce(
    home: Home, settings: GatewaySettings, *, url: str, store: str, examples: Path, output: Output
) -> None:
    """Make what answers at `url` usable, and say to people or programs how it is used. Raises CommandFailed."""
    credentials = await ensure_credentials(home, settings, url)
    ids = await asyncio.to_thread(deploy_examples, credentials, examples)
    if output.as_json:
        output.json(welcome_document(home, credentials, ids, store=store))
    else:
        print_welcome(output.console, home, credentials, ids, store=store)


async def ensure_credentials(home: Home, settings: GatewaySettings, url: str) -> Credentials:
    """The credentials of an earlier start if they still open the door, new ones otherwise; written to `home`."""
    known = home.read_credentials()
    if known is None or not await asyncio.to_thread(_is_good, msgspec.structs.replace(known, base_url=url)):
        made = await make_first_key(settings)
        password = known.admin_password if known else ""
        known = Credentials(url, made.workspace_id, made.api_key, made.admin_email, password)
    password = known.admin_password or settings.admin_password.get_secret_value() or new_password()
    await set_admin_password(settings, password, only_if_none=bool(known.admin_password))
    credentials = Credentials(url, known.workspace_id, known.api_key, known.admin_email, password)
    home.write_credentials(credentials)
    return credentials


def deploy_examples(credentials: Credentials, folder: Path) -> Mapping[str, str]:
    """Import and deploy each file of `folder` that is not there yet; returns workflow ids by file name, without .json.

    A workflow of the same name is taken for the example and left as it is. Raises CommandFailed, InvalidWorkflow.
    """
    ids: dict[str, str] = {}
    with door_of(credentials) as door:
        there = {workflow["name"]: workflow for workflow in door.workflows()}
        for file in sorted(folder.glob("*.json")):
            example = json_of(content_of(file), str(file))
            found = there.get(read_import(example).name or file.stem)
            ids[file.stem] = str(found["id"] if found else import_file(door, example)["id"])
            if not found or not (found["isDeployed"] or _has_version(door, ids[file.stem])):
                deploy(door, ids[file.stem])
    return ids


def _has_version(door: Door, workflow_id: str) -> bool:
    """Whether it was deployed once: then somebody took it off the net, and no start of ours was cut short."""
    return bool(door.call("GET", path("workflows", workflow_id, "deployments"))["versions"])


def door_of(credentials: Credentials) -> Door:
    """The public door, with the key that opens it."""
    return Door(Profile(credentials.base_url, credentials.api_key, credentials.workspace_id))


def deploy(door: Door, workflow_id: str) -> None:
    """Publish the draft as a new version and make it live. Raises CommandFailed."""
    door.call("POST", path("v1", "workflows", workflow_id, "deploy"))


def _is_good(credentials: Credentials) -> bool:
    try:
        with door_of(credentials) as door:
            door.call("GET", path("v1", "workflows"), query={"workspaceId": credentials.workspace_id, "limit": 1})
    except TryLater:
        raise
    except CommandFailed:
        return False
    return True
