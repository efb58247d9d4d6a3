"""Assembly of workspaces' data: large values, queue counters, spend, run counts, conversations; and of its deletion."""

from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter

from jobs_service.bootstrap.runs import RunServices
from jobs_service.bootstrap.storage import Storage
from jobs_service.conversations.repository import MongoConversations
from jobs_service.conversations.routes import conversations_router
from jobs_service.deletion.repository import MongoDeletion
from jobs_service.deletion.routes import deletion_router
from jobs_service.deletion.service import DeletionService
from jobs_service.payloads.routes import blobs_router
from jobs_service.queue.routes import queues_router
from jobs_service.settings import JobsSettings
from jobs_service.spend.routes import spend_router
from jobs_service.statistics.routes import run_counts_router
from shared.clock import Clock
from shared.web.internal_auth import ServiceTokens
from shared.web.run_tickets import TicketChecks


def workspace_routers(
    settings: JobsSettings,
    storage: Storage,
    services: RunServices,
    tokens: ServiceTokens,
    clock: Clock,
    *,
    checks: TicketChecks,
) -> Sequence[APIRouter]:
    """Return the routes for workspaces' data."""
    lifetime = timedelta(seconds=settings.conversation_lifetime_seconds)
    conversations = MongoConversations(storage.store, settings.conversation_limits, lifetime)
    deletion = DeletionService(
        MongoDeletion(storage.store, storage.blobs), services.cancels, storage.spend, storage.run_counter
    )
    return (
        blobs_router(storage.blobs, checks, lifetime=timedelta(seconds=settings.blob_lifetime_seconds)),
        queues_router(storage.counters, tokens, limit=settings.queue_limits.per_workspace),
        spend_router(storage.spend, tokens, clock),
        run_counts_router(storage.run_counts, tokens),
        conversations_router(conversations, checks),
        deletion_router(deletion, tokens),
    )
