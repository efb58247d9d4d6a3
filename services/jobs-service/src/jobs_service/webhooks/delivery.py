"""Signs deliveries and sends them until they succeed or have no attempts left."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from jobs_service import metrics
from jobs_service.leadership import WakeUpEvent
from jobs_service.webhooks import rules
from jobs_service.webhooks.rules import (
    DeliveryRepository,
    DueDelivery,
    EndedRun,
    NewDelivery,
    SecretRepository,
    SubscriptionRepository,
    WebhookAnswer,
    WebhookSender,
)
from shared.clock import Clock, epoch_ms
from shared.contracts.webhooks import RUN_COMPLETED, Subscription, TestResult
from shared.errors import FlowportError, InvalidRequest, NotFound
from shared.net import BlockedAddress, OutboundClient, OutboundError, OutboundPolicy, OutboundRequest
from shared.net.urls import read_target
from shared.observe.logging import get_logger
from shared.tasks import cancel_task

SLOTS: Final = 40
WORKSPACE_SLOTS: Final = 20
ADDRESS_SLOTS: Final = 10
"""An address that never answers delays neither other workspaces nor the workspace's other addresses."""


class ConcurrencySlots:
    """Concurrency slots of deliveries in progress."""

    def __init__(self) -> None:
        self._of_workspace: Counter[str] = Counter()
        self._of_address: Counter[str] = Counter()

    @property
    def free(self) -> int:
        """Return the number of free slots."""
        return SLOTS - self._of_workspace.total()

    @property
    def full_workspaces(self) -> list[str]:
        """Return the workspaces that have used all their slots."""
        return [name for name, count in self._of_workspace.items() if count >= WORKSPACE_SLOTS]

    @property
    def full_addresses(self) -> list[str]:
        """Return the addresses that have used all their slots."""
        return [url for url, count in self._of_address.items() if count >= ADDRESS_SLOTS]

    def is_free_for(self, due: DueDelivery) -> bool:
        """Return whether a slot is free for the delivery."""
        return (
            self.free > 0
            and self._of_workspace[due.workspace_id] < WORKSPACE_SLOTS
            and self._of_address[due.url] < ADDRESS_SLOTS
        )

    def acquire(self, due: DueDelivery) -> None:
        """Take a slot for the delivery."""
        self._of_workspace[due.workspace_id] += 1
        self._of_address[due.url] += 1

    def release(self, due: DueDelivery) -> bool:
        """Release the delivery's slot; return whether another delivery may have waited for it."""
        was_wanted = not self.is_free_for(due)
        self._of_workspace -= Counter([due.workspace_id])  # removes entries of zero
        self._of_address -= Counter([due.url])
        return was_wanted


class GuardedSender:
    """Implements WebhookSender."""

    def __init__(self, outbound: OutboundClient, policy: OutboundPolicy) -> None:
        self._outbound = outbound
        self._policy = policy

    def check(self, url: str) -> None:
        try:
            self._policy.check(read_target(url))
        except BlockedAddress as error:
            raise InvalidRequest(error.message) from error

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, workspace_id: str, seconds: float
    ) -> WebhookAnswer:
        call = OutboundRequest(
            "POST", url, headers, body, timeout_seconds=seconds, workspace_id=workspace_id, keeps_method=True
        )
        try:
            answer = await self._outbound.send(call)
        except OutboundError as error:
            return WebhookAnswer(None, error.message, refused=isinstance(error, BlockedAddress))
        return WebhookAnswer(answer.status, answer.reason, answer.body[:2_000].decode(errors="replace"))


log = get_logger("webhooks")

STOP_SECONDS: Final = 3.0
SEND_SECONDS: Final = 30.0
TEST_SECONDS: Final = 10.0
SHOWN_CHARACTERS: Final = 500


class DeliveryService:
    """Sender of due deliveries, a bounded number concurrently."""

    def __init__(
        self,
        deliveries: DeliveryRepository,
        subscriptions: SubscriptionRepository,
        webhook_secrets: SecretRepository,
        sender: WebhookSender,
        clock: Clock,
        *,
        wake_up: WakeUpEvent,
        give_up_after: timedelta,
    ) -> None:
        """`wake_up` wakes the loop that calls `step`."""
        self._deliveries = deliveries
        self._subscriptions = subscriptions
        self._webhook_secrets = webhook_secrets
        self._sender = sender
        self._clock = clock
        self._give_up_after = give_up_after
        self._wake_up = wake_up
        self._slots = ConcurrencySlots()
        self._in_progress: set[asyncio.Task[None]] = set()

    async def step(self) -> None:
        """Start due deliveries while slots are free. Raises Unavailable."""
        slots, is_more = self._slots, True
        while is_more and (free := slots.free):
            found = await self._deliveries.due(
                free, excluded_workspaces=slots.full_workspaces, excluded_urls=slots.full_addresses
            )
            is_more = len(found) == free
            for due in found:
                if slots.is_free_for(due) and await self._deliveries.take(due):
                    self._begin(due)

    async def stop(self) -> None:
        """Wait a bounded time for deliveries in progress. Those that do not finish are due again in a minute."""
        if self._in_progress:
            await asyncio.wait(self._in_progress, timeout=STOP_SECONDS)
        await asyncio.gather(*map(cancel_task, self._in_progress))

    async def send_test(self, subscription: Subscription) -> TestResult:
        """Send a test event that belongs to no run. Raises NotFound, Unavailable."""
        now_ms = epoch_ms(self._clock.now())
        name = f"delivery_test_{secrets.token_hex(8)}"
        body = b'{"id":"evt_test","type":"%s","timestamp":%d,"data":{"test":true}}' % (RUN_COMPLETED.encode(), now_ms)
        signed = rules.headers(name, body, now_ms, await self._secret(subscription.workspace_id, subscription.id))
        answer = await self._sender.post(
            subscription.url, signed, body, workspace_id=subscription.workspace_id, seconds=TEST_SECONDS
        )
        success = rules.is_success(answer.status)
        return TestResult(success, answer.status, answer.reason, answer.text[:SHOWN_CHARACTERS])

    def _begin(self, due: DueDelivery) -> None:
        self._slots.acquire(due)
        task = asyncio.get_running_loop().create_task(self._deliver_logged(due), name=due.id)
        self._in_progress.add(task)
        task.add_done_callback(partial(self._ended, due))

    def _ended(self, due: DueDelivery, task: asyncio.Task[None]) -> None:
        self._in_progress.discard(task)
        if self._slots.release(due):
            self._wake_up.wake()

    async def _deliver_logged(self, due: DueDelivery) -> None:
        try:
            await self._deliver(due)
        except Exception:
            log.exception("webhook_delivery_failed", delivery_id=due.id)

    async def _deliver(self, due: DueDelivery) -> None:
        answer = await self._send(due)
        arrived = rules.is_success(answer.status)
        metrics.DELIVERIES.labels("delivered" if arrived else "failed").inc()
        if arrived:
            await self._deliveries.delivered(due, answer)
        else:
            transient = answer.status is None or rules.is_transient(answer.status)
            wait = rules.retry_delay(due.attempts) if transient and not answer.refused else None
            await self._deliveries.failed(due, answer, wait)
        if due.subscription_id is not None:
            await self._subscriptions.record_result(
                due.subscription_id, arrived=arrived, give_up_after=self._give_up_after
            )

    async def _send(self, due: DueDelivery) -> WebhookAnswer:
        try:
            now_ms = epoch_ms(self._clock.now())
            secret = await self._secret(due.workspace_id, due.subscription_id)
            signed = rules.headers(due.id, due.body, now_ms, secret)
            return await self._sender.post(
                due.url, signed, due.body, workspace_id=due.workspace_id, seconds=SEND_SECONDS
            )
        except FlowportError as error:
            # Counts as an attempt: otherwise a secret whose key is missing would be retried without end.
            log.error("webhook_delivery_not_sent", delivery_id=due.id, error=error.message)
            return WebhookAnswer(None, f"Not sent: {error.message}", refused=isinstance(error, NotFound))

    async def _secret(self, workspace_id: str, subscription_id: str | None) -> str | None:
        if subscription_id is None:
            return await self._webhook_secrets.callback_secret(workspace_id)
        return await self._webhook_secrets.secret_of(workspace_id, subscription_id)


AT_ONCE: Final = 50


class Notifier:
    """Writer of deliveries for ended runs."""

    def __init__(self, deliveries: DeliveryRepository, subscriptions: SubscriptionRepository, clock: Clock) -> None:
        self._deliveries = deliveries
        self._subscriptions = subscriptions
        self._clock = clock

    async def step(self) -> None:
        """Write deliveries for the runs that have ended since the last step. Raises Unavailable."""
        while runs := await self._deliveries.ended(AT_ONCE):
            deliveries = [
                delivery for key, run in runs.items() for delivery in await self._readable_deliveries(key, run)
            ]
            await self._deliveries.save_deliveries(list(runs), deliveries)

    async def _readable_deliveries(self, run_key: str, run: EndedRun) -> list[NewDelivery]:
        """Return a run's deliveries, or none if its data cannot be read, so that it does not block other runs."""
        try:
            return await self._new_deliveries(run_key, run)
        except FlowportError:
            raise
        except Exception:
            log.exception("webhook_notification_failed", run_id=run_key, workspace_id=run.view.workspace_id)
            return []

    async def _new_deliveries(self, run_key: str, run: EndedRun) -> list[NewDelivery]:
        if run.is_replay:
            return []
        now_ms = epoch_ms(self._clock.now())
        found = [] if run.callback_url is None else [_to_callback(run_key, run, run.callback_url, now_ms)]
        subscribed = await self._subscriptions.of(run.view.workspace_id)
        wanting = [each for each in subscribed if rules.wants(each, run)]
        return [*found, *(_to_subscriber(run_key, run, each, now_ms) for each in wanting)]


def _to_callback(run_key: str, run: EndedRun, url: str, now_ms: int) -> NewDelivery:
    name = rules.delivery_id(run_key, None)
    body = rules.payload(run, name, now_ms, output=True, spans=False)
    return NewDelivery(name, run.view.workspace_id, run.view.workflow_id, run_key, url, body)


def _to_subscriber(run_key: str, run: EndedRun, subscription: Subscription, now_ms: int) -> NewDelivery:
    name = rules.delivery_id(run_key, subscription.id)
    body = rules.payload(
        run, name, now_ms, output=subscription.include_final_output, spans=subscription.include_trace_spans
    )
    return NewDelivery(
        name, run.view.workspace_id, run.view.workflow_id, run_key, subscription.url, body, subscription.id
    )
