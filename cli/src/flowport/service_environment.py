"""The environment of a child process: the settings that its service reads.

Services share some of them: the services that are called hold the tokens of all callers, and those with a database the
URI of the store.
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
from shared.settings_reading import SECRETS_DIR, variables_of

PREFIX: Final = "FLOWPORT_"
TOKENS: Final = {
    ServiceName.GATEWAY: "FLOWPORT_TOKEN_GATEWAY",
    ServiceName.DEPLOY: "FLOWPORT_TOKEN_DEPLOY",
    ServiceName.EXECUTOR: "FLOWPORT_TOKEN_EXECUTOR",
    ServiceName.JOBS: "FLOWPORT_TOKEN_JOBS",
}
CALLED: Final = frozenset({ServiceName.DEPLOY, ServiceName.JOBS})
"""The services that others call. They know the tokens of all callers; the others know only their own."""
_SETTINGS: Final[Mapping[ServiceName, tuple[type[BaseSettings], ...]]] = {
    ServiceName.GATEWAY: (GatewaySettings,),
    ServiceName.DEPLOY: (DeploySettings,),
    ServiceName.EXECUTOR: (ExecutorSettings, ProviderSettings),
    ServiceName.JOBS: (JobsSettings,),
}


def environment_for(service: ServiceName, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `given` that `service` may have: its own settings, and what is no setting at all."""
    own = _variables_of(service)
    others = frozenset().union(*map(_variables_of, _SETTINGS)) - own
    return {
        name: value for name, value in given.items() if name in own or not (name.startswith(PREFIX) or name in others)
    }


def _variables_of(service: ServiceName) -> frozenset[str]:
    found = {
        variable for kind in _SETTINGS[service] for name in kind.model_fields for variable in variables_of(kind, name)
    }
    foreign = set() if service in CALLED else {token for name, token in TOKENS.items() if name is not service}
    return frozenset(found - foreign | {SECRETS_DIR})
