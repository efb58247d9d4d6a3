"""Changes of runs as one statement: for a single run, or for many that were read at the same revision.

A store pays for each statement of a bulk anew, and SecantusDB more than for the change itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import bson

from jobs_service.adapters.run_documents import BARE_SPEC, TELLS, UNTOLD
from shared.store.documents import Document

CHANGE: Final = "change_id"
"""Which change a run has seen last, of those that were made in groups: it tells whose it was."""
_MISSING: Final = "$$REMOVE"

_AT_THE_END: Final[list[dict[str, Any]]] = [
    {
        "$set": {
            "spec": {"$ifNull": [f"${BARE_SPEC}", "$spec", _MISSING]},
            UNTOLD: {"$ifNull": [f"${TELLS}", f"${UNTOLD}", _MISSING]},
        }
    },
    {"$unset": [BARE_SPEC, TELLS, "state"]},
]


@dataclass(frozen=True)
class RunChange:
    """What is set in a run that still is at this revision."""

    run_id: str
    revision: int
    fields: Document
    is_end: bool
    """Whether the run is over: what only a run under way needs goes."""

    @property
    def kind(self) -> tuple[int, bool]:
        """Changes of one kind can be made by one statement."""
        return self.revision, self.is_end

    @cached_property
    def size(self) -> int:
        """Bytes that it takes in a statement, about."""
        return len(bson.encode(self.fields))

    def marked(self, change_id: str) -> "RunChange":
        """The same, to be known by `change_id` afterwards."""
        return replace(self, fields=self.fields | {CHANGE: change_id})


def statement_of(changes: Sequence[RunChange]) -> tuple[Document, list[dict[str, Any]]]:
    """What must be found, and what is done to it. All `changes` are of one kind."""
    branches = [
        {
            "case": {"$eq": ["$_id", {"$literal": change.run_id}]},
            "then": {"$literal": change.fields | {"revision": change.revision + 1}},
        }
        for change in changes
    ]
    merged = {"$mergeObjects": ["$$ROOT", {"$switch": {"branches": branches}}]}
    revision, is_end = changes[0].kind
    wanted = {"_id": {"$in": [change.run_id for change in changes]}, "revision": revision}
    return wanted, [{"$replaceWith": merged}, *(_AT_THE_END if is_end else ())]
