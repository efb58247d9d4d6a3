"""How far one run may go."""

from dataclasses import dataclass

from shared.contracts.events import MAX_SELECTED_BYTES
from shared.workflow.format.models import MAX_CONTAINER_DEPTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one run."""

    iterations: int = 100_000
    """Rounds of one loop, and branches of one parallel."""
    nesting: int = MAX_CONTAINER_DEPTH
    """Containers within containers."""
    blocks: int = 1_000_000
    """Blocks run, each iteration counted."""
    filled_in_chars: int = 40 * 1024 * 1024
    """What all references in one block's settings give together, each time that they stand there."""
    block_output_bytes: int = 10 * 1024 * 1024
    """JSON of one block's output."""
    journaled_output_bytes: int = 14 * 1024 * 1024
    """The same in a run that is journaled."""
    journal_entry_bytes: int = 15 * 1024 * 1024
    """An entry of the journal, with all that a block leaves: it is one document of the store, which holds 16 MiB."""
    run_output_bytes: int = 256 * 1024 * 1024
    """JSON of all outputs of a run together."""
    selected_output_bytes: int = 16 * 1024 * 1024
    """JSON of all selected outputs that are streamed."""
    selected_value_bytes: int = MAX_SELECTED_BYTES
    """JSON of one of them."""
    block_event_bytes: int = MAX_SELECTED_BYTES
    """What the canvas is told of one block: it travels in one message, too."""
    log_entries: int = 20_000
    """Block log entries kept of one run; later ones are counted, not kept."""
    log_value_bytes: int = 32 * 1024
    """JSON of one logged input or output; a larger one is replaced by a note of its size."""
    log_bytes: int = 8 * 1024 * 1024
    """JSON of all logged inputs and outputs of a run, and why its blocks failed; after that, entries carry little."""
    cancel_seconds: float = 0.5
    """How long a cancelled block may take to clean up before the run ends without it."""
