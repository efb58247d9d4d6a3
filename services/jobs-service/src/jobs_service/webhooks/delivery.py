"""Signs deliveries and sends them until they succeed or have no attempts left."""

import asyncio
import secrets
from datetime import timedelta
from functools import partial
from typing import Final

from jobs_service import metrics
from jobs_service.leadership.loops import WakeUpEvent
from jobs_service.webhooks import rules
from jobs_service.webhooks.concurrency import ConcurrencySlots
from jobs_service.webhooks.ports import (
    DeliveryRepository,
    DueDelivery,
    SecretRepository,
    SubscriptionRepository,
    WebhookAnswer,
    WebhookSender,
)
from shared.clock import Clock, epoch_ms
from shared.contracts.webhooks import RUN_COMPLETED, Subscription, TestResult
from shared.errors import FlowportError, NotFound
from shared.observe.logging import get_logger
from shared.tasks import cancel_task

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
