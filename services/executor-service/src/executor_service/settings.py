"""What an operator can set on executor-service."""

from typing import Final

from pydantic import Field, field_validator

from executor_service.engine import Limits
from shared.net import OutboundPolicy
from shared.settings import CommaList, CommonSettings

_MIB: Final = 1024 * 1024


class ExecutorSettings(CommonSettings):
    """Slots, bounds and limits of one executor process."""

    public_url: str = Field("http://127.0.0.1:8080", description="Where people reach the gateway; in resume links.")
    executor_port: int = Field(8083, ge=1, le=65535, description="Port of health, readiness and metrics.")
    executor_concurrency: int = Field(64, ge=1, le=10_000, description="Interactive runs in hand at once.")
    executor_async_concurrency: int = Field(32, ge=1, le=10_000, description="Durable runs in hand at once.")
    snapshot_cache_entries: int = Field(512, ge=1, le=100_000, description="Compiled workflow snapshots kept.")
    outbound_allow: CommaList = Field(
        (),
        description="What workflows may call although it is not on the open internet: networks (10.0.0.0/8), addresses,"
        " host names, localhost; comma-separated. Also over plain http. A cloud's metadata address is opened only by"
        " itself, never by a network around it. Blocked ports stay blocked.",
    )
    outbound_connections: int = Field(256, ge=1, le=10_000, description="Connections of all workflows' HTTP calls.")
    sandbox_processes: int = Field(
        16, ge=1, le=256, description="Processes that run user code at once, JavaScript and Python each."
    )
    max_iterations: int = Field(100_000, ge=1, description="Rounds of one loop, and branches of one parallel.")
    max_blocks: int = Field(1_000_000, ge=1, description="Blocks that one run may run, every iteration counted.")
    max_block_output_mib: int = Field(10, ge=1, le=100, description="JSON of one block's output, in MiB.")
    max_run_output_mib: int = Field(256, ge=1, le=4096, description="JSON of all outputs of one run, in MiB.")
    lease_renew_seconds: float = Field(5.0, gt=0, le=300, description="How often a durable run's lease is renewed.")

    @property
    def limits(self) -> Limits:
        """How far one run may go."""
        return Limits(
            iterations=self.max_iterations,
            blocks=self.max_blocks,
            block_output_bytes=self.max_block_output_mib * _MIB,
            run_output_bytes=self.max_run_output_mib * _MIB,
        )

    @field_validator("outbound_allow")
    @classmethod
    def _allowed_can_be_read(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        OutboundPolicy(allow)
        return allow
