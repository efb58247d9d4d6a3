"""Changes of runs in one statement: of a single run, or of many read at the same revision.

MongoDB and SecantusDB plan every statement of a bulk; on SecantusDB the plan costs more than the change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import bson

from jobs_service.runs.documents import BARE_SPEC, PENDING_NOTICE, WANTS_NOTICE
from shared.store.client import Document

CHANGE: Final = "change_id"
"""Id of the last grouped change of a run; it shows whose change took effect."""
_END_REPLACEMENTS: Final = {"spec": f"${BARE_SPEC}", PENDING_NOTICE: f"${WANTS_NOTICE}"}
"""Replacements at the end of a run, where present."""
_END_REMOVALS: Final = (BARE_SPEC, WANTS_NOTICE, "state")


@dataclass(frozen=True)
class RunChange:
    """Fields to set in a run that is still at this revision."""

    run_id: str
    revision: int
    fields: Document
    is_end: bool
    """Whether the run has ended: fields that only an active run needs are removed."""

    @property
    def kind(self) -> tuple[int, bool]:
        """Return the kind; one statement can make all changes of a kind."""
        return self.revision, self.is_end

    @cached_property
    def size(self) -> int:
        """Return the approximate bytes in a statement."""
        return len(bson.encode(self.fields))

    def marked(self, change_id: str) -> "RunChange":
        """Return the change marked with `change_id`, to be recognized later."""
        return replace(self, fields=self.fields | {CHANGE: change_id})


def statement_of(changes: Sequence[RunChange]) -> tuple[Document, list[dict[str, Any]]]:
    """Return the filter and the update of `changes`, which are all of one kind."""
    run_ids = [change.run_id for change in changes]
    fields = [change.fields | {"revision": change.revision + 1} for change in changes]
    revision, is_end = changes[0].kind
    after = _ended(own_fields(run_ids, fields)) if is_end else merged_fields(run_ids, fields)
    return {"_id": {"$in": run_ids}, "revision": revision}, [{"$replaceWith": after}]


def merged_fields(ids: Sequence[str], fields: Sequence[Document]) -> Document:
    """Return an expression for a document with its own fields: those at the position of its id."""
    return {"$mergeObjects": ["$$ROOT", own_fields(ids, fields)]}


def own_fields(ids: Sequence[str], fields: Sequence[Document]) -> Document:
    """Return an expression for the fields at the position of the document's id.

    MongoDB and SecantusDB use an index for this. SecantusDB would evaluate the branches of a `$switch` for every
    document.
    """
    position = {"$indexOfArray": [{"$literal": list(ids)}, "$_id"]}
    return {"$arrayElemAt": [{"$literal": list(fields)}, position]}


def _ended(fields: Document) -> Document:
    """Return the run after its last change, in one stage: SecantusDB copies the document for each `$set`."""
    after: Document = {"$mergeObjects": ["$$ROOT", fields, _END_REPLACEMENTS]}
    for name in _END_REMOVALS:
        after = {"$setField": {"field": name, "input": after, "value": "$$REMOVE"}}
    return after
