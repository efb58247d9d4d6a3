"""Assembly of deploy-service."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from deploy_service.adapters import (
    mongo_environment,
    mongo_publications,
    mongo_snapshots,
    mongo_versions,
    mongo_workflows,
)
from deploy_service.adapters.mongo_deletion import MongoDeletion
from deploy_service.adapters.mongo_drafts import MongoDrafts
from deploy_service.adapters.mongo_environment import MongoEnvironment, sealed_entries
from deploy_service.adapters.mongo_publications import MongoPublications
from deploy_service.adapters.mongo_snapshots import MongoSnapshots
from deploy_service.adapters.mongo_versions import MongoVersions
from deploy_service.adapters.mongo_workflows import MongoWorkflows
from deploy_service.api.deleted_workflows import deleted_workflows_router
from deploy_service.api.deletion import deletion_router
from deploy_service.api.deployments import deployments_router
from deploy_service.api.environment import environment_router
from deploy_service.api.models import models_router
from deploy_service.api.publications import publications_router
from deploy_service.api.runs import runs_router
from deploy_service.api.workflows import workflows_router
from deploy_service.application.announcer import Announcer
from deploy_service.application.changes import WorkflowChanges
from deploy_service.application.checker import WorkflowChecker
from deploy_service.application.contents import Contents
from deploy_service.application.deletion import DeletionService
from deploy_service.application.deployments import Deployments
from deploy_service.application.drafts import Drafts
from deploy_service.application.environment import EnvironmentService
from deploy_service.application.modifications import Modifications
from deploy_service.application.publications import Agents, Chats, ToolServers
from deploy_service.application.run_rights import RunRights
from deploy_service.application.versions import Versions
from deploy_service.application.workflows import Workflows
from deploy_service.domain.publications import AGENT, CHAT, TOOL_SERVER
from deploy_service.settings import DeploySettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.contracts.chats import Chat
from shared.keyed_locks import KeyedLocks
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.rotation import KeyRotation
from shared.security.run_tickets import TicketSigner
from shared.service import ServiceName
from shared.store.client import Store
from shared.web.app import create_app
from shared.web.internal_auth import ServiceTokens
from shared.web.middleware import BodyLimitMiddleware
from shared.web.run_tickets import TicketChecks

INDEXES = (
    *mongo_workflows.INDEXES,
    *mongo_versions.INDEXES,
    *mongo_environment.INDEXES,
    *mongo_snapshots.INDEXES,
    *mongo_publications.INDEXES,
)
ENVELOPE_FACTOR = 2
"""A workflow file may be JSON inside JSON, with every quote escaped."""


def open_store(settings: DeploySettings) -> Store:
    """Return the database of deploy-service, not yet started."""
    return Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_deploy", INDEXES)


def build(
    settings: DeploySettings,
    *,
    broker: Broker | None = None,
    store: Store | None = None,
    clock: Clock | None = None,
    workflows: MongoWorkflows | None = None,
    drafts: MongoDrafts | None = None,
    snapshots: MongoSnapshots | None = None,
    versions: MongoVersions | None = None,
    chats: MongoPublications[Chat] | None = None,
) -> FastAPI:
    """Build the application; defaults come from `settings`."""
    broker = broker or open_broker(settings.amqp_url, service=ServiceName.DEPLOY)
    store = store or open_store(settings)
    clock = clock or SystemClock()
    workflows = workflows or MongoWorkflows(store)
    drafts = drafts or MongoDrafts(store)
    snapshots = snapshots or MongoSnapshots(store)
    versions = versions or MongoVersions(store)
    environment = MongoEnvironment(store)
    chats, agents = chats or MongoPublications(store, CHAT), MongoPublications(store, AGENT)
    keys = AesGcmKeyRing.parse(settings.environment_keys.get_secret_value())
    tokens, ticket_keys = ServiceTokens.of(settings), settings.ticket_ring()
    checks = TicketChecks(tokens, ticket_keys, clock, accepts_missing=settings.run_tickets == "accept-missing")
    limit = settings.workflow_limit_bytes

    changes = WorkflowChanges(workflows, Announcer(broker.control), KeyedLocks())
    contents = Contents(drafts, versions, snapshots)
    workflow_service = Workflows(
        workflows, drafts, contents, changes, clock, publications=(chats, agents), content_limit=limit
    )
    checker = WorkflowChecker(contents, changes, environment, frozenset(settings.keyed_providers))
    draft_service = Drafts(
        workflows, drafts, contents, changes, clock, snapshots=snapshots, content_limit=limit, checker=checker
    )
    deployment_service = Deployments(snapshots, versions, contents, changes, clock, checker=checker)
    version_service = Versions(versions, contents, changes)
    environment_service = EnvironmentService(environment, keys, clock)
    rights = RunRights(contents, deployment_service, versions, environment_service, TicketSigner(ticket_keys, clock))

    return create_app(
        ServiceName.DEPLOY,
        build=settings.build,
        metrics_token=settings.metrics_token,
        components=[store, broker, KeyRotation(sealed_entries(store), keys)],
        checks={"store": store.ping, "broker": broker.ping},
        routers=[
            runs_router(deployment_service, environment_service, rights, checks),
            workflows_router(workflow_service, draft_service, Modifications(workflows, drafts, contents), tokens),
            deleted_workflows_router(workflow_service, tokens),
            deployments_router(deployment_service, version_service, tokens),
            environment_router(environment_service, tokens),
            models_router(settings.keyed_providers, tokens),
            deletion_router(DeletionService(workflow_service, MongoDeletion(store)), tokens),
            publications_router(
                Chats(chats, workflows, clock),
                Agents(AGENT, agents, workflows, clock),
                ToolServers(MongoPublications(store, TOOL_SERVER), workflows, clock),
                tokens,
            ),
        ],
        middleware=[Middleware(BodyLimitMiddleware, limit=limit * ENVELOPE_FACTOR)],
    )
