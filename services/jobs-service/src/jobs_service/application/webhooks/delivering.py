"""Sends deliveries, each signed, until their addresses have taken them or they have been tried often enough."""

import asyncio
import secrets
from datetime import timedelta
from typing import Final

from jobs_service import metrics
from jobs_service.domain import webhooks
from jobs_service.ports import DueDelivery, Notices, SecretBox, SubscriptionBook, Way
from shared.clock import Clock, epoch_ms
from shared.contracts.webhooks import RUN_COMPLETED, Subscription, TestResult

CONCURRENT: Final = 20
SEND_SECONDS: Final = 30.0
TEST_SECONDS: Final = 10.0
SHOWN_CHARACTERS: Final = 500


class Delivering:
    """Sends what is due."""

    def __init__(
        self,
        notices: Notices,
        book: SubscriptionBook,
        box: SecretBox,
        way: Way,
        clock: Clock,
        *,
        give_up_after: timedelta,
    ) -> None:
        self._notices = notices
        self._book = book
        self._box = box
        self._way = way
        self._clock = clock
        self._give_up_after = give_up_after
        self._slots = asyncio.Semaphore(CONCURRENT)

    async def step(self) -> None:
        """Send everything that is due, a few at once. Raises Unavailable."""
        due = await self._notices.take_due(CONCURRENT)
        await asyncio.gather(*map(self._deliver, due))

    async def try_out(self, subscription: Subscription) -> TestResult:
        """Send an event of no run. Raises NotFound, Unavailable."""
        now_ms = epoch_ms(self._clock.now())
        name = f"delivery_test_{secrets.token_hex(8)}"
        body = b'{"id":"evt_test","type":"%s","timestamp":%d,"data":{"test":true}}' % (RUN_COMPLETED.encode(), now_ms)
        signed = webhooks.headers(name, body, now_ms, await self._secret(subscription.workspace_id, subscription.id))
        answer = await self._way.post(
            subscription.url, signed, body, workspace_id=subscription.workspace_id, seconds=TEST_SECONDS
        )
        success = webhooks.is_success(answer.status)
        return TestResult(success, answer.status, answer.reason, answer.text[:SHOWN_CHARACTERS])

    async def _deliver(self, due: DueDelivery) -> None:
        async with self._slots:
            now_ms = epoch_ms(self._clock.now())
            secret = await self._secret(due.workspace_id, due.subscription_id)
            signed = webhooks.headers(due.id, due.body, now_ms, secret)
            answer = await self._way.post(
                due.url, signed, due.body, workspace_id=due.workspace_id, seconds=SEND_SECONDS
            )
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

    async def _secret(self, workspace_id: str, subscription_id: str | None) -> str | None:
        if subscription_id is None:
            return await self._box.callback_secret(workspace_id)
        return await self._box.secret_of(workspace_id, subscription_id)
