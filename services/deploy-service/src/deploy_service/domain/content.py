"""Workflow content as JSON bytes: the editable draft, and the snapshots that run."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

import msgspec

from shared.errors import Conflict, InvalidWorkflow, PayloadTooLarge, PreconditionFailed
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.snapshot import snapshot_document, snapshot_hash
from shared.workflow.format.structure import structure_problems

_decoder: Final = msgspec.json.Decoder(dict)


@dataclass(frozen=True, slots=True)
class Content:
    """A stored state: a snapshot's document with ordered keys, and its hash."""

    document: bytes
    hash: str

    @property
    def state(self) -> JsonObject:
        """Parse the document."""
        state: JsonObject = _decoder.decode(self.document)
        return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Editable state of a workflow."""

    workflow_id: str
    revision: int
    content: Content
    saved_at: datetime

    def replaced(self, content: Content, at: datetime, *, expected_revision: int | None = None) -> Self:
        """Return the draft with new content. Raises Conflict if `expected_revision` is given and not current.

        Saving identical content always succeeds, so that a save whose response was lost can be repeated.
        """
        if expected_revision not in (None, self.revision) and content != self.content:
            raise self._revision_mismatch(Conflict, expected_revision)
        return replace(self, revision=self.revision + 1, content=content, saved_at=at)

    def require(self, expected_revision: int | None) -> Self:
        """Return the draft. Raises PreconditionFailed if `expected_revision` is given and not current."""
        if expected_revision not in (None, self.revision):
            raise self._revision_mismatch(PreconditionFailed, expected_revision)
        return self

    def _revision_mismatch(self, kind: type[Conflict], expected_revision: int | None) -> Conflict:
        return kind(
            f"The draft is at revision {self.revision}, not {expected_revision}. Load it and apply your change again.",
            details={"expectedRevision": expected_revision, "currentRevision": self.revision},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An immutable content, stored once per workspace for any number of versions."""

    workspace_id: str
    content: Content
    created_at: datetime


def content_of(state: JsonObject, *, limit: int) -> Content:
    """Return `state` as content to store, at most `limit` bytes of JSON.

    Raises InvalidWorkflow that lists every structural problem, PayloadTooLarge.
    """
    problems = structure_problems(state)
    if problems:
        raise _invalid_structure(problems)
    try:
        document = msgspec.json.encode(snapshot_document(state))
    except (ValueError, OverflowError, RecursionError) as error:  # lone surrogates, huge numbers, deep nesting
        raise _invalid_structure([f"The state is not valid JSON for every parser: {error}"]) from error
    if len(document) > limit:
        raise PayloadTooLarge(f"The workflow has {len(document)} bytes of JSON; the limit is {limit}")
    return Content(document, snapshot_hash(_decoder.decode(document)))  # the hash of the stored form, which may differ


def _invalid_structure(problems: list[str]) -> InvalidWorkflow:
    return InvalidWorkflow(f"Invalid workflow: {'; '.join(problems)}", details=problems)
