"""What makes a fresh installation usable at once: a key, and the examples deployed. Done again, it changes nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowport.commands.output import Output
from flowport.home import Credentials, Home
from flowport.public_api import PublicApi
from flowport.welcome import print_welcome, welcome_document
from gateway.domain.people import new_password
from gateway.first_key import make_first_key, set_admin_password
from gateway.settings import GatewaySettings


async def introduce(home: Home, settings: GatewaySettings, *, examples: Path, output: Output) -> None:
    """Make it usable, and say to people or programs how it is used. Raises Refused, Unavailable."""
    credentials = await ensure_credentials(home, settings)
    async with PublicApi(credentials.base_url, credentials.api_key) as api:
        ids = await deploy_examples(api, credentials.workspace_id, examples)
    if output.as_json:
        output.json(welcome_document(home, credentials, ids))
    else:
        print_welcome(output.console, home, credentials, ids)


async def ensure_credentials(home: Home, settings: GatewaySettings) -> Credentials:
    """The credentials of an earlier start if they still open the door, new ones otherwise; written to `home`."""
    known = home.read_credentials()
    if known is None or not await _is_good(known, settings.base_url):
        made = await make_first_key(settings)
        password = known.admin_password if known else ""
        known = Credentials(settings.base_url, made.workspace_id, made.api_key, made.admin_email, password)
    password = known.admin_password or settings.admin_password.get_secret_value() or new_password()
    await set_admin_password(settings, password, only_if_none=bool(known.admin_password))
    credentials = Credentials(settings.base_url, known.workspace_id, known.api_key, known.admin_email, password)
    home.write_credentials(credentials)
    return credentials


async def deploy_examples(api: PublicApi, workspace_id: str, folder: Path) -> Mapping[str, str]:
    """Import and deploy each file of `folder` that is not there yet; returns workflow ids by file name, without .json.

    A workflow of the same name is taken for the example and left as it is. Raises Refused.
    """
    there = {workflow["name"]: workflow for workflow in await api.workflows(workspace_id)}
    ids: dict[str, str] = {}
    for name, example in _read(folder).items():
        found = there.get(example["workflow"]["name"])
        ids[name] = str(found["id"]) if found else await api.import_workflow(workspace_id, example)
        if not found or not found["isDeployed"]:
            await api.deploy(ids[name])
    return ids


def _read(folder: Path) -> dict[str, Any]:
    return {file.stem: json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))}


async def _is_good(credentials: Credentials, base_url: str) -> bool:
    async with PublicApi(base_url, credentials.api_key) as api:
        return await api.opens(credentials.workspace_id)
