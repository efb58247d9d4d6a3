"""Signs deliveries and sends them until they succeed or have no attempts left."""

import asyncio
import secrets
from datetime import timedelta
from functools import partial
from typing import Final

from jobs_service import metrics
from jobs_service.leadership.loops import Bell
from jobs_service.webhooks import rules as webhooks
from jobs_service.webhooks.concurrency import Places
from jobs_service.webhooks.ports import DueDelivery, Notices, SecretBox, SubscriptionBook, WebhookAnswer, WebhookSender
from shared.clock import Clock, epoch_ms
from shared.contracts.webhooks import RUN_COMPLETED, Subscription, TestResult
from shared.errors import FlowportError, NotFound
from shared.observe.logging import get_logger
from shared.tasks import cancel_task

log = get_logger("delivering")

STOP_SECONDS: Final = 3.0
SEND_SECONDS: Final = 30.0
TEST_SECONDS: Final = 10.0
SHOWN_CHARACTERS: Final = 500


class Delivering:
    """Sender of due deliveries: a bounded number at once, the next as soon as one ends."""

    def __init__(
        self,
        notices: Notices,
        book: SubscriptionBook,
        box: SecretBox,
        sender: WebhookSender,
        clock: Clock,
        *,
        bell: Bell,
        give_up_after: timedelta,
    ) -> None:
        """`bell` wakes the loop that calls `step`."""
        self._notices = notices
        self._book = book
        self._box = box
        self._sender = sender
        self._clock = clock
        self._give_up_after = give_up_after
        self._bell = bell
        self._places = Places()
        self._under_way: set[asyncio.Task[None]] = set()

    async def step(self) -> None:
        """Start due deliveries while slots are free; ring the bell when more are due. Raises Unavailable."""
        places, is_more = self._places, True
        while is_more and (free := places.free):
            found = await self._notices.due(free, but_of=places.full_workspaces, but_to=places.full_addresses)
            is_more = len(found) == free
            for due in found:
                if places.has_room_for(due) and await self._notices.take(due):
                    self._begin(due)

    async def stop(self) -> None:
        """Wait a bounded time for deliveries in progress. Those that do not finish are due again in a minute."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=STOP_SECONDS)
        await asyncio.gather(*map(cancel_task, self._under_way))

    async def try_out(self, subscription: Subscription) -> TestResult:
        """Send a test event that belongs to no run. Raises NotFound, Unavailable."""
        now_ms = epoch_ms(self._clock.now())
        name = f"delivery_test_{secrets.token_hex(8)}"
        body = b'{"id":"evt_test","type":"%s","timestamp":%d,"data":{"test":true}}' % (RUN_COMPLETED.encode(), now_ms)
        signed = webhooks.headers(name, body, now_ms, await self._secret(subscription.workspace_id, subscription.id))
        answer = await self._sender.post(
            subscription.url, signed, body, workspace_id=subscription.workspace_id, seconds=TEST_SECONDS
        )
        success = webhooks.is_success(answer.status)
        return TestResult(success, answer.status, answer.reason, answer.text[:SHOWN_CHARACTERS])

    def _begin(self, due: DueDelivery) -> None:
        self._places.take(due)
        task = asyncio.get_running_loop().create_task(self._deliver_quietly(due), name=due.id)
        self._under_way.add(task)
        task.add_done_callback(partial(self._ended, due))

    def _ended(self, due: DueDelivery, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._places.give_back(due):
            self._bell.ring()

    async def _deliver_quietly(self, due: DueDelivery) -> None:
        try:
            await self._deliver(due)
        except Exception:
            log.exception("a delivery failed; it is due again in a minute", delivery=due.id)

    async def _deliver(self, due: DueDelivery) -> None:
        answer = await self._send(due)
        arrived = webhooks.is_success(answer.status)
        metrics.DELIVERIES.labels("delivered" if arrived else "failed").inc()
        if arrived:
            await self._notices.delivered(due, answer)
        else:
            passing = answer.status is None or webhooks.is_passing(answer.status)
            wait = webhooks.wait_before(due.attempts) if passing and not answer.refused else None
            await self._notices.failed(due, answer, wait)
        if due.subscription_id is not None:
            await self._book.noted(due.subscription_id, arrived=arrived, give_up_after=self._give_up_after)

    async def _send(self, due: DueDelivery) -> WebhookAnswer:
        try:
            now_ms = epoch_ms(self._clock.now())
            secret = await self._secret(due.workspace_id, due.subscription_id)
            signed = webhooks.headers(due.id, due.body, now_ms, secret)
            return await self._sender.post(
                due.url, signed, due.body, workspace_id=due.workspace_id, seconds=SEND_SECONDS
            )
        except FlowportError as error:
            # Counts as an attempt: otherwise a secret whose key is missing would be retried without end.
            log.error("a delivery could not be sent", delivery=due.id, error=error.message)
            return WebhookAnswer(None, f"Not sent: {error.message}", refused=isinstance(error, NotFound))

    async def _secret(self, workspace_id: str, subscription_id: str | None) -> str | None:
        if subscription_id is None:
            return await self._box.callback_secret(workspace_id)
        return await self._box.secret_of(workspace_id, subscription_id)
