"""Settings of the gateway."""

from dataclasses import replace
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator

from gateway.access.passwords import networks
from gateway.access.plans import Plan, PlanName, Plans, RateKind
from gateway.chat.mail import MailServer, MailTls
from shared.email_addresses import normalize_email
from shared.settings import CommaList, TicketSettings, sim_setting


def _sync_limit(plan: str, default: int) -> Any:
    description = f"Time limit of sync and streamed runs on the {plan} plan, in seconds."
    return sim_setting(f"EXECUTION_TIMEOUT_{plan.upper()}", default, ge=1, le=604_800, description=description)


def _async_limit(plan: str, default: int) -> Any:
    description = f"Time limit of queued runs on the {plan} plan, in seconds."
    return sim_setting(f"EXECUTION_TIMEOUT_ASYNC_{plan.upper()}", default, ge=1, le=604_800, description=description)


def _concurrency(plan: str, default: int) -> Any:
    description = f"Queued runs that one workspace on the {plan} plan may process concurrently."
    return Field(default, ge=1, le=100_000, description=description)


def _log_days(plan: str, default: int) -> Any:
    description = f"How many days after its end a run stays in the logs, on the {plan} plan."
    return Field(default, ge=1, le=3650, description=description)


def _spend_cap(plan: str) -> Any:
    description = f"Cap on the {plan} plan, if different from FLOWPORT_SPEND_LIMIT_USD; 0 means no cap."
    return Field(None, ge=0, le=1e9, description=description)


def _rate(plan: str, kind: str, default: int) -> Any:
    description = f"Calls per window on the {plan} plan, {kind}; up to twice as many in a burst."
    name = f"RATE_LIMIT_{plan.upper()}_{kind.upper()}"
    return sim_setting(name, default, ge=1, le=1_000_000_000, description=description)


class GatewaySettings(TicketSettings):
    """Server, limits and plans."""

    gateway_port: int = Field(
        8080,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("FLOWPORT_GATEWAY_PORT", "PORT", "gateway_port"),
        description="Port of the public API.",
    )
    admin_email: str = Field("admin@flowport.local", description="Email of the first admin, at first start.")
    admin_password: SecretStr = Field(
        SecretStr(""), description="Initial password of the first admin; if empty, generated and printed once."
    )
    trusted_origins: CommaList = Field(
        (), description="Origins, besides the public URL, whose pages may use sessions: https://a,https://b."
    )
    docs_url: str = Field(
        "",
        description="URL of a site that `make docs-site` built, for the help links of the console; if empty, the"
        " console shows its own copy of the documentation.",
    )
    settle_seconds: float = Field(
        1.0,
        ge=0,
        le=60,
        description="How long deploy, promote, undeploy, revoke and changes of access, members, roles, limits and"
        " webhooks delay their response until every process has dropped stale state; 0 for a single process.",
    )
    default_plan: PlanName = Field(
        PlanName.ENTERPRISE, description="Plan of new workspaces. `benchmark` is for load tests only."
    )

    admission_gate_max_inflight: int = sim_setting(
        "ADMISSION_GATE_MAX_INFLIGHT",
        500,
        ge=1,
        le=100_000,
        description="Concurrent execute calls per process; those with a session and no key are not counted.",
    )
    workspace_max_inflight: int = Field(
        400, ge=1, le=100_000, description="Concurrent execute calls of one workspace, per process."
    )
    spend_limit_usd: float = Field(
        0.0, ge=0, le=1e9, description="Monthly cap on a workspace's model spend, in US dollars; 0 means no cap."
    )
    spend_limit_free_usd: float | None = _spend_cap("free")
    spend_limit_pro_usd: float | None = _spend_cap("pro")
    spend_limit_team_usd: float | None = _spend_cap("team")
    spend_limit_enterprise_usd: float | None = _spend_cap("enterprise")
    max_body_bytes: int = Field(
        10 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="Largest request body, in bytes."
    )
    max_inflight_body_bytes: int = Field(
        320 * 1024 * 1024,
        ge=1024,
        le=1024**4,
        description="Total size of concurrent request bodies over 64 KiB, per process, in bytes; requests beyond it get"
        " 429. Bodies take twice as much memory.",
    )
    queue_wait_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a sync or streamed run may wait for a worker."
    )
    run_margin_seconds: float = Field(
        15.0, gt=0, le=600, description="How long past a run's limits the gateway waits before giving up."
    )
    stream_write_seconds: float = Field(
        30.0, gt=0, le=600, description="How long a stream waits for a client that reads nothing."
    )
    streams_per_run: int = Field(50, ge=1, le=10_000, description="Concurrent event streams of one run, per process.")
    streams_per_caller: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Concurrent run event streams of one key or user, per process; callers without "
        "a key are counted by address. The default leaves room for a program that streams to many users with one key.",
    )
    endpoint_stale_seconds: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="How long to serve cached live versions while deploy-service is down.",
    )

    execution_timeout_free: int = _sync_limit("free", 300)
    execution_timeout_pro: int = _sync_limit("pro", 3000)
    execution_timeout_team: int = _sync_limit("team", 3000)
    execution_timeout_enterprise: int = _sync_limit("enterprise", 3000)
    execution_timeout_async_free: int = _async_limit("free", 5400)
    execution_timeout_async_pro: int = _async_limit("pro", 5400)
    execution_timeout_async_team: int = _async_limit("team", 5400)
    execution_timeout_async_enterprise: int = _async_limit("enterprise", 5400)
    concurrency_free: int = _concurrency("free", 5)
    concurrency_pro: int = _concurrency("pro", 50)
    concurrency_team: int = _concurrency("team", 200)
    concurrency_enterprise: int = _concurrency("enterprise", 200)
    log_retention_days_free: int = _log_days("free", 7)
    log_retention_days_pro: int = _log_days("pro", 30)
    log_retention_days_team: int = _log_days("team", 90)
    log_retention_days_enterprise: int = _log_days("enterprise", 90)

    rate_limit_window_ms: int = sim_setting(
        "RATE_LIMIT_WINDOW_MS", 60_000, ge=100, le=86_400_000, description="Window of every rate limit, in ms."
    )
    rate_limit_free_sync: int = _rate("free", "sync", 50)
    rate_limit_free_async: int = _rate("free", "async", 200)
    rate_limit_free_api: int = _rate("free", "api", 30)
    rate_limit_pro_sync: int = _rate("pro", "sync", 150)
    rate_limit_pro_async: int = _rate("pro", "async", 1000)
    rate_limit_pro_api: int = _rate("pro", "api", 100)
    rate_limit_team_sync: int = _rate("team", "sync", 300)
    rate_limit_team_async: int = _rate("team", "async", 2500)
    rate_limit_team_api: int = _rate("team", "api", 200)
    rate_limit_enterprise_sync: int = _rate("enterprise", "sync", 600)
    rate_limit_enterprise_async: int = _rate("enterprise", "async", 5000)
    rate_limit_enterprise_api: int = _rate("enterprise", "api", 500)
    rate_limit_address: int = Field(
        300,
        ge=1,
        le=1_000_000_000,
        description="Calls per window to the v2 API from one address, by any caller; up to twice as many in a burst."
        " List your proxies in FLOWPORT_TRUSTED_PROXIES; otherwise all callers share one address.",
    )
    rate_limit_public_address: int = Field(
        60, ge=1, le=1_000_000_000, description="Calls per window to a workspace's public workflows from one address."
    )
    smtp_host: str = Field(
        "",
        description="Mail server that sends codes for chats with email access; if empty, such chats are disabled.",
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="SMTP port: usually 587 with starttls, 465 with tls.")
    smtp_tls: MailTls = Field(
        MailTls.STARTTLS,
        description="starttls, tls (implicit) or none; none allows no password. Certificates are verified;"
        " SSL_CERT_FILE names private authorities.",
    )
    smtp_username: str = Field("", description="Mail server account; none if empty.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password of that account.")
    mail_from: str = Field("", description="Sender address of mails; required with FLOWPORT_SMTP_HOST.")
    trusted_proxies: CommaList = Field(
        (), description="Networks of your proxies, 10.0.0.0/8,…; only their X-Forwarded-For headers are trusted."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks(value)
        return value

    @field_validator("docs_url")
    @classmethod
    def _check_docs_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("mail_from")
    @classmethod
    def _check_mail_from(cls, value: str) -> str:
        if value and normalize_email(value) is None:
            raise ValueError("must be an email address")
        return value.strip()

    @model_validator(mode="after")
    def _check_body_budget(self) -> Self:
        if self.max_inflight_body_bytes < self.max_body_bytes:
            raise ValueError("FLOWPORT_MAX_INFLIGHT_BODY_BYTES must be at least FLOWPORT_MAX_BODY_BYTES")
        return self

    @model_validator(mode="after")
    def _check_mail_settings(self) -> Self:
        has_password = bool(self.smtp_password.get_secret_value())
        if self.smtp_host and not self.mail_from:
            raise ValueError("FLOWPORT_SMTP_HOST requires FLOWPORT_MAIL_FROM")
        if bool(self.smtp_username) != has_password:
            raise ValueError("Set both FLOWPORT_SMTP_USERNAME and FLOWPORT_SMTP_PASSWORD, or neither")
        if has_password and self.smtp_tls is MailTls.NONE:
            raise ValueError("FLOWPORT_SMTP_PASSWORD requires TLS: set FLOWPORT_SMTP_TLS to starttls or tls")
        return self

    @model_validator(mode="after")
    def _check_run_limits(self) -> Self:
        limits = [name for name in type(self).model_fields if name.startswith("execution_timeout_")]
        too_long = [f"FLOWPORT_{name.upper()}" for name in limits if getattr(self, name) > self.longest_run_seconds]
        if too_long:
            raise ValueError(
                f"{', '.join(too_long)}: longer than FLOWPORT_LONGEST_RUN_SECONDS, which is {self.longest_run_seconds}."
                " Raise it, and run `flowport topology apply` with it: the broker takes longer runs back from workers"
            )
        return self

    @property
    def base_url(self) -> str:
        """Base URL of links."""
        return super().base_url if self.public_url else f"http://localhost:{self.gateway_port}"

    def mail_server(self) -> MailServer | None:
        """Return the mail server, if set."""
        if not self.smtp_host:
            return None
        return MailServer(
            host=self.smtp_host,
            port=self.smtp_port,
            tls=self.smtp_tls,
            sender=self.mail_from,
            username=self.smtp_username or None,
            password=self.smtp_password.get_secret_value() or None,
        )

    def plans(self) -> Plans:
        """Return all plans: max copies team; benchmark copies enterprise, with almost no load limits."""
        team, enterprise = self._plan(PlanName.TEAM), self._plan(PlanName.ENTERPRISE)
        plans = (
            self._plan(PlanName.FREE),
            self._plan(PlanName.PRO),
            replace(team, name=PlanName.MAX),
            team,
            enterprise,
            replace(
                enterprise,
                name=PlanName.BENCHMARK,
                concurrency=100_000,
                spend_cap_usd=0.0,
                rates=dict.fromkeys(RateKind, 1_000_000_000),
            ),
        )
        return {plan.name: plan for plan in plans}

    def _plan(self, name: PlanName) -> Plan:
        def number(setting: str) -> int:
            return int(getattr(self, setting))

        cap: float | None = getattr(self, f"spend_limit_{name}_usd")
        return Plan(
            name,
            sync_seconds=number(f"execution_timeout_{name}"),
            async_seconds=number(f"execution_timeout_async_{name}"),
            concurrency=number(f"concurrency_{name}"),
            rates={
                RateKind.SYNC: number(f"rate_limit_{name}_sync"),
                RateKind.ASYNC: number(f"rate_limit_{name}_async"),
                RateKind.API: number(f"rate_limit_{name}_api"),
            },
            log_days=number(f"log_retention_days_{name}"),
            spend_cap_usd=self.spend_limit_usd if cap is None else cap,
        )
