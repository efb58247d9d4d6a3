"""Assembly of webhooks: subscriptions and deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs_service.bootstrap.storage import Storage
from jobs_service.leadership.loops import Loop, WakeUpEvent
from jobs_service.recordings.repository import sealed_keys
from jobs_service.replay_sets.documents import sealed_results
from jobs_service.settings import JobsSettings
from jobs_service.webhooks.delivery import DeliveryService
from jobs_service.webhooks.notifier import Notifier
from jobs_service.webhooks.repository import MongoDeliveries
from jobs_service.webhooks.secret_repository import CALLBACK_SECRETS, SUBSCRIPTIONS, MongoWebhookSecrets, sealed_secrets
from jobs_service.webhooks.sender import GuardedSender
from jobs_service.webhooks.subscriptions import SubscriptionService
from shared.clock import Clock
from shared.net import OutboundClient, OutboundLimits, OutboundPolicy
from shared.security.rotation import KeyRotation
from shared.service import Component

WEBHOOK_CONNECTIONS: Final = 64
"""Connections for all concurrency slots of deliveries, and some for tests of addresses."""
DELIVERY_GAP_SECONDS: Final = 0.02
SUBSCRIBERS_SECONDS: Final = 0.5
"""A subscription is confirmed after a second: by then every process marks the ends of its runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookServices:
    """Services from a run's end to its delivery."""

    outbound: OutboundClient
    rotations: Sequence[KeyRotation]
    notifier: Notifier
    delivery_service: DeliveryService
    subscription_service: SubscriptionService
    wake_up: WakeUpEvent
    """Wakes the sender when slots are free."""


def make_webhook_services(settings: JobsSettings, storage: Storage, clock: Clock) -> WebhookServices:
    """Build the services with one guarded client."""
    outbound = OutboundClient(settings.outbound_allow, limits=OutboundLimits(connections=WEBHOOK_CONNECTIONS))
    sender, subscriptions = GuardedSender(outbound, OutboundPolicy(settings.outbound_allow)), storage.subscriptions
    webhook_secrets = MongoWebhookSecrets(storage.store, storage.webhook_keys)
    sealed = [sealed_secrets(storage.store.collection(name)) for name in (SUBSCRIPTIONS, CALLBACK_SECRETS)]
    notices = MongoDeliveries(storage.store, timedelta(seconds=settings.delivery_lifetime_seconds))
    given_up = timedelta(seconds=settings.webhook_give_up_seconds)
    wake_up = WakeUpEvent()
    delivery_service = DeliveryService(
        notices, subscriptions, webhook_secrets, sender, clock, wake_up=wake_up, give_up_after=given_up
    )
    return WebhookServices(
        outbound=outbound,
        rotations=[
            KeyRotation(each, storage.webhook_keys)
            for each in (*sealed, sealed_keys(storage.store), sealed_results(storage.store))
        ],
        notifier=Notifier(notices, subscriptions, clock),
        delivery_service=delivery_service,
        subscription_service=SubscriptionService(subscriptions, notices, webhook_secrets, delivery_service, sender),
        wake_up=wake_up,
    )


def webhook_components(settings: JobsSettings, storage: Storage, webhooks: WebhookServices) -> Sequence[Component]:
    """Return the client, key rotation, subscriptions, notifier and sender."""
    return (
        *webhooks.rotations,
        webhooks.outbound,
        Loop("subscribers", storage.subscriptions.refresh, every=SUBSCRIBERS_SECONDS),
        Loop("notifier", webhooks.notifier.step, every=settings.webhook_poll_seconds),
        Loop(
            "deliverer",
            webhooks.delivery_service.step,
            every=settings.webhook_poll_seconds,
            wake_up=webhooks.wake_up,
            gap=DELIVERY_GAP_SECONDS,
            on_stop=webhooks.delivery_service.stop,
        ),
    )
