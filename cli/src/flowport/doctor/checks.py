"""All checks, in the order in which to fix their problems."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowport.admin.databases import list_databases
from flowport.client.api_client import ApiClient
from flowport.client.errors import AccessDenied
from flowport.client.profiles import DEFAULT_URL, resolve_profile
from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Finding, ok, problem, warning
from flowport.doctor.folder import check_folder
from flowport.doctor.services import GATEWAY, check_services
from flowport.doctor.settings import SERVERS, check_settings, has_service_settings
from flowport.doctor.store import check_stores
from flowport.errors import CommandFailed
from flowport.home import Home
from shared.broker.address import virtual_host_of
from shared.broker.queue_topology import default_topology
from shared.settings import StoreSettings, load_settings
from shared.web.internal_auth import split_tokens

_LOGIN: Final = "run `flowport login --url {}` with a valid key"


@dataclass(frozen=True)
class DoctorTargets:
    """Targets of the checks that no service setting names."""

    gateway: str | None
    executor: str
    management: str | None
    home: Path


@dataclass(frozen=True)
class _Installation:
    """Addresses of an installation's parts."""

    amqp_url: str
    management: str | None
    settings: StoreSettings
    services: Mapping[str, str]


async def run_checks(targets: DoctorTargets) -> AsyncIterator[Finding]:
    """Yield each finding.

    Without service settings, check what the folder's `flowport up` or `flowport stack` runs; if neither runs, only the
    folder, the public API and the key.
    """
    gateway = targets.gateway or _url_of_profile()
    if not has_service_settings():
        home = Home(targets.home)
        running = home.read_running()
        if running and targets.gateway in (None, running.services.get(GATEWAY)):
            found = f"`{running.command}` in {home.path}, process {running.process}"
            yield ok("environment", f"checks {found}")
            for finding in check_folder(home):
                yield finding
            settings = load_settings(StoreSettings, amqp_url=running.amqp_url, mongodb_uri=running.mongodb_uri)
            management = targets.management or running.management_url
            async for finding in _check_parts(_Installation(running.amqp_url, management, settings, running.services)):
                yield finding
            url = running.services.get(GATEWAY, gateway)
            yield _check_key(url) or problem("API key", "no API key is configured", _LOGIN.format(url))
            return
        found = f"{' and '.join(sorted(SERVERS))} are not set, so only the public API and the API key are checked"
        fix = "run the command with a service's settings in the environment to check everything"
        yield warning("environment", found, fix)
        for finding in check_folder(home):
            yield finding
        async for finding in check_services({"gateway": gateway}, proxied=True):
            yield finding
        yield _check_key(gateway) or problem("API key", "no API key is configured", _LOGIN.format(gateway))
        return
    refused = False
    for finding in check_settings():
        refused = refused or finding.check.startswith("settings of")
        yield finding
    if refused:
        return
    settings = load_settings(StoreSettings)
    urls = {
        "gateway": gateway,
        "deploy-service": settings.deploy_url,
        "jobs-service": settings.jobs_url,
        "executor-service": targets.executor,
    }
    async for finding in _check_parts(_Installation(settings.amqp_url, targets.management, settings, urls)):
        yield finding
    yield _check_key(gateway) or warning("API key", "none is configured, so none was checked", _LOGIN.format(gateway))


async def _check_parts(installation: _Installation) -> AsyncIterator[Finding]:
    """Check broker, store and services."""
    settings, amqp_url = installation.settings, installation.amqp_url
    topology = default_topology(settings.longest_run_seconds)
    has_broker = not amqp_url.startswith("memory:")
    virtual_host = virtual_host_of(amqp_url) if has_broker else "/"
    if has_broker:
        async for finding in check_broker(amqp_url, topology, has_management=bool(installation.management)):
            yield finding
    if installation.management:
        async for finding in check_management(installation.management, topology, virtual_host):
            yield finding
    async for finding in check_stores(list_databases(settings)):
        yield finding
    token = next(iter(split_tokens(settings.metrics_token)), "")
    async for finding in check_services(installation.services, metrics_token=token):
        yield finding


def _url_of_profile() -> str:
    try:
        return resolve_profile(os.environ.get("FLOWPORT_PROFILE")).base_url
    except CommandFailed:
        return DEFAULT_URL


def _check_key(gateway: str) -> Finding | None:
    """Check which workspaces the key has access to. Return None when no key is configured."""
    try:
        profile = resolve_profile(os.environ.get("FLOWPORT_PROFILE"))
    except AccessDenied:
        return None
    except CommandFailed as error:
        return _bad_key(gateway, error)
    try:
        with ApiClient(profile) as client:
            count = len(client.workspaces())
    except CommandFailed as error:
        return _bad_key(gateway, error)
    where = "" if profile.base_url == gateway.rstrip("/") else f" of {profile.base_url}"
    return ok("API key", f"has access to {count} workspace{'' if count == 1 else 's'}{where}")


def _bad_key(gateway: str, error: CommandFailed) -> Finding:
    return problem("API key", str(error), _LOGIN.format(gateway))
