"""Settings of every service, and how they are loaded. Each service subclasses them; all are `FLOWPORT_*` variables."""

import os
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.broker.address import parts_of
from shared.broker.queue_topology import LONGEST_RUN_SECONDS
from shared.security.key_list import parse_keys
from shared.security.run_tickets import TICKET_KEYS, TicketKeys

SETTINGS_CONFIG: Final = SettingsConfigDict(
    env_prefix="FLOWPORT_", secrets_dir=None, extra="ignore", frozen=True, populate_by_name=True
)


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _broker_url(url: str) -> str:
    """Return `url` if it is valid. Raises ValueError."""
    if not url.startswith("memory:"):
        parts_of(url)
    return url


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list written as `a,b,c`."""


def sim_setting(name: str, default: int, **options: Any) -> Any:
    """Define a setting that can also be set by its name in Sim."""
    return Field(default, validation_alias=AliasChoices(f"FLOWPORT_{name}", name, name.lower()), **options)


class CommonSettings(BaseSettings):
    """Broker, observability, and the tokens between services."""

    model_config = SETTINGS_CONFIG

    amqp_url: Annotated[str, AfterValidator(_broker_url)] = Field(
        "amqp://guest:guest@127.0.0.1:5672/", description="RabbitMQ URL, or memory:// in-process."
    )
    longest_run_seconds: int = Field(
        LONGEST_RUN_SECONDS,
        ge=1,
        le=604_800,
        description="Upper bound of every plan's time limit: RabbitMQ requeues a run ten minutes after it. Before"
        " raising it, run `flowport topology apply` with the new value.",
    )
    build: str = Field(
        "",
        max_length=100,
        description="Version in flowport_build_info. Our images set it to the tag they were built for. If empty, the"
        " version of the packages.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Minimum severity to log.")
    log_format: Literal["json", "console"] = Field("json", description="JSON lines, or text for a terminal.")
    tracing_endpoint: str = Field(
        "", description="OTLP/HTTP endpoint for traces: http://collector:4318/v1/traces. Empty: no tracing."
    )
    tracing_ratio: float = Field(1.0, ge=0, le=1, description="Share of traces started by this service to record.")
    metrics_by_workspace: bool = Field(
        False, description="Also count runs per workspace: one series per workspace, mode and outcome."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token required for `/metrics`, and for `problems` in `/readyz`. May be a list, old,new, for"
        " rotation. If empty, anyone who reaches the port can read both.",
    )
    public_url: str = Field(
        "",
        description="Public URL of the gateway, for links and to recognize calls back to this system; "
        "localhost if empty.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    deploy_url: str = Field("http://127.0.0.1:8081", description="Base URL of deploy-service.")
    jobs_url: str = Field("http://127.0.0.1:8082", description="Base URL of jobs-service.")
    internal_timeout_seconds: float = Field(10.0, gt=0, le=300, description="Timeout of calls between services.")
    restart_patience_seconds: float = Field(
        10.0,
        ge=0,
        le=300,
        description="How long calls wait for a service that restarts: it refuses connections, or has not started yet.",
    )
    drain_notice_seconds: float = Field(
        2.0, ge=0, le=60, description="How long a stopping process still serves while /readyz answers 503 (draining)."
    )
    drain_seconds: float = Field(25.0, ge=0, le=600, description="How long a stopping process lets work finish.")
    token_gateway: SecretStr = Field(
        SecretStr(""),
        description="Token that the gateway sends to other services. Like the three below, it may be a list, a,b, for"
        " rotation without downtime: the first is sent, all are accepted.",
    )
    token_deploy: SecretStr = Field(SecretStr(""), description="Token that deploy-service sends.")
    token_executor: SecretStr = Field(SecretStr(""), description="Token that executor-service sends.")
    token_jobs: SecretStr = Field(SecretStr(""), description="Token that jobs-service sends.")

    @property
    def base_url(self) -> str:
        """Base URL of links."""
        return self.public_url.rstrip("/") or "http://localhost:8080"


class StoreSettings(CommonSettings):
    """Store connection. executor-service has none."""

    mongodb_uri: str = Field("mongodb://127.0.0.1:27017", description="The MongoDB-compatible store.")
    mongodb_prefix: str = Field("flowport", description="Each service's database is <prefix>_<service>.")


class TicketSettings(StoreSettings):
    """Run ticket keys, for every service that handles run data; executor-service has none."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    ticket_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that sign run tickets, as id:base64 of 32 bytes, comma-separated: the same list on gateway,"
        " jobs-service and deploy-service, never on executor-service. The first key signs, all of them verify. To"
        " rotate: roll out old,new; then new,old; and, once the longest run has ended, new alone.",
    )

    @field_validator("ticket_keys")
    @classmethod
    def _ticket_keys_can_be_read(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    def ticket_ring(self) -> TicketKeys:
        """Return the keys for run tickets. Raises SystemExit if none is configured: no run could read anything."""
        keys = parse_keys(self.ticket_keys.get_secret_value())
        if not keys:
            raise SystemExit(f"{TICKET_KEYS} is not set. {type(self).model_fields['ticket_keys'].description}")
        return TicketKeys(keys)


class TicketCheckSettings(TicketSettings):
    """Check of run tickets in calls of executor-service."""

    run_tickets: Literal["require", "accept-missing"] = Field(
        "require",
        description="accept-missing accepts calls of executor-service without a run ticket: only for an upgrade from a"
        " version without tickets. Invalid and expired tickets are always refused.",
    )


Settings = TypeVar("Settings", bound=BaseSettings)

SECRETS_DIR = "FLOWPORT_SECRETS_DIR"
"""Names a folder of files named after settings, each holding a value, as Kubernetes and Docker mount secrets."""


def load_settings(kind: type[Settings], **given: Any) -> Settings:
    """Return this process's settings, overridden by `given`. Raises SystemExit, with a sentence for each wrong one."""
    try:
        return kind(_secrets_dir=os.environ.get(SECRETS_DIR) or None, **given)
    except ValidationError as error:
        sentences = "\n".join(_sentence(kind, problem["loc"], problem["msg"]) for problem in error.errors())
        raise SystemExit(f"{kind.__name__} are invalid:\n{sentences}") from None


def setting_variables(kind: type[BaseSettings], name: str) -> tuple[str, ...]:
    """Return the variables that set field `name`, the preferred one first."""
    alias = kind.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(choice for choice in alias.choices if isinstance(choice, str) and choice.isupper())
    return (f"{kind.model_config.get('env_prefix', '')}{name}".upper(),)


def _sentence(kind: type[BaseSettings], location: tuple[int | str, ...], message: str) -> str:
    found = next(_fields_at(kind, location), None)
    if found is None:
        return f"  {message.removeprefix('Value error, ')}"
    name, field = found
    names = setting_variables(kind, name)
    variable = next((name for name in names if name in os.environ), names[0])
    value = os.environ.get(variable)
    is_shown = value is not None and field.annotation is not SecretStr and "@" not in value  # may hold a password
    given = f"={value}" if is_shown else ""
    return f"  {variable}{given}: {message.removeprefix('Value error, ')}. {field.description}"


def _fields_at(kind: type[BaseSettings], location: tuple[int | str, ...]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the field of an error: pydantic reports the name that was used."""
    first = str(location[0]).upper() if location else ""
    for name, field in kind.model_fields.items():
        if first in (name.upper(), *setting_variables(kind, name)):
            yield name, field
