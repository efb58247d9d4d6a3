"""Who is told when a run ends: internal HTTP bodies of jobs-service."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.runs import Trigger

RUN_COMPLETED = "workflow.execution.completed"


class Level(StrEnum):
    """Runs by how they ended; a failed one is an error."""

    INFO = "info"
    ERROR = "error"


class SaveSubscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which ends of runs are told to `url`, and with how much. No workflow ids means every workflow.

    `secret` signs deliveries; left out, a replaced subscription keeps the one that it has.
    """

    url: str
    workflow_ids: tuple[str, ...] = ()
    levels: tuple[Level, ...] = (Level.INFO, Level.ERROR)
    triggers: tuple[Trigger, ...] = tuple(Trigger)
    include_final_output: bool = False
    include_trace_spans: bool = False
    active: bool = True
    secret: str | msgspec.UnsetType | None = msgspec.UNSET


class Subscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A subscription for its readers: everything but the secret."""

    id: str
    workspace_id: str
    url: str
    workflow_ids: tuple[str, ...] = ()
    levels: tuple[Level, ...] = (Level.INFO, Level.ERROR)
    triggers: tuple[Trigger, ...] = tuple(Trigger)
    include_final_output: bool = False
    include_trace_spans: bool = False
    active: bool = True
    has_secret: bool = False
    created_at: datetime
    failing_since: datetime | None = None
    """Since when no delivery arrived. After a long time of that, it is not active any more."""


class Subscriptions(msgspec.Struct, frozen=True):
    """All of a workspace."""

    subscriptions: tuple[Subscription, ...]


class DeliveryState(StrEnum):
    """How far a delivery got."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to one address; without a subscription, to the address that the call named."""

    id: str
    workspace_id: str
    subscription_id: str | None = None
    run_id: str
    url: str
    state: DeliveryState
    attempts: int = 0
    created_at: datetime
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    workflow_id: str | None = None
    """Whose run it was; None from a service that does not say so yet."""


class DeliveryPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Deliveries, newest first. `next_cursor` is None on the last page."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None = None


class TestResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an address answered to a trial."""

    __test__ = False

    success: bool
    status: int | None = None
    status_text: str = ""
    body: str = ""


class CallbackSecret(msgspec.Struct, frozen=True):
    """What signs the deliveries of a workspace that its calls asked for by address."""

    secret: str
