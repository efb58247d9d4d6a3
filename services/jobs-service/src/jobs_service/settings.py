"""Settings of jobs-service."""

from datetime import timedelta

from pydantic import Field, SecretStr

from jobs_service.conversations import ConversationLimits
from jobs_service.queue.capacity import QueueLimits
from jobs_service.queue.dispatcher import DispatchPolicy
from jobs_service.replay_sets.rules import ReplayLimits
from jobs_service.runs.run import Rules
from shared.net.settings import OutboundSettings
from shared.settings import TicketCheckSettings, sim_setting


class JobsSettings(OutboundSettings, TicketCheckSettings):
    """Queue limits, worker leases and retention."""

    jobs_port: int = Field(8082, ge=1, le=65535, description="Port of the internal API.")
    jobs_max_body_bytes: int = Field(
        64 * 1024 * 1024, ge=1024 * 1024, le=1024**3, description="Largest internal JSON body, in bytes."
    )

    dispatch_max_queue_per_workspace: int = sim_setting(
        "DISPATCH_MAX_QUEUE_PER_WORKSPACE", 1_000, ge=0, le=1_000_000, description="Queued runs of one workspace."
    )
    dispatch_max_queue_global: int = sim_setting(
        "DISPATCH_MAX_QUEUE_GLOBAL", 50_000, ge=0, le=10_000_000, description="Queued runs of all workspaces."
    )
    dispatch_window: int = Field(
        32, ge=1, le=10_000, description="Published runs that may be unclaimed; about what free workers can claim."
    )
    dispatch_poll_seconds: float = Field(
        0.25, gt=0, le=60, description="How often the dispatcher polls if nothing wakes it."
    )
    dispatch_unclaimed_seconds: float = Field(
        10.0, gt=0, le=3600, description="Time after which an unclaimed run is published again."
    )
    leader_lease_seconds: float = Field(
        5.0,
        gt=0.5,
        le=300,
        description="Another process replaces a dispatcher or reaper that is silent for this long. After a longer "
        "silence, workers get one lease to renew; so keep it well below FLOWPORT_LEASE_SECONDS.",
    )

    job_retention_seconds: int = Field(
        86_400, ge=1, le=31_536_000, description="How long the result of a run is available after its end."
    )
    job_sweep_seconds: float = Field(1.0, gt=0, le=3600, description="How often the reaper looks for overdue runs.")
    lease_seconds: float = Field(
        15.0,
        ge=0.5,
        le=600,
        description="A worker silent for this long loses its run. Workers renew at a third of it.",
    )
    attempt_limit: int = Field(5, ge=1, le=100, description="How many workers a run may lose before it fails.")
    time_limit_grace_seconds: float = Field(
        10.0, ge=0, le=600, description="How far past its time limit a run may go before jobs-service ends it."
    )
    pause_days: int = Field(
        60, ge=31, le=365, description="How many days a paused run waits for an answer before it fails."
    )
    cancel_memory_seconds: float = Field(
        600.0, gt=0, le=86_400, description="How long a cancel for a run not yet seen is stored."
    )

    replays_in_progress: int = Field(8, ge=1, le=1_000, description="Replayed runs in progress, over all replay sets.")
    replays_per_set: int = Field(4, ge=1, le=1_000, description="Replayed runs in progress of one replay set.")
    replays_per_second: float = Field(
        4.0,
        gt=0,
        le=1_000,
        description="Replayed runs started per second, over all replay sets, while callers run workflows.",
    )

    webhook_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that encrypt webhook secrets, recorded runs and results of replays, as id:base64 of 32 bytes,"
        " comma-separated; the first encrypts, all decrypt. Rotate them like FLOWPORT_ENVIRONMENT_KEYS. Empty: secrets"
        " are refused, and recordings are dropped.",
    )
    webhook_poll_seconds: float = Field(1.0, gt=0, le=60, description="How often to look for due webhooks.")
    webhook_give_up_seconds: int = Field(
        432_000, ge=60, le=31_536_000, description="A webhook that fails for this long is disabled."
    )
    delivery_lifetime_seconds: int = Field(
        604_800, ge=60, le=31_536_000, description="How long deliveries are stored for viewing and resending."
    )

    dead_letter_lifetime_seconds: int = Field(
        14 * 86_400, ge=60, le=31_536_000, description="How long dead letters are stored."
    )

    blob_lifetime_seconds: int = Field(
        604_800, ge=60, le=31_536_000, description="How long large values are stored; must outlast queues and runs."
    )
    blob_max_bytes: int = Field(
        100 * 1024 * 1024, ge=1024, le=4 * 1024**3, description="Largest stored value, in bytes."
    )

    conversation_messages: int = Field(
        1_000, ge=2, le=100_000, description="Messages stored per conversation; the oldest are deleted first."
    )
    conversation_bytes: int = Field(
        2 * 1024 * 1024,
        ge=1024 * 1024,
        le=12 * 1024 * 1024,
        description="JSON of the messages stored per conversation, in bytes; the oldest are deleted first.",
    )
    conversation_lifetime_seconds: int = Field(
        31_536_000, ge=60, le=315_360_000, description="Time after its last message that a conversation is deleted."
    )

    @property
    def conversation_limits(self) -> ConversationLimits:
        """Limits of conversations."""
        return ConversationLimits(self.conversation_messages, self.conversation_bytes)

    @property
    def rules(self) -> Rules:
        """Rules of a run's life cycle."""
        return Rules(
            lease=timedelta(seconds=self.lease_seconds),
            retention=timedelta(seconds=self.job_retention_seconds),
            grace=timedelta(seconds=self.time_limit_grace_seconds),
            attempt_limit=self.attempt_limit,
            pause=timedelta(days=self.pause_days),
        )

    @property
    def queue_limits(self) -> QueueLimits:
        """Queue limits."""
        return QueueLimits(self.dispatch_max_queue_per_workspace, self.dispatch_max_queue_global)

    @property
    def dispatch_policy(self) -> DispatchPolicy:
        """Dispatch policy."""
        return DispatchPolicy(
            self.dispatch_window, timedelta(seconds=self.dispatch_unclaimed_seconds), self.metrics_by_workspace
        )

    @property
    def replay_limits(self) -> ReplayLimits:
        """Limits of replay sets."""
        return ReplayLimits(self.replays_in_progress, self.replays_per_set)

    @property
    def leader_lease(self) -> timedelta:
        """Lease of a leader."""
        return timedelta(seconds=self.leader_lease_seconds)
