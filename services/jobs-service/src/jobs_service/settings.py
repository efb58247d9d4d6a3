"""What an operator can set on jobs-service."""

from datetime import timedelta

from pydantic import Field, SecretStr

from jobs_service.conversations.rules import ConversationLimits
from jobs_service.queue.capacity import QueueLimits
from jobs_service.queue.dispatcher import DispatchPolicy
from jobs_service.runs.run import Rules
from shared.net.settings import OutboundSettings
from shared.settings import TicketCheckSettings, sim_setting


class JobsSettings(OutboundSettings, TicketCheckSettings):
    """The queue, its workers' leases, and how long things are kept."""

    jobs_port: int = Field(8082, ge=1, le=65535, description="Port of the internal door.")
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
        32, ge=1, le=10_000, description="Runs that may be published and unclaimed; about one round of free workers."
    )
    dispatch_poll_seconds: float = Field(
        0.25, gt=0, le=60, description="How often the dispatcher looks when nothing wakes it."
    )
    dispatch_unclaimed_seconds: float = Field(
        10.0, gt=0, le=3600, description="A published run that nobody claimed in this time is published again."
    )
    leader_lease_seconds: float = Field(
        5.0,
        gt=0.5,
        le=300,
        description="A dispatcher or reaper silent for this long is replaced by another process. After a longer "
        "silence, workers get a lease's time to be heard; so keep it well below FLOWPORT_LEASE_SECONDS.",
    )

    job_retention_seconds: int = Field(
        86_400, ge=1, le=31_536_000, description="How long the result of a run can be asked for after its end."
    )
    job_sweep_seconds: float = Field(
        1.0, gt=0, le=3600, description="How often runs are looked for that nobody answers for."
    )
    lease_seconds: float = Field(
        15.0,
        ge=0.5,
        le=600,
        description="A worker silent for this long has lost its run. Workers renew at a third of it.",
    )
    attempt_limit: int = Field(5, ge=1, le=100, description="How many workers a run may lose before it fails.")
    time_limit_grace_seconds: float = Field(
        10.0, ge=0, le=600, description="How far past its time limit a run may go before it is ended from here."
    )
    pause_days: int = Field(
        60, ge=31, le=365, description="How many days a paused run waits for an answer before it fails."
    )
    cancel_memory_seconds: float = Field(
        600.0, gt=0, le=86_400, description="How long a cancel of a run not seen yet is remembered."
    )

    webhook_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that seal webhooks' secrets, as id:base64 of 32 bytes, comma-separated; the first one seals,"
        " all of them open. They rotate as FLOWPORT_ENVIRONMENT_KEYS do. Empty: secrets are refused.",
    )
    webhook_poll_seconds: float = Field(1.0, gt=0, le=60, description="How often webhooks that are due are looked for.")
    webhook_give_up_seconds: int = Field(
        432_000, ge=60, le=31_536_000, description="A webhook that failed for so long is switched off."
    )
    delivery_lifetime_seconds: int = Field(
        604_800, ge=60, le=31_536_000, description="How long deliveries are kept to be looked at and sent again."
    )

    dead_letter_lifetime_seconds: int = Field(
        14 * 86_400, ge=60, le=31_536_000, description="How long a message that nobody could work on is kept."
    )

    blob_lifetime_seconds: int = Field(
        604_800, ge=60, le=31_536_000, description="How long a large value is kept; it must outlast queues and runs."
    )
    blob_max_bytes: int = Field(
        100 * 1024 * 1024, ge=1024, le=4 * 1024**3, description="The largest value that is kept, in bytes."
    )

    conversation_messages: int = Field(
        1_000, ge=2, le=100_000, description="Messages that are kept of one conversation; the oldest go first."
    )
    conversation_bytes: int = Field(
        2 * 1024 * 1024,
        ge=1024 * 1024,
        le=12 * 1024 * 1024,
        description="Text that is kept of one conversation, in bytes; the oldest messages go first.",
    )
    conversation_lifetime_seconds: int = Field(
        31_536_000, ge=60, le=315_360_000, description="A conversation that nobody added to for this long is forgotten."
    )

    @property
    def conversation_limits(self) -> ConversationLimits:
        """How much agents may remember."""
        return ConversationLimits(self.conversation_messages, self.conversation_bytes)

    @property
    def rules(self) -> Rules:
        """What decides a run's fate."""
        return Rules(
            lease=timedelta(seconds=self.lease_seconds),
            retention=timedelta(seconds=self.job_retention_seconds),
            grace=timedelta(seconds=self.time_limit_grace_seconds),
            attempt_limit=self.attempt_limit,
            pause=timedelta(days=self.pause_days),
        )

    @property
    def queue_limits(self) -> QueueLimits:
        """How many runs may be queued."""
        return QueueLimits(self.dispatch_max_queue_per_workspace, self.dispatch_max_queue_global)

    @property
    def dispatch_policy(self) -> DispatchPolicy:
        """How the dispatcher publishes."""
        return DispatchPolicy(
            self.dispatch_window, timedelta(seconds=self.dispatch_unclaimed_seconds), self.metrics_by_workspace
        )

    @property
    def leader_lease(self) -> timedelta:
        """How long a leader may be silent."""
        return timedelta(seconds=self.leader_lease_seconds)
