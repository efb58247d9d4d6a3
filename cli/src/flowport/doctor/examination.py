"""All checks, in the order in which one would mend things."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowport.client.door import Door
from flowport.client.errors import NoAccess
from flowport.client.profiles import DEFAULT_URL, resolve
from flowport.databases import databases
from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Finding, ok, problem, warning
from flowport.doctor.folder import check_folder
from flowport.doctor.services import check_services
from flowport.doctor.settings import SERVERS, are_here, check_settings
from flowport.doctor.store import check_stores
from flowport.failures import CommandFailed
from flowport.home import Home
from flowport_amqp.address import virtual_host_of
from shared.broker.topology import default_topology
from shared.settings import StoreSettings
from shared.settings_reading import read_settings
from shared.web.internal_auth import listed_tokens

_LOGIN: Final = "`flowport login --url {}` with a good key, or make one"


@dataclass(frozen=True)
class Places:
    """What the services' settings do not tell."""

    gateway: str | None
    executor: str
    management: str | None
    home: Path


async def examine(places: Places) -> AsyncIterator[Finding]:
    """Every finding, as it is made; from outside, where no service's settings are known, what callers can see."""
    gateway = places.gateway or _url_of_profile()
    if not are_here():
        found = f"{' and '.join(sorted(SERVERS))} are not set here: only the public door and the key are looked at"
        fix = "run this where a service's settings are in the environment, and the rest is looked at, too"
        yield warning("environment", found, fix)
        for finding in check_folder(Home(places.home)):
            yield finding
        async for finding in check_services({"gateway": gateway}, proxied=True):
            yield finding
        yield _key(gateway) or problem("API key", "no key is known here", _LOGIN.format(gateway))
        return
    refused = False
    for finding in check_settings():
        refused = refused or finding.check.startswith("settings of")
        yield finding
    if refused:
        return
    settings = read_settings(StoreSettings)
    topology = default_topology(settings.longest_run_seconds)
    has_broker = not settings.amqp_url.startswith("memory:")
    virtual_host = virtual_host_of(settings.amqp_url) if has_broker else "/"
    if has_broker:
        async for finding in check_broker(settings.amqp_url, topology, has_management=bool(places.management)):
            yield finding
    if places.management:
        async for finding in check_management(places.management, topology, virtual_host):
            yield finding
    async for finding in check_stores(databases(settings)):
        yield finding
    urls = {
        "gateway": gateway,
        "deploy-service": settings.deploy_url,
        "jobs-service": settings.jobs_url,
        "executor-service": places.executor,
    }
    token = next(iter(listed_tokens(settings.metrics_token)), "")
    async for finding in check_services(urls, metrics_token=token):
        yield finding
    yield _key(gateway) or warning("API key", "none is known here, so none was tried", _LOGIN.format(gateway))


def _url_of_profile() -> str:
    try:
        return resolve(os.environ.get("FLOWPORT_PROFILE")).base_url
    except CommandFailed:
        return DEFAULT_URL


def _key(gateway: str) -> Finding | None:
    """What a key opens; None where there is none."""
    try:
        profile = resolve(os.environ.get("FLOWPORT_PROFILE"))
    except NoAccess:
        return None
    except CommandFailed as error:
        return _bad_key(gateway, error)
    try:
        with Door(profile) as door:
            count = len(door.workspaces())
    except CommandFailed as error:
        return _bad_key(gateway, error)
    where = "" if profile.base_url == gateway.rstrip("/") else f" of {profile.base_url}"
    return ok("API key", f"it opens {count} workspace{'' if count == 1 else 's'}{where}")


def _bad_key(gateway: str, error: CommandFailed) -> Finding:
    return problem("API key", str(error), _LOGIN.format(gateway))
