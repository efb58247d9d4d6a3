"""Sets of block types that several modules share."""

from typing import Final

WRITES_TEXT: Final = frozenset({"agent"})
"""Blocks that stream their text, regardless of the selected output."""
CALLS_A_WORKFLOW: Final = frozenset({"workflow", "workflow_input"})
"""Blocks and agent tools that run another workflow."""
