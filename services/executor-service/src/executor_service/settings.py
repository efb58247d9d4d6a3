"""What an operator can set on executor-service."""

from pydantic import Field

from shared.settings import CommonSettings


class ExecutorSettings(CommonSettings):
    """Slots, bounds and limits of one executor process."""

    public_url: str = Field("http://127.0.0.1:8080", description="Where people reach the gateway; in resume links.")
    executor_port: int = Field(8083, ge=1, le=65535, description="Port of health, readiness and metrics.")
    executor_concurrency: int = Field(64, ge=1, le=10_000, description="Interactive runs in hand at once.")
    executor_async_concurrency: int = Field(32, ge=1, le=10_000, description="Durable runs in hand at once.")
    snapshot_cache_entries: int = Field(512, ge=1, le=100_000, description="Compiled workflow snapshots kept.")
    sandbox_processes: int = Field(2, ge=1, le=64, description="Child processes that run user code.")
    lease_renew_seconds: float = Field(5.0, gt=0, le=300, description="How often a durable run's lease is renewed.")
