"""Blocks before and after each block."""

from shared.workflow.format.models import WorkflowState
from shared.workflow.validate.handles import ERROR_HANDLE


class Connections:
    """The blocks that edges join, by block id."""

    def __init__(self, state: WorkflowState) -> None:
        self.sources: dict[str, list[str]] = {}
        self.followers: dict[str, list[str]] = {}
        """Blocks after each one; after a container, also those inside."""
        self.handlers: dict[str, list[str]] = {}
        """Blocks after the error port of each one."""
        for edge in state.edges:
            if edge.source in state.blocks and edge.target in state.blocks:
                self.sources.setdefault(edge.target, []).append(edge.source)
                self.followers.setdefault(edge.source, []).append(edge.target)
                if edge.source_handle == ERROR_HANDLE:
                    self.handlers.setdefault(edge.source, []).append(edge.target)
        for key in state.blocks:
            if (container := state.container_of(key)) is not None:
                self.followers.setdefault(container, []).append(key)

    def is_followed(self, block_id: str) -> bool:
        """Return whether blocks run after this one without an error."""
        return len(self.followers.get(block_id, ())) > len(self.handlers.get(block_id, ()))
