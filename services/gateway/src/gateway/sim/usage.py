"""`GET /api/users/me/usage-limits`: the caller's limits."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request

from gateway.access.authentication import Authentication
from gateway.access.plans import BucketState, RateKind
from gateway.runs.logs import UsageReports
from gateway.runs.reader import as_number
from gateway.web.bodies import Wire
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import Bucket, Error, answers, bucket, legacy_router, spend_limit
from shared.clock import Clock

REFUSALS: Final = answers(Error, 401, 403, 503)


class LegacyBucket(Bucket):
    """State of one rate limit."""

    is_limited: bool = Field(description="Whether no calls are left until the reset.")
    limit: int = Field(description="Same as requestsPerMinute.")


class RateLimit(Wire):
    """Limits of calls that start runs."""

    sync: LegacyBucket
    queued: LegacyBucket = Field(alias="async")
    auth_type: Literal["api", "manual"]


class MonthlyUsage(Wire):
    """Spend this month, in US dollars."""

    current_period_cost: int | float
    limit: int | float
    plan: str


class Storage(Wire):
    """Stored files; they are not metered, so all values are 0."""

    used_bytes: int = 0
    limit_bytes: int = 0
    percent_used: float = 0


class UsageLimits(Wire):
    """The caller's limits."""

    success: Literal[True] = True
    rate_limit: RateLimit
    usage: MonthlyUsage
    storage: Storage = Storage()


def usage_router(
    authentication: Authentication, rate_limits: RateLimitHeaders, reports: UsageReports, clock: Clock
) -> APIRouter:
    """Return the usage route, which counts no call."""
    router = legacy_router("Execute", 401, 403, 503)

    @router.get("/api/users/me/usage-limits", summary="Get usage and limits", responses=REFUSALS)
    async def usage_limits(
        request: Request,
        workspace_id: Annotated[
            str | None, Query(alias="workspaceId", description="Defaults to the caller's workspace.")
        ] = None,
    ) -> UsageLimits:
        caller = await authentication.require(request.headers, message="Authentication required")
        caller = caller.within(workspace_id or caller.workspace.id)
        rate_limits.show(request, caller, RateKind.SYNC)
        usage = await reports.of(caller)
        return UsageLimits(
            rate_limit=RateLimit(
                sync=_legacy(usage.sync_calls, clock),
                queued=_legacy(usage.async_calls, clock),
                auth_type="manual" if caller.is_session else "api",
            ),
            usage=MonthlyUsage(
                current_period_cost=as_number(usage.cost_usd), limit=spend_limit(usage), plan=usage.plan
            ),
        )

    return router


def _legacy(state: BucketState, clock: Clock) -> LegacyBucket:
    shown = bucket(state, clock)
    return LegacyBucket(**shown.model_dump(), is_limited=state.remaining == 0, limit=state.rate.per_window)
