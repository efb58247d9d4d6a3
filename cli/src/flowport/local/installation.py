"""Setup of a local installation: credentials and deployed examples. Setup is idempotent."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

import flowport
from flowport.client.api_client import ApiClient, api_path
from flowport.client.errors import ServerUnavailable
from flowport.client.profiles import Profile
from flowport.client.workflows import import_file
from flowport.errors import CommandFailed
from flowport.home import Credentials, Home
from flowport.input_files import decode_json, read_input
from flowport.local.startup_message import build_startup_document, print_startup_message
from flowport.output import Output
from gateway.access.models import new_password
from gateway.first_key import make_first_key, set_admin_password
from gateway.settings import GatewaySettings
from shared.workflow.transfer.importer import read_import


async def prepare_installation(
    home: Home, settings: GatewaySettings, *, url: str, store: str, examples: Path | None, output: Output
) -> None:
    """Create credentials, deploy the examples, and print the startup message. Raises CommandFailed.

    `examples` is a folder of workflow files; default: that of `find_examples`.
    """
    credentials = await ensure_credentials(home, settings, url)
    ids = await asyncio.to_thread(deploy_examples, credentials, examples or find_examples())
    if output.as_json:
        output.print_json(build_startup_document(home, credentials, ids, store=store))
    else:
        print_startup_message(output.console, home, credentials, ids, store=store)


async def ensure_credentials(home: Home, settings: GatewaySettings, url: str) -> Credentials:
    """Return the credentials of an earlier start if the server accepts them, else new ones. Writes them to `home`."""
    known = home.read_credentials()
    if known is None or not await asyncio.to_thread(_is_accepted, msgspec.structs.replace(known, base_url=url)):
        created = await make_first_key(settings)
        password = known.admin_password if known else ""
        known = Credentials(url, created.workspace_id, created.api_key, created.admin_email, password)
    password = known.admin_password or settings.admin_password.get_secret_value() or new_password()
    await set_admin_password(settings, password, only_if_none=bool(known.admin_password))
    credentials = Credentials(url, known.workspace_id, known.api_key, known.admin_email, password)
    home.write_credentials(credentials)
    return credentials


def find_examples() -> Path:
    """Return the folder of examples: in the package, to which `make dist` adds it, or in a clone."""
    package = Path(flowport.__file__).parent
    packaged = package / "examples"
    return packaged if packaged.is_dir() else package.parents[2] / "examples"


def deploy_examples(credentials: Credentials, folder: Path) -> Mapping[str, str]:
    """Import and deploy each new file of `folder`. Return workflow ids by file name, without .json.

    An existing workflow of the same name is left unchanged. Raises CommandFailed, InvalidWorkflow.
    """
    ids: dict[str, str] = {}
    with open_client(credentials) as client:
        existing = {workflow["name"]: workflow for workflow in client.workflows()}
        for file in sorted(folder.glob("*.json")):
            example = decode_json(read_input(file), str(file))
            found = existing.get(read_import(example).name or file.stem)
            ids[file.stem] = str(found["id"] if found else import_file(client, example)["id"])
            if not found or not (found["isDeployed"] or _has_version(client, ids[file.stem])):
                deploy_workflow(client, ids[file.stem])
    return ids


def _has_version(client: ApiClient, workflow_id: str) -> bool:
    """Return whether the workflow was ever deployed. If so, a user has undeployed it."""
    return bool(client.call("GET", api_path("workflows", workflow_id, "deployments"))["versions"])


def open_client(credentials: Credentials) -> ApiClient:
    """Return a client with these credentials."""
    return ApiClient(Profile(credentials.base_url, credentials.api_key, credentials.workspace_id))


def deploy_workflow(client: ApiClient, workflow_id: str) -> None:
    """Deploy the draft as a new version and make it live. Raises CommandFailed."""
    client.call("POST", api_path("v1", "workflows", workflow_id, "deploy"))


def _is_accepted(credentials: Credentials) -> bool:
    try:
        with open_client(credentials) as client:
            client.call("GET", api_path("v1", "workflows"), query={"workspaceId": credentials.workspace_id, "limit": 1})
    except ServerUnavailable:
        raise
    except CommandFailed:
        return False
    return True
