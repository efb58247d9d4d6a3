"""Creates deliveries for ended runs."""

from typing import Final

from jobs_service.webhooks import rules
from jobs_service.webhooks.ports import DeliveryRepository, NewDelivery, SubscriptionRepository
from jobs_service.webhooks.rules import EndedRun
from shared.clock import Clock, epoch_ms
from shared.contracts.webhooks import Subscription
from shared.errors import FlowportError
from shared.observe.logging import get_logger

log = get_logger("webhooks")

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
