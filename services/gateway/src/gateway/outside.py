"""External dependencies: database, broker, other services."""

from functools import cached_property
from typing import Final

from gateway.access.passwords import Argon2Passwords
from gateway.access.rate_limits import BUCKET_INDEXES, BucketStore
from gateway.chat.codes import INDEXES as CODE_INDEXES
from gateway.chat.codes import EntryCodeStore
from gateway.chat.mail import Mailer, SmtpMailer
from gateway.database import INDEXES as TENANT_INDEXES
from gateway.database import TenantStore
from gateway.idempotency.store import INDEXES as IDEMPOTENCY_INDEXES
from gateway.idempotency.store import IdempotencyStore
from gateway.settings import GatewaySettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clients.deploy import DeployService
from shared.clients.deploy.publications import HttpAgentClient, HttpChatClient, HttpToolServerClient
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs import JobsService
from shared.clients.jobs.dead_letters import HttpDeadLetterClient
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.repairs import HttpRepairClient
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.clients.jobs.runs import HttpJobsClient
from shared.clients.jobs.webhooks import HttpWebhookClient
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
        passwords: Argon2Passwords | None = None,
        store: TenantStore | None = None,
        buckets: BucketStore | None = None,
        calls: IdempotencyStore | None = None,
        audit_entries: AuditStore | None = None,
        deploy: HttpDeployClient | None = None,
        chats: HttpChatClient | None = None,
        agents: HttpAgentClient | None = None,
        entry_codes: EntryCodeStore | None = None,
        mailer: Mailer | None = None,
        tool_servers: HttpToolServerClient | None = None,
        jobs: HttpJobsClient | None = None,
        dead_letters: HttpDeadLetterClient | None = None,
        webhooks: HttpWebhookClient | None = None,
        recordings: HttpRecordingClient | None = None,
        repairs: HttpRepairClient | None = None,
        replays: HttpReplaySetClient | None = None,
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

    def _runs(self) -> HttpJobsClient:
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
