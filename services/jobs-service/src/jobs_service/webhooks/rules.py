"""Webhook rules: content, subscribers, signatures and retries."""

import hmac
import random
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import NAMESPACE_URL, uuid5

import msgspec

from shared.clock import iso
from shared.contracts.jobs import BlockLog, RunView
from shared.contracts.runs import RunStatus
from shared.contracts.webhooks import RUN_COMPLETED, DeliveryPage, Level, SaveSubscription, Subscription
from shared.ids import public_run_id
from shared.workflow.compile.run_files import files_of
from shared.workflow.trace.spans import trace_of

RETRIES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 180, 600))
"""Delay before each retry; up to a tenth is added so that retries spread out."""
JITTER: Final = 0.1
MAX_OUTPUT_BYTES: Final = 1024 * 1024
"""A larger output is not sent; receivers can fetch it by the run's id."""
_PREFIX: Final = "whsec_"
_LOGS: Final = "/api/v1/logs"
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(tuple[BlockLog, ...]).decode


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended, with its output if small enough to be sent."""

    view: RunView
    workflow_name: str
    output: bytes | None
    callback_url: str | None = None
    blocks: bytes | None = None
    """Block results, as the worker reported them; None if too large."""
    is_replay: bool = False
    """Whether the run replays a recorded one. Replays send no webhooks."""

    @property
    def level(self) -> Level:
        """Return the run's level; a failed run is an error."""
        return Level.ERROR if self.view.status is RunStatus.FAILED else Level.INFO

    @property
    def traced(self) -> RunView:
        """Return the run with its blocks. Raises DecodeError if they cannot be read."""
        return self.view if self.blocks is None else msgspec.structs.replace(self.view, blocks=_decode(self.blocks))


def wants(subscription: Subscription, run: EndedRun) -> bool:
    """Return whether the subscription matches the run."""
    return (
        subscription.active
        and (not subscription.workflow_ids or run.view.workflow_id in subscription.workflow_ids)
        and run.level in subscription.levels
        and run.view.trigger in subscription.triggers
    )


def delivery_id(run_key: str, subscription_id: str | None) -> str:
    """Return an id that is the same for every attempt and resend, so that receivers can detect repetitions."""
    return f"delivery_{uuid5(NAMESPACE_URL, f'{run_key}/{subscription_id}')}"


def payload(run: EndedRun, delivery: str, now_ms: int, *, output: bool, spans: bool) -> bytes:
    """Return the body of a delivery."""
    view, run_id = run.traced if spans else run.view, public_run_id(run.view.run_id)
    data: dict[str, Any] = {
        "workflowId": view.workflow_id,
        "workflowName": run.workflow_name,
        "executionId": run_id,
        "status": "error" if run.level is Level.ERROR else "success",
        "level": run.level,
        "trigger": view.trigger,
        "startedAt": iso(view.started_at or view.created_at),
        "endedAt": iso(view.ended_at) if view.ended_at else None,
        "totalDurationMs": round(view.duration_ms or 0),
        "cost": {"total": view.usage.cost_usd},
        "files": files_of(view) if spans else None,
    }
    if view.error is not None:
        data["error"] = view.error.text
    if output:
        data["finalOutput"] = msgspec.Raw(run.output) if run.output is not None else None
    if spans:
        data["traceSpans"] = [trace_of(view)]
    event = delivery.replace("delivery_", "evt_", 1)
    links = {"log": f"{_LOGS}/{run_id}", "execution": f"{_LOGS}/executions/{run_id}"}
    return _encode({"id": event, "type": RUN_COMPLETED, "timestamp": now_ms, "data": data, "links": links})


def headers(delivery: str, body: bytes, now_ms: int, secret: str | None) -> Mapping[str, str]:
    """Return the headers: the event, and two signatures if there is a secret."""
    named = {
        "content-type": "application/json",
        "sim-event": RUN_COMPLETED,
        "sim-timestamp": str(now_ms),
        "sim-delivery-id": delivery,
        "idempotency-key": delivery,
        "webhook-id": delivery,
        "webhook-timestamp": str(now_ms // 1000),
    }
    if not secret:
        return named
    signed = b"%s.%d.%b" % (delivery.encode(), now_ms // 1000, body)
    standard = b64encode(hmac.digest(_key(secret), signed, sha256)).decode()
    sim = hmac.digest(secret.encode(), b"%d.%b" % (now_ms, body), sha256).hex()
    return {**named, "webhook-signature": f"v1,{standard}", "sim-signature": f"t={now_ms},v1={sim}"}


def is_success(status: int | None) -> bool:
    """Return whether the address accepted the delivery; None means no response."""
    return status is not None and 200 <= status < 300


def is_transient(status: int) -> bool:
    """Return whether a retry may succeed."""
    return status >= 500 or status == 429


def retry_delay(attempts: int) -> timedelta | None:
    """Return the delay after this many attempts; None when none are left."""
    if attempts > len(RETRIES):
        return None
    return RETRIES[attempts - 1] * (1 + random.random() * JITTER)  # noqa: S311 - spreads load, keeps no secret


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return b64decode(secret.removeprefix(_PREFIX), validate=True)
        except BadBase64:
            pass
    return secret.encode()


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to one address."""

    id: str
    workspace_id: str
    workflow_id: str
    run_key: str
    url: str
    body: bytes
    subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A message to send now; `attempts` includes the attempt about to be made."""

    id: str
    workspace_id: str
    url: str
    body: bytes
    attempts: int
    subscription_id: str | None


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """Response of an address; `status` is None without one. `refused`: the address may not be called."""

    status: int | None
    reason: str = ""
    text: str = ""
    refused: bool = False


class WebhookSender(Protocol):
    """Sends webhooks to external addresses."""

    def check(self, url: str) -> None:
        """Raise InvalidRequest for an invalid or blocked address."""

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, workspace_id: str, seconds: float
    ) -> WebhookAnswer:
        """Send a webhook. Never raises for failures of the address."""


class DeliveryRepository(Protocol):
    """Ended runs with subscribers, and the deliveries about them."""

    async def ended(self, limit: int) -> Mapping[str, EndedRun]:
        """Return up to `limit` runs without deliveries, by key; fewer if they are large."""

    async def save_deliveries(self, run_keys: Sequence[str], deliveries: Sequence[NewDelivery]) -> None:
        """Store the deliveries and mark the runs as announced."""

    async def due(
        self, limit: int, *, excluded_workspaces: Collection[str], excluded_urls: Collection[str]
    ) -> Sequence[DueDelivery]:
        """Return up to `limit` due deliveries, longest due first, except for these workspaces and addresses."""

    async def take(self, due: DueDelivery) -> bool:
        """Claim a delivery for a minute; return False where another process has claimed it."""

    async def delivered(self, due: DueDelivery, answer: WebhookAnswer) -> None: ...

    async def failed(self, due: DueDelivery, answer: WebhookAnswer, wait: timedelta | None) -> None:
        """Make the delivery due again after `wait`, or never if None."""

    async def page(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """Return deliveries, newest first. Raises InvalidRequest for an invalid cursor."""

    async def resend(self, workspace_id: str, delivery_id: str) -> bool:
        """Make the delivery due now; return False if it does not exist."""


class SubscriptionRepository(Protocol):
    """Subscriptions. `has_any` answers from memory, less than a second old."""

    def has_any(self, workspace_id: str) -> bool: ...

    async def of(self, workspace_id: str) -> tuple[Subscription, ...]: ...

    async def save(self, workspace_id: str, subscription_id: str | None, request: SaveSubscription) -> Subscription: ...

    async def delete(self, workspace_id: str, subscription_id: str) -> None: ...

    async def record_result(self, subscription_id: str, *, arrived: bool, give_up_after: timedelta) -> None:
        """Record a delivery's success or failure; deactivate a subscription that has failed for too long."""


class SecretRepository(Protocol):
    """Secrets that sign deliveries, encrypted at rest."""

    async def secret_of(self, workspace_id: str, subscription_id: str) -> str | None:
        """Return a subscription's secret, if it has one. Raises NotFound for a deleted subscription."""

    async def callback_secret(self, workspace_id: str, make: Callable[[], str] | None = None) -> str | None:
        """Return the workspace's secret for callback URLs; create it with `make` if missing."""
