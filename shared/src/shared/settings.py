"""Settings that every service has. Each service adds its own class on top; all are `FLOWPORT_*` variables."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from flowport_amqp.address import parts_of
from shared.broker.rabbitmq.clients import DEFAULT_CLIENT, AmqpClient
from shared.broker.topology import LONGEST_RUN_SECONDS
from shared.security.key_list import parse_keys
from shared.security.run_tickets import TICKET_KEYS, TicketKeys

SETTINGS_CONFIG: Final = SettingsConfigDict(
    env_prefix="FLOWPORT_", secrets_dir=None, extra="ignore", frozen=True, populate_by_name=True
)


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _broker_url(url: str) -> str:
    """`url`, where a broker may be at it. Raises ValueError."""
    if not url.startswith("memory:"):
        parts_of(url)
    return url


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list written as `a,b,c`."""


def sim_setting(name: str, default: int, **options: Any) -> Any:
    """A setting that also goes by the name that people know from Sim."""
    return Field(default, validation_alias=AliasChoices(f"FLOWPORT_{name}", name, name.lower()), **options)


class CommonSettings(BaseSettings):
    """Where the broker is, how to log, and the tokens between services."""

    model_config = SETTINGS_CONFIG

    amqp_url: Annotated[str, AfterValidator(_broker_url)] = Field(
        "amqp://guest:guest@127.0.0.1:5672/", description="RabbitMQ, or memory:// in one process."
    )
    amqp_client: AmqpClient = Field(
        DEFAULT_CLIENT, description="What carries the traffic of RabbitMQ: our own client, or aio-pika."
    )
    longest_run_seconds: int = Field(
        LONGEST_RUN_SECONDS,
        ge=1,
        le=604_800,
        description="No plan's time limit may be longer: RabbitMQ takes a run back from its worker ten minutes later."
        " Raise it for `flowport topology apply`, too, and run that first.",
    )
    build: str = Field(
        "",
        max_length=100,
        description="What runs here, for flowport_build_info. Our images say it: the tag that they were built for. The"
        " version of the packages when empty.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line to log.")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or for people.")
    tracing_endpoint: str = Field(
        "", description="Where traces are sent, OTLP over HTTP: http://collector:4318/v1/traces. Empty: nowhere."
    )
    tracing_ratio: float = Field(1.0, ge=0, le=1, description="Share of the traces that begin here which is recorded.")
    metrics_by_workspace: bool = Field(
        False, description="Count runs per workspace too: one series for each workspace, mode and outcome."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Token that `/metrics`, and `problems` in `/readyz`, require as `Authorization: Bearer`. May be a"
        " list, old,new, while it is changed. Anyone who reaches the port can read both when it is empty.",
    )
    public_url: str = Field(
        "",
        description="Where people reach the gateway: for links, and to know calls that come back to this system; "
        "localhost when empty.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    deploy_url: str = Field("http://127.0.0.1:8081", description="Base URL of deploy-service.")
    jobs_url: str = Field("http://127.0.0.1:8082", description="Base URL of jobs-service.")
    internal_timeout_seconds: float = Field(10.0, gt=0, le=300, description="Limit of one call between services.")
    restart_patience_seconds: float = Field(
        10.0, ge=0, le=300, description="How long calls wait for another service that refuses connections: it restarts."
    )
    drain_notice_seconds: float = Field(
        2.0, ge=0, le=60, description="How long a stopping process still serves while /readyz answers 503 (draining)."
    )
    drain_seconds: float = Field(25.0, ge=0, le=600, description="How long a stopping process lets work finish.")
    token_gateway: SecretStr = Field(
        SecretStr(""),
        description="Token that the gateway shows to other services. Like the three below it may be a list, a,b: the"
        " first is shown, all of them are accepted, so that it can be changed without a stop.",
    )
    token_deploy: SecretStr = Field(SecretStr(""), description="Token that deploy-service shows.")
    token_executor: SecretStr = Field(SecretStr(""), description="Token that executor-service shows.")
    token_jobs: SecretStr = Field(SecretStr(""), description="Token that jobs-service shows.")

    @property
    def base_url(self) -> str:
        """How links begin."""
        return self.public_url.rstrip("/") or "http://localhost:8080"


class StoreSettings(CommonSettings):
    """Where the store is. executor-service has none."""

    mongodb_uri: str = Field("mongodb://127.0.0.1:27017", description="The MongoDB-compatible store.")
    mongodb_prefix: str = Field("flowport", description="Each service's database is <prefix>_<service>.")


class TicketSettings(StoreSettings):
    """The keys for run tickets, which every service has that a run's data passes through; executor-service has none."""

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
        """Return the keys for run tickets. Raises SystemExit where none is configured: no run could read anything."""
        keys = parse_keys(self.ticket_keys.get_secret_value())
        if not keys:
            raise SystemExit(f"{TICKET_KEYS} is not set. {type(self).model_fields['ticket_keys'].description}")
        return TicketKeys(keys)


class TicketCheckSettings(TicketSettings):
    """How a service treats calls of executor-service without a run ticket."""

    run_tickets: Literal["require", "accept-missing"] = Field(
        "require",
        description="accept-missing accepts calls of executor-service without a run ticket: only while you upgrade from"
        " a version that has none. Wrong and expired tickets are always refused.",
    )
