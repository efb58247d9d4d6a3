"""Assembly of jobs-service."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from jobs_service import metrics
from jobs_service.bootstrap.dead_letters import make_redrives
from jobs_service.bootstrap.leaders import leaders
from jobs_service.bootstrap.runs import (
    make_run_handling,
    reservation_cleaner,
    run_consumers,
    run_routers,
    tallier,
    tidier,
)
from jobs_service.bootstrap.storage import make_kept, open_store
from jobs_service.bootstrap.webhooks import make_webhooks, webhook_components
from jobs_service.bootstrap.workspaces import workspace_routers
from jobs_service.dead_letters.consumer import DeadLettersConsumer
from jobs_service.dead_letters.routes import dead_letters_router
from jobs_service.payloads.routes import BLOBS
from jobs_service.queue.ports import Queue
from jobs_service.records.orphans import Orphans
from jobs_service.runs.ports import Runs
from jobs_service.settings import JobsSettings
from jobs_service.webhooks.routes import webhooks_router
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.security.run_tickets import TicketSigner
from shared.service import ServiceName
from shared.store.client import Store
from shared.web.app import create_app
from shared.web.internal_auth import ServiceTokens
from shared.web.middleware import BodyLimitMiddleware
from shared.web.run_tickets import TicketChecks


def build(
    settings: JobsSettings,
    *,
    broker: Broker | None = None,
    store: Store | None = None,
    clock: Clock | None = None,
    runs: Runs | None = None,
    queue: Queue | None = None,
    is_alone: bool = False,
) -> FastAPI:
    """Build the application; defaults come from `settings`. Alone, no other process runs workflows with it."""
    broker = broker or open_broker(settings.amqp_url, service=ServiceName.JOBS, client=settings.amqp_client)
    clock, tokens = clock or SystemClock(), ServiceTokens.of(settings)
    ticket_keys = settings.ticket_ring()
    checks = TicketChecks(tokens, ticket_keys, clock, accepts_missing=settings.run_tickets == "accept-missing")
    metrics.QUEUE_LIMIT.set(settings.dispatch_max_queue_global)
    kept = make_kept(settings, store or open_store(settings), clock, runs, queue)
    handling = make_run_handling(settings, kept, broker, clock, TicketSigner(ticket_keys, clock))
    redrives = make_redrives(settings, kept, handling, broker, clock)
    webhooks = make_webhooks(settings, kept, clock)
    return create_app(
        ServiceName.JOBS,
        build=settings.build,
        metrics_token=settings.metrics_token,
        components=[
            kept.store,
            kept.subscriptions,
            kept.counters,
            tallier(kept),
            kept.grouped,
            kept.views,
            *([Orphans(kept.runs)] if is_alone else ()),
            broker,
            reservation_cleaner(kept),
            handling.accepting.batches,
            handling.recording.batches,
            handling.events.batches,
            *run_consumers(settings, handling, broker),
            DeadLettersConsumer(broker, redrives.dead_lettering, drain_seconds=settings.drain_seconds),
            *leaders(settings, kept, handling, broker, clock),
            *webhook_components(settings, kept, webhooks),
            tidier(handling),
        ],
        checks={"store": kept.store.ping, "broker": broker.ping},
        routers=[
            *run_routers(kept, handling, tokens, checks),
            *workspace_routers(settings, kept, handling, tokens, clock, checks=checks),
            dead_letters_router(redrives.dead_lettering, redrives.redriving, tokens),
            webhooks_router(webhooks.subscribing, tokens),
        ],
        middleware=[Middleware(BodyLimitMiddleware, limit=settings.jobs_max_body_bytes, streamed=(BLOBS,))],
    )
