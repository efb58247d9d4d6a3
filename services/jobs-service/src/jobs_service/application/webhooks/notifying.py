"""From runs that have ended to what is to be delivered about them."""

from typing import Final

from jobs_service.domain import webhooks
from jobs_service.domain.webhooks import EndedRun
from jobs_service.ports import NewDelivery, Notices, SubscriptionBook
from shared.clock import Clock, epoch_ms
from shared.contracts.webhooks import Subscription

AT_ONCE: Final = 50


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
