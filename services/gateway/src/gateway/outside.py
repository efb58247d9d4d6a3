"""External dependencies: database, broker, other services."""

from functools import cached_property
from typing import Final

from gateway.a2a.service import AgentClient
from gateway.access.adapters.bucket_store import INDEXES as BUCKET_INDEXES
from gateway.access.adapters.bucket_store import BucketStore
from gateway.access.ports import AuditEntries, Buckets, Passwords
from gateway.access.sessions import Argon2Passwords
from gateway.chat.code_store import INDEXES as CODE_INDEXES
from gateway.chat.code_store import EntryCodeStore
from gateway.chat.codes import EntryCodes
from gateway.chat.mail import Mailer
from gateway.chat.sessions import ChatClient
from gateway.chat.smtp import SmtpMailer
from gateway.database import INDEXES as TENANT_INDEXES
from gateway.database import TenantDatabase, TenantStore
from gateway.dead_letters.service import DeadLetterClient
from gateway.mcp.service import ToolServerClient
from gateway.recordings.service import RecordingClient
from gateway.repairs.service import RepairClient
from gateway.replays.service import ReplaySetClient
from gateway.runs.idempotency import INDEXES as IDEMPOTENCY_INDEXES
from gateway.runs.idempotency import IdempotencyRecords, IdempotencyStore
from gateway.runs.ports import JobsClient
from gateway.settings import GatewaySettings
from gateway.webhooks.service import WebhookClient
from gateway.workflows.ports import DeployClient
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clients.deploy import DeployService
from shared.clients.jobs import JobsService
from shared.clock import Clock, SystemClock
from shared.service import Component, ServiceName
from shared.store.audit import INDEXES as AUDIT_INDEXES
from shared.store.audit import AuditStore
from shared.store.client import Store
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

INDEXES: Final = (*TENANT_INDEXES, *BUCKET_INDEXES, *IDEMPOTENCY_INDEXES, *AUDIT_INDEXES, *CODE_INDEXES)


class Outside:
    """All dependencies: those given, and the rest from `settings`. Unneeded ones are not opened."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        clock: Clock | None = None,
        broker: Broker | None = None,
        passwords: Passwords | None = None,
        store: TenantDatabase | None = None,
        buckets: Buckets | None = None,
        calls: IdempotencyRecords | None = None,
        audit_entries: AuditEntries | None = None,
        deploy: DeployClient | None = None,
        chats: ChatClient | None = None,
        agents: AgentClient | None = None,
        entry_codes: EntryCodes | None = None,
        mailer: Mailer | None = None,
        tool_servers: ToolServerClient | None = None,
        jobs: JobsClient | None = None,
        dead_letters: DeadLetterClient | None = None,
        webhooks: WebhookClient | None = None,
        recordings: RecordingClient | None = None,
        repairs: RepairClient | None = None,
        replays: ReplaySetClient | None = None,
    ) -> None:
        self._settings = settings
        self.opened: list[Component] = []
        self.clock = clock or SystemClock()
        self.broker = broker or open_broker(settings.amqp_url, service=ServiceName.GATEWAY)
        self.passwords = passwords or Argon2Passwords()
        self.store = store or TenantStore(self._database)
        self.buckets = buckets or BucketStore(self._database)
        self.calls = calls or IdempotencyStore(self._database)
        self.audit_entries = audit_entries or AuditStore(self._database)
        self.deploy = deploy or self._deploy_service.workflows
        self.agents = agents or self._deploy_service.agents
        self.chats = chats or self._deploy_service.chats
        self.entry_codes = entry_codes or EntryCodeStore(self._database)
        self.mailer = mailer or self._mailer()
        self.tool_servers = tool_servers or self._deploy_service.tool_servers
        self.jobs = jobs or self._runs()
        self.dead_letters = dead_letters or self._jobs_service.dead_letters
        self.recordings = recordings or self._jobs_service.recordings
        self.replays = replays or self._jobs_service.replay_sets
        self.webhooks = webhooks or self._jobs_service.webhooks
        self.repairs = repairs or self._jobs_service.repairs

    @cached_property
    def _database(self) -> Store:
        return Store(self._settings.mongodb_uri, f"{self._settings.mongodb_prefix}_gateway", INDEXES)

    def _mailer(self) -> Mailer | None:
        server = self._settings.mail_server()
        return SmtpMailer(server) if server else None

    @cached_property
    def _deploy_service(self) -> DeployService:
        return DeployService(self._client(self._settings.deploy_url))

    @cached_property
    def _jobs_service(self) -> JobsService:
        settings = self._settings
        return JobsService(self._client(settings.jobs_url, retry_seconds=settings.restart_patience_seconds))

    def _runs(self) -> JobsClient:
        runs = self._jobs_service.runs
        self.opened.append(runs)
        return runs

    def _client(self, url: str, *, retry_seconds: float = 0.0) -> InternalClient:
        client = InternalClient(
            url,
            caller=ServiceName.GATEWAY,
            tokens=ServiceTokens.of(self._settings),
            timeout=self._settings.internal_timeout_seconds,
            retry_seconds=retry_seconds,
        )
        self.opened.append(client)
        return client
