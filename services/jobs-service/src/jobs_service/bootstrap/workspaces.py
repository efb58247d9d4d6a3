"""Assembly of workspaces' other data: values, conversations, spend, dead letters; and its deletion."""

from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter

from jobs_service.bootstrap.runs import RunHandling
from jobs_service.bootstrap.storage import Kept
from jobs_service.conversations.repository import MongoConversations
from jobs_service.conversations.routes import conversations_router
from jobs_service.deletion.repository import MongoErasure
from jobs_service.deletion.routes import erasing_router
from jobs_service.deletion.service import Erasing
from jobs_service.payloads.routes import blobs_router
from jobs_service.queue.routes import queues_router
from jobs_service.settings import JobsSettings
from jobs_service.spend.routes import spend_router
from jobs_service.statistics.routes import tallies_router
from shared.clock import Clock
from shared.web.internal_auth import ServiceTokens
from shared.web.run_tickets import TicketChecks


def workspace_routers(
    settings: JobsSettings,
    kept: Kept,
    handling: RunHandling,
    tokens: ServiceTokens,
    clock: Clock,
    *,
    checks: TicketChecks,
) -> Sequence[APIRouter]:
    """Return the routes of each."""
    remembered = timedelta(seconds=settings.conversation_lifetime_seconds)
    conversations = MongoConversations(kept.store, settings.conversation_limits, remembered)
    erasing = Erasing(MongoErasure(kept.store, kept.blobs), handling.cancelling, kept.spend, kept.tallying)
    return (
        blobs_router(kept.blobs, checks, lifetime=timedelta(seconds=settings.blob_lifetime_seconds)),
        queues_router(kept.counters, tokens, limit=settings.queue_limits.per_workspace),
        spend_router(kept.spend, tokens, clock),
        tallies_router(kept.tallies, tokens),
        conversations_router(conversations, checks),
        erasing_router(erasing, tokens),
    )
