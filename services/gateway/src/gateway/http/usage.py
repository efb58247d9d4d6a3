"""Usage, as every API generation shows it."""

from datetime import timedelta
from typing import Final

from pydantic import Field

from gateway.access.domain.plans import BucketState
from gateway.http.bodies import Wire
from gateway.runs.application.usage import Usage
from gateway.runs.domain.run_states import as_number
from shared.clock import Clock, iso

NO_SPEND_LIMIT: Final = 99_999
"""Number sent when no cap applies: clients expect one."""


class Bucket(Wire):
    """State of one rate limit."""

    requests_per_minute: int = Field(description="Calls added per window.")
    max_burst: int = Field(description="Capacity of the bucket.")
    remaining: int
    reset_at: str


class WorkflowRates(Wire):
    """Limits of calls that start runs."""

    sync: Bucket
    queued: Bucket = Field(alias="async")


class Spending(Wire):
    """Spend this month, in US dollars."""

    current_period_cost: int | float
    limit: int | float
    plan: str
    is_exceeded: bool


class Limits(Wire):
    """The caller's limits. The headers show the limit that this call was counted against."""

    workflow_execution_rate_limit: WorkflowRates
    usage: Spending


def limits_block(usage: Usage, clock: Clock) -> Limits:
    """Return the `limits` of a response."""
    rates = WorkflowRates(sync=bucket(usage.sync_calls, clock), queued=bucket(usage.async_calls, clock))
    spending = Spending(
        current_period_cost=as_number(usage.cost_usd),
        limit=spend_limit(usage),
        plan=usage.plan,
        is_exceeded=usage.is_exceeded,
    )
    return Limits(workflow_execution_rate_limit=rates, usage=spending)


def spend_limit(usage: Usage) -> float:
    """Return the monthly cap, as an integer if whole."""
    return as_number(usage.cap_usd or NO_SPEND_LIMIT)


def bucket(state: BucketState, clock: Clock) -> Bucket:
    """Return the current state of a rate limit."""
    return Bucket(
        requests_per_minute=state.rate.per_window,
        max_burst=state.rate.burst,
        remaining=state.remaining,
        reset_at=iso(clock.now() + timedelta(seconds=state.resets_in)),
    )
