"""Limits of one run."""

from dataclasses import dataclass

from shared.contracts.events import MAX_SELECTED_BYTES
from shared.workflow.format.models import MAX_CONTAINER_DEPTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one run."""

    iterations: int = 100_000
    """Iterations of one loop, and branches of one parallel."""
    nesting: int = MAX_CONTAINER_DEPTH
    """Nesting of containers."""
    blocks: int = 1_000_000
    """Blocks run, counting each iteration."""
    filled_in_chars: int = 40 * 1024 * 1024
    """Total size of all references filled in in one block's settings, counting each occurrence."""
    block_output_bytes: int = 10 * 1024 * 1024
    """JSON of one block's output."""
    journaled_output_bytes: int = 14 * 1024 * 1024
    """JSON of one block's output in a journaled run."""
    journal_entry_bytes: int = 15 * 1024 * 1024
    """A journal entry with all results of a block: it is one document of the store, with a limit of 16 MiB."""
    run_output_bytes: int = 256 * 1024 * 1024
    """JSON of all outputs of a run together."""
    selected_output_bytes: int = 16 * 1024 * 1024
    """JSON of all selected outputs that are streamed."""
    selected_value_bytes: int = MAX_SELECTED_BYTES
    """JSON of one selected output."""
    block_event_bytes: int = MAX_SELECTED_BYTES
    """Canvas event of one block: it must fit into one message, too."""
    log_entries: int = 20_000
    """Block log entries stored per run; later ones are only counted."""
    log_value_bytes: int = 32 * 1024
    """JSON of one logged input or output; a larger one is replaced by a note of its size."""
    log_bytes: int = 8 * 1024 * 1024
    """JSON of all logged inputs, outputs and errors of a run; later entries are shortened."""
    cancel_seconds: float = 0.5
    """Time for a canceled block's cleanup before the run ends without it."""
