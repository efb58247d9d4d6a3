"""Assembly of webhooks: subscriptions and deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs_service.bootstrap.storage import Kept
from jobs_service.leadership.loops import Bell, Loop
from jobs_service.settings import JobsSettings
from jobs_service.webhooks.delivery import Delivering
from jobs_service.webhooks.notifier import Notifying
from jobs_service.webhooks.repository import MongoNotices
from jobs_service.webhooks.sealed_secrets import sealed_secrets
from jobs_service.webhooks.secret_repository import CALLBACK_SECRETS, MongoWebhookSecrets
from jobs_service.webhooks.sender import GuardedSender
from jobs_service.webhooks.subscription_repository import SUBSCRIPTIONS
from jobs_service.webhooks.subscriptions import Subscribing
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
class Webhooks:
    """Services from a run's end to its delivery."""

    outbound: OutboundClient
    rotations: Sequence[KeyRotation]
    notifying: Notifying
    delivering: Delivering
    subscribing: Subscribing
    bell: Bell
    """Wakes the sender when slots are free."""


def make_webhooks(settings: JobsSettings, kept: Kept, clock: Clock) -> Webhooks:
    """Build the services with one guarded client."""
    outbound = OutboundClient(settings.outbound_allow, limits=OutboundLimits(connections=WEBHOOK_CONNECTIONS))
    sender, book = GuardedSender(outbound, OutboundPolicy(settings.outbound_allow)), kept.subscriptions
    box = MongoWebhookSecrets(kept.store, kept.webhook_keys)
    sealed = [sealed_secrets(kept.store.collection(name)) for name in (SUBSCRIPTIONS, CALLBACK_SECRETS)]
    notices = MongoNotices(kept.store, timedelta(seconds=settings.delivery_lifetime_seconds))
    given_up = timedelta(seconds=settings.webhook_give_up_seconds)
    bell = Bell()
    delivering = Delivering(notices, book, box, sender, clock, bell=bell, give_up_after=given_up)
    return Webhooks(
        outbound=outbound,
        rotations=[KeyRotation(each, kept.webhook_keys) for each in sealed],
        notifying=Notifying(notices, book, clock),
        delivering=delivering,
        subscribing=Subscribing(book, notices, box, delivering, sender),
        bell=bell,
    )


def webhook_components(settings: JobsSettings, kept: Kept, webhooks: Webhooks) -> Sequence[Component]:
    """Return the client, key rotation, subscriptions, notifier and sender."""
    return (
        *webhooks.rotations,
        webhooks.outbound,
        Loop("subscribers", kept.subscriptions.refresh, every=SUBSCRIBERS_SECONDS),
        Loop("notifier", webhooks.notifying.step, every=settings.webhook_poll_seconds),
        Loop(
            "deliverer",
            webhooks.delivering.step,
            every=settings.webhook_poll_seconds,
            bell=webhooks.bell,
            gap=DELIVERY_GAP_SECONDS,
            on_stop=webhooks.delivering.stop,
        ),
    )
