"""What an operator can set on executor-service."""

from typing import Final

from pydantic import Field

from executor_service.engine import Limits
from shared.net.settings import OutboundSettings

_MIB: Final = 1024 * 1024
NEEDS_NAMESPACES: Final = "FLOWPORT_SANDBOX_NEEDS_NAMESPACES"


class ExecutorSettings(OutboundSettings):
    """Slots, bounds and limits of one executor process."""

    executor_port: int = Field(8083, ge=1, le=65535, description="Port of health, readiness and metrics.")
    executor_concurrency: int = Field(128, ge=1, le=10_000, description="Interactive runs in hand at once.")
    executor_nested_concurrency: int = Field(
        32, ge=1, le=10_000, description="Interactive runs in hand at once that other runs called over HTTP."
    )
    executor_async_concurrency: int = Field(32, ge=1, le=10_000, description="Durable runs in hand at once.")
    snapshot_cache_entries: int = Field(512, ge=1, le=100_000, description="Compiled workflow snapshots kept.")
    outbound_connections: int = Field(
        256,
        ge=1,
        le=10_000,
        description="Connections of all workflows' HTTP calls; those of one workspace have half of them at most.",
    )
    sandbox_processes: int = Field(
        16, ge=1, le=256, description="Processes that run user code at once, JavaScript and Python each."
    )
    sandbox_workspace_percent: int = Field(
        75,
        ge=1,
        le=100,
        description="Percentage of these processes, and of the places to wait for one, that the code of one workspace"
        " may use at once. Below 100, some are reserved for workspaces that use none.",
    )
    sandbox_scripts_per_process: int = Field(
        2000, ge=1, le=1_000_000, description="Scripts after which a process that runs JavaScript is replaced."
    )
    sandbox_needs_namespaces: bool = Field(
        True,
        description="Start only where the host grants namespaces to what runs users' JavaScript. With false, a filter"
        " of system calls alone keeps it in where they are not granted: for code of your own.",
    )
    max_iterations: int = Field(100_000, ge=1, description="Rounds of one loop, and branches of one parallel.")
    max_blocks: int = Field(1_000_000, ge=1, description="Blocks that one run may run, every iteration counted.")
    max_block_output_mib: int = Field(
        10,
        ge=1,
        le=100,
        description="JSON of one block's output, in MiB; a queued run has room for 14. Its settings may come to four "
        "times that, and 40 at least, with their references filled in.",
    )
    max_run_output_mib: int = Field(256, ge=1, le=4096, description="JSON of all outputs of one run, in MiB.")

    @property
    def limits(self) -> Limits:
        """How far one run may go."""
        return Limits(
            iterations=self.max_iterations,
            blocks=self.max_blocks,
            filled_in_chars=max(4 * self.max_block_output_mib, 40) * _MIB,
            block_output_bytes=self.max_block_output_mib * _MIB,
            run_output_bytes=self.max_run_output_mib * _MIB,
        )
