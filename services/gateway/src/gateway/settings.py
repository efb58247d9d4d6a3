"""Settings of the gateway."""

import itertools
import json
import os
from dataclasses import replace
from typing import Annotated, Any, Final, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from gateway.access.passwords import networks
from gateway.access.plans import PLANS, UNLIMITED, PlanName, Plans
from gateway.chat.mail import MailServer, MailTls
from shared.email_addresses import normalize_email
from shared.settings import CommaList, TicketSettings, sim_setting

SIM_NAMES: Final = {
    "EXECUTION_TIMEOUT_{}": "sync_seconds",
    "EXECUTION_TIMEOUT_ASYNC_{}": "async_seconds",
    "RATE_LIMIT_{}_SYNC": "sync_rate",
    "RATE_LIMIT_{}_ASYNC": "async_rate",
    "RATE_LIMIT_{}_API": "api_rate",
}
"""Sim's names of single limits, by the limit; `{}` is the plan."""


class PlanLimits(BaseModel):
    """Changed limits of one plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sync_seconds: int | None = Field(None, ge=1, le=604_800)
    async_seconds: int | None = Field(None, ge=1, le=604_800)
    concurrency: int | None = Field(None, ge=1, le=100_000)
    sync_rate: int | None = Field(None, ge=1, le=UNLIMITED)
    async_rate: int | None = Field(None, ge=1, le=UNLIMITED)
    api_rate: int | None = Field(None, ge=1, le=UNLIMITED)
    log_days: int | None = Field(None, ge=1, le=3650)
    spend_cap_usd: float | None = Field(None, ge=0, le=1e9)


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
        PlanName.SELF_HOSTED,
        description="Plan of new workspaces. `self_hosted` has no rate limits; `benchmark` is another name of it.",
    )
    plan_limits: Annotated[dict[PlanName, PlanLimits], NoDecode] = Field(
        {},
        validate_default=True,
        validation_alias=AliasChoices("FLOWPORT_PLANS", "plan_limits"),
        description='Changed limits of plans, as JSON by plan: {"pro": {"sync_rate": 300}}. Limits: sync_seconds,'
        " async_seconds, concurrency, sync_rate, async_rate, api_rate, log_days, spend_cap_usd. Sim's names also work:"
        " EXECUTION_TIMEOUT_PRO, EXECUTION_TIMEOUT_ASYNC_PRO, RATE_LIMIT_PRO_SYNC, RATE_LIMIT_PRO_ASYNC.",
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

    rate_limit_window_ms: int = sim_setting(
        "RATE_LIMIT_WINDOW_MS", 60_000, ge=100, le=86_400_000, description="Window of every rate limit, in ms."
    )
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

    @field_validator("plan_limits", mode="before")
    @classmethod
    def _add_sim_names(cls, value: Any) -> Any:
        """Parse JSON, and add the limits that are set by Sim's names. Raises ValueError."""
        value = json.loads(value) if isinstance(value, str) else value
        if not isinstance(value, dict):
            return value
        limits = {str(plan): dict(changed) for plan, changed in value.items()}
        for (form, limit), plan in itertools.product(SIM_NAMES.items(), PlanName):
            name = form.format(plan.upper())
            found = os.environ.get(f"FLOWPORT_{name}", os.environ.get(name))
            if found is not None:
                limits.setdefault(plan, {}).setdefault(limit, found)
        return limits

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
        too_long = [
            plan.name
            for plan in self.plans().values()
            if max(plan.sync_seconds, plan.async_seconds) > self.longest_run_seconds
        ]
        if too_long:
            raise ValueError(
                f"FLOWPORT_PLANS: time limits of {', '.join(too_long)} are longer than FLOWPORT_LONGEST_RUN_SECONDS,"
                f" which is {self.longest_run_seconds}."
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
        """Return all plans with their changed limits."""
        plans = {name: replace(plan, spend_cap_usd=self.spend_limit_usd) for name, plan in PLANS.items()}
        for name, changed in self.plan_limits.items():
            plans[name] = replace(plans[name], **changed.model_dump(exclude_none=True))
        return plans
