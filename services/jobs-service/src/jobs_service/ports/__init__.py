"""What jobs-service needs from the outside. Adapters implement these; tests hand in fakes.

Every method raises Unavailable when its part does not answer. Times are the store's own.
"""

from jobs_service.ports.blobs import Blobs
from jobs_service.ports.conversations import Conversations
from jobs_service.ports.dead_letters import DeadLetters
from jobs_service.ports.erasure import Erasure, OpenRun
from jobs_service.ports.history import EventLog, Journal
from jobs_service.ports.leases import Leadership, Leases
from jobs_service.ports.queue import ActiveRun, Queue, QueueCounters, QueueState, Recount, WaitingRun
from jobs_service.ports.records import CancelMemory, RecordedRun, Records, RememberedCancel
from jobs_service.ports.runs import Adopted, Claimable, Result, Runs, Seen
from jobs_service.ports.spend import SpendBook
from jobs_service.ports.tallies import Tallies
from jobs_service.ports.views import EVERY_RUN, LoggedPage, LoggedRun, PageQuery, RunLogs, RunViews, ViewedRun
from jobs_service.ports.webhooks import (
    DueDelivery,
    NewDelivery,
    Notices,
    SecretBox,
    SubscriptionBook,
    WebhookAnswer,
    WebhookSender,
)

__all__ = [
    "EVERY_RUN",
    "ActiveRun",
    "Adopted",
    "Blobs",
    "CancelMemory",
    "Claimable",
    "Conversations",
    "DeadLetters",
    "DueDelivery",
    "Erasure",
    "EventLog",
    "Journal",
    "Leadership",
    "Leases",
    "LoggedPage",
    "LoggedRun",
    "NewDelivery",
    "Notices",
    "OpenRun",
    "PageQuery",
    "Queue",
    "QueueCounters",
    "QueueState",
    "RecordedRun",
    "Records",
    "Recount",
    "RememberedCancel",
    "Result",
    "RunLogs",
    "RunViews",
    "Runs",
    "SecretBox",
    "Seen",
    "SpendBook",
    "SubscriptionBook",
    "Tallies",
    "ViewedRun",
    "WaitingRun",
    "WebhookAnswer",
    "WebhookSender",
]
