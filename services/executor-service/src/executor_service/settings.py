"""Settings of executor-service."""

from typing import Final

from pydantic import Field

from executor_service.engine import Limits
from shared.net.settings import OutboundSettings

_MIB: Final = 1024 * 1024
NEEDS_NAMESPACES: Final = "FLOWPORT_SANDBOX_NEEDS_NAMESPACES"


class ExecutorSettings(OutboundSettings):
    """Concurrency and limits of one executor process."""

    executor_port: int = Field(8083, ge=1, le=65535, description="Port of health, readiness and metrics.")
    executor_concurrency: int = Field(128, ge=1, le=10_000, description="Concurrent interactive runs.")
    executor_nested_concurrency: int = Field(
        32, ge=1, le=10_000, description="Concurrent interactive runs that other runs called over HTTP."
    )
    executor_async_concurrency: int = Field(32, ge=1, le=10_000, description="Concurrent durable runs.")
    snapshot_cache_entries: int = Field(512, ge=1, le=100_000, description="Compiled snapshots in the cache.")
    outbound_connections: int = Field(
        256,
        ge=1,
        le=10_000,
        description="Connections for HTTP calls of all workflows; one workspace may use at most half of them.",
    )
    sandbox_processes: int = Field(
        16, ge=1, le=256, description="Concurrent user code processes, for each of JavaScript and Python."
    )
    sandbox_workspace_percent: int = Field(
        75,
        ge=1,
        le=100,
        description="Percentage of these processes, and of the queue for them, that the code of one workspace may use."
        " Below 100, some are reserved for workspaces that use none.",
    )
    sandbox_scripts_per_process: int = Field(
        2000, ge=1, le=1_000_000, description="Scripts that a JavaScript process runs before it is replaced."
    )
    sandbox_needs_namespaces: bool = Field(
        True,
        description="Refuse to start if the host denies namespaces to users' JavaScript. With false, a system"
        " call filter alone confines it on such a host: only for your own code.",
    )
    max_iterations: int = Field(100_000, ge=1, description="Iterations of one loop, and branches of one parallel.")
    max_blocks: int = Field(1_000_000, ge=1, description="Block executions in one run, iterations included.")
    max_block_output_mib: int = Field(
        10,
        ge=1,
        le=100,
        description="JSON of one block's output, in MiB; at most 14 in a durable run. The block's "
        "settings, with references resolved, may have four times that, and at least 40 MiB.",
    )
    max_run_output_mib: int = Field(256, ge=1, le=4096, description="JSON of all outputs of one run, in MiB.")

    @property
    def limits(self) -> Limits:
        """Limits of one run."""
        return Limits(
            iterations=self.max_iterations,
            blocks=self.max_blocks,
            filled_in_chars=max(4 * self.max_block_output_mib, 40) * _MIB,
            block_output_bytes=self.max_block_output_mib * _MIB,
            run_output_bytes=self.max_run_output_mib * _MIB,
        )
