"""Webhooks for ended runs: internal HTTP bodies of jobs-service."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.runs import Trigger

RUN_COMPLETED = "workflow.execution.completed"


class Level(StrEnum):
    """Outcome levels of runs; a failed one is an error."""

    INFO = "info"
    ERROR = "error"


class SaveSubscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Send selected run ends to `url`, with selected details. No workflow ids means every workflow.

    `secret` signs deliveries; when omitted, a replaced subscription keeps its secret.
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
    """A subscription for its readers, without the secret."""

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
    """Start of the current failures. A subscription that fails for long is deactivated."""


class Subscriptions(msgspec.Struct, frozen=True):
    """All subscriptions of a workspace."""

    subscriptions: tuple[Subscription, ...]


class DeliveryState(StrEnum):
    """State of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to one address; without a subscription, to the call's own address."""

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
    """Workflow of the run; None from earlier service versions."""


class DeliveryPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Deliveries, newest first. `next_cursor` is None on the last page."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None = None


class TestResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Response to a test delivery."""

    __test__ = False

    success: bool
    status: int | None = None
    status_text: str = ""
    body: str = ""


class CallbackSecret(msgspec.Struct, frozen=True):
    """Secret that signs a workspace's deliveries to addresses given by calls."""

    secret: str
