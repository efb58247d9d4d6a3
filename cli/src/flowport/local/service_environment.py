"""Environment of a service process: the settings that the service reads.

Some settings are shared: services that others call have the tokens of all callers, and services with a database have
the URI of the store.
"""

from collections.abc import Mapping
from typing import Final

from pydantic_settings import BaseSettings

from deploy_service.settings import DeploySettings
from executor_service.providers.settings import ProviderSettings
from executor_service.settings import ExecutorSettings
from gateway.settings import GatewaySettings
from jobs_service.settings import JobsSettings
from shared.service import ServiceName
from shared.settings import SECRETS_DIR, setting_variables

PREFIX: Final = "FLOWPORT_"
TOKENS: Final = {
    ServiceName.GATEWAY: "FLOWPORT_TOKEN_GATEWAY",
    ServiceName.DEPLOY: "FLOWPORT_TOKEN_DEPLOY",
    ServiceName.EXECUTOR: "FLOWPORT_TOKEN_EXECUTOR",
    ServiceName.JOBS: "FLOWPORT_TOKEN_JOBS",
}
CALLED: Final = frozenset({ServiceName.DEPLOY, ServiceName.JOBS})
"""Services that others call. They need the tokens of all callers to verify them; the others need only their own."""
SETTINGS: Final[Mapping[ServiceName, tuple[type[BaseSettings], ...]]] = {
    ServiceName.GATEWAY: (GatewaySettings,),
    ServiceName.DEPLOY: (DeploySettings,),
    ServiceName.EXECUTOR: (ExecutorSettings, ProviderSettings),
    ServiceName.JOBS: (JobsSettings,),
}


def select_environment(service: ServiceName, source: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that `service` reads, and those that are no setting of any service."""
    own = _variables_of(service)
    others = frozenset().union(*map(_variables_of, SETTINGS)) - own
    return {
        name: value for name, value in source.items() if name in own or not (name.startswith(PREFIX) or name in others)
    }


def _variables_of(service: ServiceName) -> frozenset[str]:
    found = {
        variable
        for kind in SETTINGS[service]
        for name in kind.model_fields
        for variable in setting_variables(kind, name)
    }
    foreign = set() if service in CALLED else {token for name, token in TOKENS.items() if name is not service}
    return frozenset(found - foreign | {SECRETS_DIR})
