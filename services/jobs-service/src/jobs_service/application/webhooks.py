"""Tells whoever asked for it that a run has ended: at least once, a bounded number of times, under one id."""

import asyncio
import base64
import secrets
from datetime import timedelta
from typing import Final

from jobs_service import metrics
from jobs_service.domain import webhooks
from jobs_service.domain.webhooks import EndedRun
from jobs_service.ports import DueDelivery, NewDelivery, Notices, SecretBox, SubscriptionBook, Way
from shared.clock import Clock, epoch_ms
from shared.contracts.webhooks import RUN_COMPLETED, DeliveryPage, SaveSubscription, Subscription, TestResult
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.observe.logging import get_logger

log = get_logger("webhooks")
AT_ONCE: Final = 50
CONCURRENT: Final = 20
MOST_PER_WORKSPACE: Final = 10
SEND_SECONDS: Final = 30.0
TEST_SECONDS: Final = 10.0
SHOWN_CHARACTERS: Final = 500


class Notifying:
    """From ended runs to deliveries."""

    def __init__(self, notices: Notices, book: SubscriptionBook, clock: Clock) -> None:
        self._notices = notices
        self._book = book
        self._clock = clock

    async def step(self) -> None:
        """Write deliveries for the runs that have ended since. Raises Unavailable."""
        is_full = True
        while is_full:
            await self._book.refresh()
            runs = await self._notices.ended(AT_ONCE)
            is_full = len(runs) == AT_ONCE
            if runs:
                deliveries = [delivery for key, run in runs.items() for delivery in await self._deliveries(key, run)]
                await self._notices.announce(list(runs), deliveries)

    async def _deliveries(self, run_key: str, run: EndedRun) -> list[NewDelivery]:
        now_ms = epoch_ms(self._clock.now())
        found = [] if run.callback_url is None else [_to_callback(run_key, run, run.callback_url, now_ms)]
        subscribed = await self._book.of(run.view.workspace_id)
        wanting = [each for each in subscribed if webhooks.wants(each, run)]
        return [*found, *(_to_subscriber(run_key, run, each, now_ms) for each in wanting)]


def _to_callback(run_key: str, run: EndedRun, url: str, now_ms: int) -> NewDelivery:
    name = webhooks.delivery_id(run_key, None)
    body = webhooks.payload(run, name, now_ms, output=True, spans=False)
    return NewDelivery(name, run.view.workspace_id, run.view.workflow_id, run_key, url, body)


def _to_subscriber(run_key: str, run: EndedRun, subscription: Subscription, now_ms: int) -> NewDelivery:
    name = webhooks.delivery_id(run_key, subscription.id)
    body = webhooks.payload(
        run, name, now_ms, output=subscription.include_final_output, spans=subscription.include_trace_spans
    )
    return NewDelivery(
        name, run.view.workspace_id, run.view.workflow_id, run_key, subscription.url, body, subscription.id
    )


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


class Subscribing:
    """A workspace's subscriptions and what became of them."""

    def __init__(
        self, book: SubscriptionBook, notices: Notices, box: SecretBox, delivering: Delivering, way: Way
    ) -> None:
        self._book = book
        self._notices = notices
        self._box = box
        self._delivering = delivering
        self._way = way

    async def all(self, workspace_id: str) -> tuple[Subscription, ...]:
        """Oldest first. Raises Unavailable."""
        return await self._book.of(workspace_id)

    async def create(self, workspace_id: str, asked: SaveSubscription) -> Subscription:
        """Raises InvalidRequest, Conflict (there are enough), Unavailable."""
        self._way.check(asked.url)
        if len(await self._book.of(workspace_id)) >= MOST_PER_WORKSPACE:
            raise Conflict(f"A workspace can have at most {MOST_PER_WORKSPACE} webhooks")
        return await self._book.save(workspace_id, None, asked)

    async def get(self, workspace_id: str, subscription_id: str) -> Subscription:
        """Raises NotFound, Unavailable."""
        for subscription in await self._book.of(workspace_id):
            if subscription.id == subscription_id:
                return subscription
        raise NotFound("Notification not found")

    async def replace(self, workspace_id: str, subscription_id: str, asked: SaveSubscription) -> Subscription:
        """Raises InvalidRequest, NotFound, Unavailable."""
        self._way.check(asked.url)
        await self.get(workspace_id, subscription_id)
        return await self._book.save(workspace_id, subscription_id, asked)

    async def delete(self, workspace_id: str, subscription_id: str) -> None:
        """Raises NotFound, Unavailable."""
        await self.get(workspace_id, subscription_id)
        await self._book.delete(workspace_id, subscription_id)

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult:
        """Raises NotFound, Unavailable."""
        return await self._delivering.try_out(await self.get(workspace_id, subscription_id))

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """Newest first. Raises InvalidRequest, Unavailable."""
        return await self._notices.page(workspace_id, subscription_id, limit=limit, cursor=cursor)

    async def resend(self, workspace_id: str, delivery: str) -> None:
        """Send it again, now and with all its attempts. Raises NotFound, Unavailable."""
        if not await self._notices.resend(workspace_id, delivery):
            raise NotFound("Delivery not found")

    async def callback_secret(self, workspace_id: str) -> str:
        """What signs the deliveries that calls ask for by address. Raises InvalidRequest where there are no keys."""
        secret = await self._box.callback_secret(workspace_id, make=new_secret)
        if secret is None:
            raise InvalidRequest("This system has no key to keep secrets with")
        return secret


def new_secret() -> str:
    """A secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
