"""What the gateway needs from the outside. Adapters implement these; tests hand in fakes."""

from gateway.ports.accounts import Accounts, Passwords
from gateway.ports.agents import AgentKeeper
from gateway.ports.attached_runs import AttachedRun, AttachedRuns
from gateway.ports.audit import AuditEntries
from gateway.ports.chats import ChatKeeper
from gateway.ports.control import Control
from gateway.ports.database import TenantDatabase
from gateway.ports.dead_letters import DeadLetterKeeper
from gateway.ports.deployments import Authoring, DeployKeeper, Deployments, Environment
from gateway.ports.erasures import Eraser, Erasures, KeptWorkflows
from gateway.ports.followed_runs import FollowedRun, FollowedRuns, Numbered
from gateway.ports.idempotency import CallRecord, IdempotencyRecords, KnownCall
from gateway.ports.jobs import EVERY_RUN, EventLog, Jobs, Payloads, RunKeeper
from gateway.ports.keys import Keys
from gateway.ports.mail import EntryCodes, Mailer
from gateway.ports.rate_limits import Buckets, ObservedWindow, Tokens
from gateway.ports.tool_servers import ToolServerKeeper
from gateway.ports.webhooks import WebhookKeeper
from gateway.ports.workspaces import Workspaces

__all__ = [
    "EVERY_RUN",
    "Accounts",
    "AgentKeeper",
    "AttachedRun",
    "AttachedRuns",
    "AuditEntries",
    "Authoring",
    "Buckets",
    "CallRecord",
    "ChatKeeper",
    "Control",
    "DeadLetterKeeper",
    "DeployKeeper",
    "Deployments",
    "EntryCodes",
    "Environment",
    "Eraser",
    "Erasures",
    "EventLog",
    "FollowedRun",
    "FollowedRuns",
    "IdempotencyRecords",
    "Jobs",
    "KeptWorkflows",
    "Keys",
    "KnownCall",
    "Mailer",
    "Numbered",
    "ObservedWindow",
    "Passwords",
    "Payloads",
    "RunKeeper",
    "TenantDatabase",
    "Tokens",
    "ToolServerKeeper",
    "WebhookKeeper",
    "Workspaces",
]
