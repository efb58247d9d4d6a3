"""Which runs are recorded or replayed."""

import msgspec


class RecordingPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which runs of a workflow are recorded, and for how long."""

    sample: float = 0.0
    """Share of runs, from 0 to 1."""
    failures: bool = False
    """Record every failed run."""
    days: int = 7


class RecordRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """Record this run: always, or only if it fails."""

    days: int
    revision: int
    """Revision of the workflow when the run began. Deleted recordings bar runs of earlier revisions."""
    only_failure: bool = False


class ReplayRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """Replay a recorded run of the same workflow: answer its effects from the recording, and compare."""

    run_id: str
    """Key of the recorded run."""
    ignore: tuple[str, ...] = ()
    """Patterns of fields that may differ: `block.path`, with `*` for any text."""
    set_id: str | None = None
    """The replay set that it belongs to."""
    reports_all: bool = False
    """Report every block that differs, not only the first."""
    calls_models: bool = False
    """Call models whose answer is not recorded, within the budget of the set."""
