"""All checks, in the order in which one would mend things."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

from flowport.client.door import Door
from flowport.client.profiles import DEFAULT_URL, resolve
from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Finding, ok, problem, warning
from flowport.doctor.services import check_services
from flowport.doctor.settings import SERVERS, are_here, check_settings
from flowport.doctor.store import check_store
from flowport.failures import CommandFailed
from shared.broker.topology import default_topology
from shared.settings import CommonSettings


@dataclass(frozen=True)
class Places:
    """What the services' settings do not tell."""

    gateway: str | None
    executor: str
    management: str | None


async def examine(places: Places) -> AsyncIterator[Finding]:
    """Every finding, as it is made; from outside, where no service's settings are known, what callers can see."""
    gateway = places.gateway or _url_of_profile()
    if not are_here():
        found = f"{' and '.join(sorted(SERVERS))} are not set here: only the public door and the key are looked at"
        fix = "run this where a service's settings are in the environment, and the rest is looked at, too"
        yield warning("environment", found, fix)
        async for finding in check_services({"gateway": gateway}):
            yield finding
        yield _key(gateway)
        return
    refused = False
    for finding in check_settings():
        refused = refused or finding.check.startswith("settings of")
        yield finding
    if refused:
        return
    settings = CommonSettings()
    topology = default_topology(settings.longest_run_seconds)
    if not settings.amqp_url.startswith("memory:"):
        async for finding in check_broker(settings.amqp_url, topology, has_management=bool(places.management)):
            yield finding
    if places.management:
        async for finding in check_management(places.management, topology):
            yield finding
    async for finding in check_store(settings.mongodb_uri, settings.mongodb_prefix):
        yield finding
    urls = {
        "gateway": gateway,
        "deploy-service": settings.deploy_url,
        "jobs-service": settings.jobs_url,
        "executor-service": places.executor,
    }
    async for finding in check_services(urls):
        yield finding
    yield _key(gateway)


def _url_of_profile() -> str:
    try:
        return resolve(os.environ.get("FLOWPORT_PROFILE")).base_url
    except CommandFailed:
        return DEFAULT_URL


def _key(gateway: str) -> Finding:
    try:
        with Door(resolve(os.environ.get("FLOWPORT_PROFILE"))) as door:
            count = len(door.workspaces())
    except CommandFailed as error:
        return problem("API key", str(error), f"`flowport login --url {gateway}` with a good key, or make one")
    return ok("API key", f"it opens {count} workspace{'' if count == 1 else 's'}")
