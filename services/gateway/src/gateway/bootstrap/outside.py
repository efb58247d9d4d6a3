"""What the gateway reaches: its database, the broker, the other services."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypedDict

from gateway.adapters.agent_service import AgentService
from gateway.adapters.argon2 import Argon2Passwords
from gateway.adapters.bucket_store import INDEXES as BUCKET_INDEXES
from gateway.adapters.bucket_store import BucketStore
from gateway.adapters.chat_service import ChatService
from gateway.adapters.deploy_service import DeployService
from gateway.adapters.entry_code_store import INDEXES as CODE_INDEXES
from gateway.adapters.entry_code_store import EntryCodeStore
from gateway.adapters.follow_up import FollowUpService
from gateway.adapters.idempotency_store import INDEXES as IDEMPOTENCY_INDEXES
from gateway.adapters.idempotency_store import IdempotencyStore
from gateway.adapters.jobs_service import JobsService
from gateway.adapters.smtp import SmtpMailer
from gateway.adapters.tenant_store import INDEXES as TENANT_INDEXES
from gateway.adapters.tenant_store import TenantStore
from gateway.adapters.tool_server_service import ToolServerService
from gateway.ports import (
    AgentKeeper,
    AuditEntries,
    Buckets,
    ChatKeeper,
    DeployKeeper,
    EntryCodes,
    FollowUps,
    IdempotencyRecords,
    Mailer,
    Passwords,
    RunKeeper,
    TenantDatabase,
    ToolServerKeeper,
)
from gateway.settings import GatewaySettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.service import Component, ServiceName
from shared.store.audit import INDEXES as AUDIT_INDEXES
from shared.store.audit import AuditStore
from shared.store.client import Store
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

INDEXES: Final = (*TENANT_INDEXES, *BUCKET_INDEXES, *IDEMPOTENCY_INDEXES, *AUDIT_INDEXES, *CODE_INDEXES)


class Given(TypedDict, total=False):
    """Parts that stand in the place of the real ones."""

    clock: Clock
    broker: Broker
    passwords: Passwords
    store: TenantDatabase
    buckets: Buckets
    calls: IdempotencyRecords
    audit_entries: AuditEntries
    deploy: DeployKeeper
    chats: ChatKeeper
    agents: AgentKeeper
    entry_codes: EntryCodes
    mailer: Mailer
    tool_servers: ToolServerKeeper
    jobs: RunKeeper
    follow_ups: FollowUps


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Every part, and the clients that reaching the other services takes."""

    clock: Clock
    broker: Broker
    passwords: Passwords
    store: TenantDatabase
    buckets: Buckets
    calls: IdempotencyRecords
    audit_entries: AuditEntries
    deploy: DeployKeeper
    chats: ChatKeeper
    agents: AgentKeeper
    entry_codes: EntryCodes
    mailer: Mailer | None
    tool_servers: ToolServerKeeper
    jobs: RunKeeper
    follow_ups: FollowUps
    clients: Sequence[Component]


def reach(settings: GatewaySettings, given: Given) -> Outside:
    """What is given, and the rest as `settings` say; nothing is opened that is not needed."""
    clients, mail_server = _Clients(settings), settings.mail_server()

    @cache
    def database() -> Store:
        return Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_gateway", INDEXES)

    return Outside(
        clock=given.get("clock") or SystemClock(),
        broker=given.get("broker") or open_broker(settings.amqp_url, service=ServiceName.GATEWAY),
        passwords=given.get("passwords") or Argon2Passwords(),
        store=given.get("store") or TenantStore(database()),
        buckets=given.get("buckets") or BucketStore(database()),
        calls=given.get("calls") or IdempotencyStore(database()),
        audit_entries=given.get("audit_entries") or AuditStore(database()),
        deploy=given.get("deploy") or DeployService(clients.to(settings.deploy_url)),
        agents=given.get("agents") or AgentService(clients.to(settings.deploy_url)),
        chats=given.get("chats") or ChatService(clients.to(settings.deploy_url)),
        entry_codes=given.get("entry_codes") or EntryCodeStore(database()),
        mailer=given.get("mailer") or (SmtpMailer(mail_server) if mail_server else None),
        tool_servers=given.get("tool_servers") or ToolServerService(clients.to(settings.deploy_url)),
        jobs=given.get("jobs")
        or JobsService(clients.to(settings.jobs_url, patience=settings.restart_patience_seconds)),
        follow_ups=given.get("follow_ups") or FollowUpService(clients.to(settings.jobs_url)),
        clients=clients.opened,
    )


class _Clients:
    """Opens clients, and remembers them."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self.opened: list[InternalClient] = []

    def to(self, url: str, *, patience: float = 0.0) -> InternalClient:
        """A new one."""
        client = InternalClient(
            url,
            caller=ServiceName.GATEWAY,
            tokens=ServiceTokens.of(self._settings),
            timeout=self._settings.internal_timeout_seconds,
            patience=patience,
        )
        self.opened.append(client)
        return client
