"""What an operator can set on the gateway."""

from typing import Any

from pydantic import AliasChoices, Field

from gateway.domain.plans import Plan, PlanName, Plans
from shared.settings import CommonSettings


def _sim(name: str, default: int, **options: Any) -> Any:
    """A setting that also goes by the name that people know from Sim."""
    return Field(default, validation_alias=AliasChoices(f"FLOWPORT_{name}", name, name.lower()), **options)


def _sync_limit(plan: str, default: int) -> Any:
    description = f"Time limit of sync and streamed runs on the {plan} plan, in seconds."
    return _sim(f"EXECUTION_TIMEOUT_{plan.upper()}", default, ge=1, le=604_800, description=description)


def _async_limit(plan: str, default: int) -> Any:
    description = f"Time limit of queued runs on the {plan} plan, in seconds."
    return _sim(f"EXECUTION_TIMEOUT_ASYNC_{plan.upper()}", default, ge=1, le=604_800, description=description)


def _concurrency(plan: str, default: int) -> Any:
    description = f"Queued runs of a workspace on the {plan} plan that may be processing at once."
    return Field(default, ge=1, le=100_000, description=description)


class GatewaySettings(CommonSettings):
    """Doors, limits and plans."""

    gateway_port: int = Field(
        8080,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("FLOWPORT_GATEWAY_PORT", "PORT", "gateway_port"),
        description="Port of the public door.",
    )
    public_url: str = Field("", description="Where callers reach us, for links; http://localhost:<port> when empty.")
    default_plan: PlanName = Field(PlanName.ENTERPRISE, description="Plan of the first workspace.")

    admission_gate_max_inflight: int = _sim(
        "ADMISSION_GATE_MAX_INFLIGHT", 500, ge=1, le=100_000, description="Execute calls in hand at once, per process."
    )
    max_body_bytes: int = Field(
        10 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="Largest request body, in bytes."
    )
    queue_wait_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a sync or streamed run may wait for a worker."
    )
    run_margin_seconds: float = Field(
        15.0, gt=0, le=600, description="How long past its limits a run is waited for before it is given up."
    )
    stream_write_seconds: float = Field(
        30.0, gt=0, le=600, description="How long a stream waits for a reader who does not read."
    )
    endpoint_stale_seconds: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="How long live versions outlive deploy-service in memory.",
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

    @property
    def base_url(self) -> str:
        """How links begin."""
        return self.public_url.rstrip("/") or f"http://localhost:{self.gateway_port}"

    def plans(self) -> Plans:
        """Every plan; max has the team's numbers, benchmark has the enterprise's without a bound on concurrency."""
        free = Plan(
            PlanName.FREE,
            self.execution_timeout_free,
            self.execution_timeout_async_free,
            self.concurrency_free,
        )
        pro = Plan(PlanName.PRO, self.execution_timeout_pro, self.execution_timeout_async_pro, self.concurrency_pro)
        team = (self.execution_timeout_team, self.execution_timeout_async_team, self.concurrency_team)
        enterprise = (self.execution_timeout_enterprise, self.execution_timeout_async_enterprise)
        plans = (
            free,
            pro,
            Plan(PlanName.MAX, *team),
            Plan(PlanName.TEAM, *team),
            Plan(PlanName.ENTERPRISE, *enterprise, self.concurrency_enterprise),
            Plan(PlanName.BENCHMARK, *enterprise, 100_000),
        )
        return {plan.name: plan for plan in plans}
