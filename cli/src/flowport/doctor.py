"""Checks of an installation: settings, the readiness of each service, topology, indexes and API key."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from deploy_service.settings import DeploySettings
from flowport.admin.broker_topology import check_topology
from flowport.admin.store_indexes import MISSING, check_indexes
from flowport.client.api_client import LOOPBACK_HOSTS, ApiClient
from flowport.client.errors import AccessDenied
from flowport.client.profiles import DEFAULT_URL, resolve_profile
from flowport.errors import CommandFailed
from flowport.home import Home
from flowport.local.service_environment import SETTINGS, TOKENS
from flowport.local.store_choice import FolderStore
from jobs_service.settings import JobsSettings
from shared.broker.ports import BrokerUnavailable
from shared.security.run_tickets import TICKET_KEYS
from shared.service import ServiceName
from shared.settings import (
    SECRETS_DIR,
    CommonSettings,
    StoreSettings,
    TicketCheckSettings,
    TicketSettings,
    load_settings,
)
from shared.web.internal_auth import split_tokens

SECONDS: Final = 8.0
SERVERS: Final = frozenset({"FLOWPORT_AMQP_URL", "FLOWPORT_MONGODB_URI"})
MANAGEMENT: Final = "FLOWPORT_AMQP_MANAGEMENT_URL"
SESSION_PATH: Final = "/api/auth/get-session"
"""A public route of every gateway; returns null without a session."""
_KEY: Final = "`1:` and the base64 of 32 random bytes"


class Verdict(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """Result of one check. `fix` is empty when `verdict` is ok."""

    check: str
    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True)
class DoctorTargets:
    """Targets of the checks that no service setting names."""

    gateway: str | None
    executor: str
    management: str | None
    home: Path


async def run_checks(targets: DoctorTargets) -> AsyncIterator[Finding]:
    """Yield each finding.

    Without service settings, check what the folder's `flowport up` or `flowport stack` runs; if neither runs, only the
    folder, the public API and the key.
    """
    gateway = targets.gateway or _url_of_profile()
    if {*SERVERS, SECRETS_DIR} & os.environ.keys():
        found = list(check_settings())
        for finding in found:
            yield finding
        if found[0].verdict is Verdict.PROBLEM:
            return
        settings = load_settings(StoreSettings)
        urls: dict[str, str] = {
            ServiceName.GATEWAY: gateway,
            ServiceName.DEPLOY: settings.deploy_url,
            ServiceName.JOBS: settings.jobs_url,
            ServiceName.EXECUTOR: targets.executor,
        }
        async for finding in _check_parts(settings, targets.management, urls):
            yield finding
        yield _check_key(gateway, if_missing=Verdict.WARNING)
        return
    home = Home(targets.home)
    running = home.read_running()
    if running and targets.gateway in (None, running.services.get(ServiceName.GATEWAY)):
        found_here = f"checks `{running.command}` in {home.path}, process {running.process}"
        yield Finding("environment", Verdict.OK, found_here)
        for finding in check_folder(home):
            yield finding
        settings = load_settings(StoreSettings, amqp_url=running.amqp_url, mongodb_uri=running.mongodb_uri)
        async for finding in _check_parts(settings, targets.management or running.management_url, running.services):
            yield finding
        yield _check_key(running.services.get(ServiceName.GATEWAY, gateway))
        return
    missing = f"{' and '.join(sorted(SERVERS))} are not set, so only the public API and the API key are checked"
    fix = "run the command with a service's settings in the environment to check everything"
    yield Finding("environment", Verdict.WARNING, missing, fix)
    for finding in check_folder(home):
        yield finding
    yield await check_service(ServiceName.GATEWAY, gateway, proxied=True)
    yield _check_key(gateway)


async def _check_parts(
    settings: StoreSettings, management: str | None, urls: Mapping[str, str]
) -> AsyncIterator[Finding]:
    if not settings.amqp_url.startswith("memory:"):
        for finding in await _check_broker(settings, management):
            yield finding
    yield await check_store(settings)
    token = next(iter(split_tokens(settings.metrics_token)), "")
    for service, url in urls.items():
        yield await check_service(service, url, metrics_token=token)


def check_settings() -> Iterator[Finding]:
    """Check the settings of each service, then their combination. An invalid setting is the only finding."""
    for service, kinds in SETTINGS.items():
        try:
            for kind in kinds:
                load_settings(kind)
        except SystemExit as refused:
            yield Finding(f"settings of {service}", Verdict.PROBLEM, str(refused), "correct the named variables")
            return
    yield Finding("settings", Verdict.OK, "all values are valid")
    common = load_settings(CommonSettings)
    listed = (split_tokens(getattr(common, f"token_{name}")) for name in ("gateway", "deploy", "executor", "jobs"))
    tokens = [token for own in listed for token in set(own)]
    if not tokens:
        fix = "give each service its token; deploy-service and jobs-service need all four"
        yield Finding("tokens between services", Verdict.PROBLEM, f"none is set: {', '.join(TOKENS.values())}", fix)
    elif len(set(tokens)) < len(tokens):
        shared = "several services share a token, so each has the permissions of all"
        yield Finding("tokens between services", Verdict.PROBLEM, shared, "give each service a different token")
    if not load_settings(TicketSettings).ticket_keys.get_secret_value():
        empty = f"{TICKET_KEYS} is empty: gateway, jobs-service and deploy-service cannot start"
        yield Finding("run tickets", Verdict.PROBLEM, empty, f"set it to {_KEY}, the same on these services")
    elif load_settings(TicketCheckSettings).run_tickets != "require":
        open_ = "FLOWPORT_RUN_TICKETS is accept-missing: executor-service reads every workspace's data without a ticket"
        fix = "unset it on deploy-service and jobs-service when every service runs this version"
        yield Finding("run tickets", Verdict.WARNING, open_, fix)
    if not load_settings(DeploySettings).environment_keys.get_secret_value():
        empty = "FLOWPORT_ENVIRONMENT_KEYS is empty: workspace secrets cannot be stored"
        yield Finding("environment keys", Verdict.WARNING, empty, f"set it on deploy-service to {_KEY}")
    if not load_settings(JobsSettings).webhook_keys.get_secret_value():
        empty = "FLOWPORT_WEBHOOK_KEYS is empty: webhook secrets cannot be stored, and recordings are dropped"
        yield Finding("webhook keys", Verdict.WARNING, empty, f"set it on jobs-service to {_KEY}")


def check_folder(home: Home) -> Iterator[Finding]:
    """Yield the store of `home`, if it has one."""
    folder = FolderStore(home)
    if folder.is_new:
        return
    check = f"store of {home.path}"
    try:
        yield Finding(check, Verdict.OK, str(folder.choose()))
    except CommandFailed as error:
        found, _, fix = str(error).partition(": ")
        yield Finding(check, Verdict.PROBLEM, found, fix)


async def _check_broker(settings: StoreSettings, management: str | None) -> list[Finding]:
    """Compare queues, policies and members with the topology. Services report their own connections."""
    if not management:
        unchecked = "the broker's queues and policies were not checked"
        fix = f"set {MANAGEMENT} to the URL of RabbitMQ's HTTP API, with user and password"
        return [Finding("topology", Verdict.WARNING, unchecked, fix)]
    try:
        rows = await check_topology(management, settings)
    except (BrokerUnavailable, CommandFailed, httpx2.InvalidURL, ValueError, OSError) as error:
        return [Finding("topology", Verdict.PROBLEM, str(error), f"correct {MANAGEMENT} or FLOWPORT_AMQP_URL")]
    found = [Finding("topology", Verdict.PROBLEM, f"{row['queue']}: {row['problem']}", row["fix"]) for row in rows]
    return found or [Finding("topology", Verdict.OK, "queues, policies and members are as declared")]


async def check_store(settings: StoreSettings) -> Finding:
    """Connect to each database, and compare its indexes with the declared ones."""
    try:
        missing = [row["index"] for row in await check_indexes(settings) if row["state"] == MISSING]
    except CommandFailed as error:
        return Finding("store", Verdict.PROBLEM, str(error), "start MongoDB, or correct the named variable")
    if missing:
        fix = "run `flowport indexes apply`, or start the services of an empty database"
        return Finding("store", Verdict.PROBLEM, f"indexes are missing: {', '.join(missing)}", fix)
    return Finding("store", Verdict.OK, "is available, and all indexes exist")


async def check_service(service: str, url: str, *, proxied: bool = False, metrics_token: str = "") -> Finding:
    """Return what the service's `/readyz` says. With `proxied`, the request uses the proxy of the environment."""
    url, headers = url.rstrip("/"), {"authorization": f"Bearer {metrics_token}"} if metrics_token else {}
    try:
        by_environment = proxied and httpx2.URL(url).host not in LOOPBACK_HOSTS
        verify = httpx2.create_ssl_context()
        async with httpx2.AsyncClient(timeout=SECONDS, trust_env=by_environment, verify=verify) as client:
            ready = await client.get(f"{url}/readyz", headers=headers)
            problems = _problems(ready)
            if problems is None and service == ServiceName.GATEWAY:
                asked = await client.get(f"{url}{SESSION_PATH}")
                if asked.is_success and asked.text == "null":
                    return Finding(service, Verdict.OK, "responds; public callers cannot see its readiness")
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, ImportError, OSError) as error:
        found = f"{url} is unavailable: {str(error) or type(error).__name__}"
        return Finding(service, Verdict.PROBLEM, found, f"start {service}, or correct its URL")
    if problems is None:
        found = f"{url} returned status {ready.status_code}, which {service} does not return"
        return Finding(service, Verdict.PROBLEM, found, "correct its URL")
    if problems:
        return Finding(service, Verdict.PROBLEM, f"not ready: {'; '.join(problems)}", "fix the named problem")
    return Finding(service, Verdict.OK, "ready")


def _problems(ready: httpx2.Response) -> tuple[str, ...] | None:
    """Return the problems of a readiness response, or None if it is not from a Flowport service."""
    try:
        body = ready.json()
        found = tuple(map(str, body["problems"]))
        return found if found or ready.is_success else (str(body["status"]),)
    except (ValueError, KeyError, TypeError):
        return None


def _url_of_profile() -> str:
    try:
        return resolve_profile(os.environ.get("FLOWPORT_PROFILE")).base_url
    except CommandFailed:
        return DEFAULT_URL


def _check_key(gateway: str, *, if_missing: Verdict = Verdict.PROBLEM) -> Finding:
    """Check which workspaces the key has access to."""
    fix = f"run `flowport login --url {gateway}` with a valid key"
    try:
        profile = resolve_profile(os.environ.get("FLOWPORT_PROFILE"))
    except AccessDenied:
        return Finding("API key", if_missing, "no API key is configured", fix)
    except CommandFailed as error:
        return Finding("API key", Verdict.PROBLEM, str(error), fix)
    try:
        with ApiClient(profile) as client:
            count = len(client.workspaces())
    except CommandFailed as error:
        return Finding("API key", Verdict.PROBLEM, str(error), fix)
    where = "" if profile.base_url == gateway.rstrip("/") else f" of {profile.base_url}"
    return Finding("API key", Verdict.OK, f"has access to {count} workspace{'' if count == 1 else 's'}{where}")


async def check_until_ok(targets: DoctorTargets, *, seconds: float, pause: float = 2.0) -> list[Finding]:
    """Return the findings of the last run of all checks, which are repeated for `seconds` while one is a problem.

    A pod's network rules may apply some seconds after its start.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = [finding async for finding in run_checks(targets)]
        is_ok = all(finding.verdict is not Verdict.PROBLEM for finding in found)
        if is_ok or time.monotonic() + pause > deadline:
            return found
        await asyncio.sleep(pause)
