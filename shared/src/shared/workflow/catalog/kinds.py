"""What several parts of the system have to know of block types."""

from typing import Final

WRITES_TEXT: Final = frozenset({"agent"})
"""Blocks whose text goes out while it is written, whichever of their outputs is selected."""
CALLS_A_WORKFLOW: Final = frozenset({"workflow", "workflow_input"})
"""Blocks, and tools of agents, that run another workflow."""
