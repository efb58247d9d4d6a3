"""Changes of runs as one statement: for a single run, or for many that were read at the same revision.

Both products plan every statement of a bulk, and on SecantusDB the plan costs more than the change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import bson

from jobs_service.runs.documents import BARE_SPEC, TELLS, UNTOLD
from shared.store.documents import Document

CHANGE: Final = "change_id"
"""Which change a run has seen last, of those that were made in groups: it tells whose it was."""
_AT_THE_END: Final = {"spec": f"${BARE_SPEC}", UNTOLD: f"${TELLS}"}
"""What takes the place of what, where there is any."""
_GOES_AT_THE_END: Final = (BARE_SPEC, TELLS, "state")


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
    run_ids = [change.run_id for change in changes]
    fields = [change.fields | {"revision": change.revision + 1} for change in changes]
    # Both products look an index up. SecantusDB would evaluate the branches of a `$switch` for every run.
    place = {"$indexOfArray": [{"$literal": run_ids}, "$_id"]}
    its_own = {"$arrayElemAt": [{"$literal": fields}, place]}
    revision, is_end = changes[0].kind
    after = _ended(its_own) if is_end else {"$mergeObjects": ["$$ROOT", its_own]}
    return {"_id": {"$in": run_ids}, "revision": revision}, [{"$replaceWith": after}]


def _ended(fields: Document) -> Document:
    """Return the run after its last change, in one stage: SecantusDB copies the document for each `$set`."""
    after: Document = {"$mergeObjects": ["$$ROOT", fields, _AT_THE_END]}
    for name in _GOES_AT_THE_END:
        after = {"$setField": {"field": name, "input": after, "value": "$$REMOVE"}}
    return after
