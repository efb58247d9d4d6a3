"""Settings checks: the services' settings in this environment."""

import os
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic_settings import BaseSettings

from deploy_service.settings import DeploySettings
from executor_service.settings import ExecutorSettings
from flowport.doctor.findings import Finding, ok, problem, warning
from gateway.settings import GatewaySettings
from jobs_service.settings import JobsSettings
from shared.security.run_tickets import TICKET_KEYS
from shared.settings import SECRETS_DIR, CommonSettings, TicketCheckSettings, TicketSettings, load_settings
from shared.web.internal_auth import split_tokens

KINDS: Final[Mapping[str, type[BaseSettings]]] = {
    "gateway": GatewaySettings,
    "deploy-service": DeploySettings,
    "executor-service": ExecutorSettings,
    "jobs-service": JobsSettings,
}
SERVERS: Final = frozenset({"FLOWPORT_AMQP_URL", "FLOWPORT_MONGODB_URI"})
MIN_TOKEN_LENGTH: Final = 16


def has_service_settings() -> bool:
    """Return whether this environment has service settings."""
    return bool({*SERVERS, SECRETS_DIR} & os.environ.keys())


def check_settings() -> Iterator[Finding]:
    """Check the settings of each service, then their combination."""
    for service, kind in KINDS.items():
        try:
            load_settings(kind)
        except SystemExit as refused:
            yield problem(f"settings of {service}", str(refused), "correct the named variables")
            return
    yield ok("settings", "all values are valid")
    yield from _tokens(load_settings(CommonSettings))
    if not load_settings(TicketSettings).ticket_keys.get_secret_value():
        yield problem(
            "run tickets",
            f"{TICKET_KEYS} is empty: gateway, jobs-service and deploy-service cannot start",
            "set it to `1:` and the base64 of 32 random bytes, the same on these services",
        )
    elif load_settings(TicketCheckSettings).run_tickets != "require":
        yield warning(
            "run tickets",
            "FLOWPORT_RUN_TICKETS is accept-missing: executor-service reads every workspace's data without a ticket",
            "unset it on deploy-service and jobs-service when every service runs this version",
        )
    if not load_settings(DeploySettings).environment_keys.get_secret_value():
        yield warning(
            "environment keys",
            "FLOWPORT_ENVIRONMENT_KEYS is empty: workspace secrets cannot be stored",
            "set it on deploy-service to `1:` and the base64 of 32 random bytes",
        )
    if not load_settings(JobsSettings).webhook_keys.get_secret_value():
        yield warning(
            "webhook keys",
            "FLOWPORT_WEBHOOK_KEYS is empty: webhook secrets cannot be stored, and recordings are dropped",
            "set it on jobs-service to `1:` and the base64 of 32 random bytes",
        )


def _tokens(settings: CommonSettings) -> Iterator[Finding]:
    names = ("token_gateway", "token_deploy", "token_executor", "token_jobs")
    tokens = {f"FLOWPORT_{name.upper()}": split_tokens(getattr(settings, name)) for name in names}
    known = {name: listed for name, listed in tokens.items() if listed}
    short = [name for name, listed in known.items() if any(len(token) < MIN_TOKEN_LENGTH for token in listed)]
    all_of_them = [token for listed in known.values() for token in set(listed)]
    if not known:
        fix = "give each service its token; deploy-service and jobs-service need all four"
        yield problem("tokens between services", f"none is set: {', '.join(tokens)}", fix)
    elif short:
        fix = f"give each service a random token of at least {MIN_TOKEN_LENGTH} characters"
        yield problem("tokens between services", f"too short: {', '.join(short)}", fix)
    elif len(set(all_of_them)) < len(all_of_them):
        found = "several services share a token, so each has the permissions of all"
        yield problem("tokens between services", found, "give each service a different token")
    else:
        yield ok("tokens between services", f"{', '.join(known)}")
