"""docs/configuration.md, from the settings classes."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from deploy_service.settings import DeploySettings
from executor_service.providers.settings import ProviderSettings
from executor_service.settings import ExecutorSettings
from gateway.settings import GatewaySettings
from jobs_service.settings import JobsSettings
from shared.settings import SECRETS_DIR, CommonSettings, TicketSettings, setting_variables

_CLASSES: Final[Mapping[str, type[BaseSettings]]] = {
    "Every service": CommonSettings,
    "gateway, deploy-service and jobs-service": TicketSettings,
    "gateway": GatewaySettings,
    "deploy-service": DeploySettings,
    "executor-service": ExecutorSettings,
    "executor-service: model providers": ProviderSettings,
    "jobs-service": JobsSettings,
}
SETTINGS: Final[Mapping[str, Sequence[type[BaseSettings]]]] = {
    "gateway": (GatewaySettings,),
    "deploy-service": (DeploySettings,),
    "executor-service": (ExecutorSettings, ProviderSettings),
    "jobs-service": (JobsSettings,),
}
"""Settings classes of each service."""
_UNITS: Final[Mapping[str, str]] = {
    "seconds": "seconds",
    "bytes": "bytes",
    "mib": "MiB",
    "ms": "milliseconds",
    "ratio": "share, 0 to 1",
    "port": "port",
    "timeout": "seconds",
}

_HEAD: Final = f"""# Configuration

All settings of the services. `make docs` generates this page from the settings classes; do not edit it.

Every setting is an environment variable. A value outside its range stops the service at start, with a message that
names the variable. The second name in a row is the one that Sim uses; if both are set, the first applies. Secrets can
also be files: with `{SECRETS_DIR}=/run/secrets`, the file `/run/secrets/flowport_token_gateway` sets
`FLOWPORT_TOKEN_GATEWAY`.

Each service reads only the tables that name it and the first one. The command `flowport` reads
[more variables](operations/cli.md#environment).

To trust a private authority, set `SSL_CERT_FILE` of every service to a file with the certificates of all trusted
authorities. Without it, HTTP clients trust the operating system's store. Python 3.13, which our images have, accepts
only certificates that follow RFC 5280: an authority's certificate states the usage of its key, and each certificate
names the key that signed it.

In executor-service, `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` name a proxy for model calls, except to the hosts in
`NO_PROXY`. Calls that workflows and webhooks make bypass the proxy.
"""


def configuration_page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *(line for title, kind in _CLASSES.items() for line in _section(title, kind))]) + "\n"


def _section(title: str, kind: type[BaseSettings]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| setting | unit | range | default | meaning |"
    yield "|---|---|---|---|---|"
    bases = [each for each in _CLASSES.values() if each is not kind and issubclass(kind, each)]
    inherited = {name for base in bases for name in base.model_fields}
    for name, field in kind.model_fields.items():
        if name not in inherited:
            yield _row(kind, name, field)
    yield ""


def _row(kind: type[BaseSettings], name: str, field: FieldInfo) -> str:
    variables = "<br>".join(f"`{variable}`" for variable in setting_variables(kind, name))
    meaning = (field.description or "").replace("|", "\\|").replace("<", "&lt;")
    return f"| {variables} | {_unit(name, field)} | {_range(field)} | {_default(field)} | {meaning} |"


def _unit(name: str, field: FieldInfo) -> str:
    kind = next((each for each in get_args(field.annotation) if each in (int, float)), field.annotation)
    if kind not in (int, float):
        return {SecretStr: "secret", bool: "true, false"}.get(kind, "text") if isinstance(kind, type) else "text"
    parts = name.split("_")
    return next((_UNITS[part] for part in (parts[-1], *parts) if part in _UNITS), "number")


def _range(field: FieldInfo) -> str:
    kind = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{member.value}`" for member in kind)
    return " ".join(filter(None, (_low(field), _high(field)))) or "any"


def _low(field: FieldInfo) -> str:
    for bound in field.metadata:
        if isinstance(bound, Ge):
            return f"from {_number(bound.ge)}"
        if isinstance(bound, Gt):
            return f"over {_number(bound.gt)}"
    return ""


def _high(field: FieldInfo) -> str:
    for bound in field.metadata:
        if isinstance(bound, Le):
            return f"to {_number(bound.le)}"
        if isinstance(bound, Lt):
            return f"under {_number(bound.lt)}"
    return ""


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr) or value in ("", (), None) or value is PydanticUndefined:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return _number(value)
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def _number(value: Any) -> str:
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:g}"
