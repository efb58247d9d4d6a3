"""What a workflow consists of, as JSON bytes: the draft that people edit, and the snapshots that run."""

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
    """A state as it is kept: the document of a snapshot, whose keys have an order, and its hash."""

    document: bytes
    hash: str

    @property
    def state(self) -> JsonObject:
        """The document read again."""
        state: JsonObject = _decoder.decode(self.document)
        return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The editable state."""

    workflow_id: str
    revision: int
    content: Content
    saved_at: datetime

    def replaced(self, content: Content, at: datetime, *, expected_revision: int | None = None) -> Self:
        """With another content. Raises Conflict when `expected_revision` is given and not the present one.

        But for who saves what is there already: a save whose answer was lost is made again.
        """
        if expected_revision not in (None, self.revision) and content != self.content:
            raise self._moved_on(Conflict, expected_revision)
        return replace(self, revision=self.revision + 1, content=content, saved_at=at)

    def require(self, expected_revision: int | None) -> Self:
        """This one. Raises PreconditionFailed when `expected_revision` is given and not the present one."""
        if expected_revision not in (None, self.revision):
            raise self._moved_on(PreconditionFailed, expected_revision)
        return self

    def _moved_on(self, kind: type[Conflict], expected_revision: int | None) -> Conflict:
        return kind(
            f"the draft is at revision {self.revision}, not {expected_revision}: somebody saved in between",
            details={"expectedRevision": expected_revision, "currentRevision": self.revision},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An immutable content, stored once per workspace however many versions point at it."""

    workspace_id: str
    content: Content
    created_at: datetime


def content_of(state: JsonObject, *, limit: int) -> Content:
    """What is kept of `state`, at most `limit` bytes of JSON.

    Raises InvalidWorkflow that lists every structural problem, PayloadTooLarge.
    """
    problems = structure_problems(state)
    if problems:
        raise _unreadable(problems)
    try:
        document = msgspec.json.encode(snapshot_document(state))
    except (ValueError, OverflowError, RecursionError) as error:  # half a character, a giant number, a deep nest
        raise _unreadable([f"the state is not JSON that every reader accepts: {error}"]) from error
    if len(document) > limit:
        raise PayloadTooLarge(f"the workflow takes {len(document)} bytes of JSON; the limit is {limit}")
    return Content(document, snapshot_hash(_decoder.decode(document)))  # of what is kept, should it differ


def _unreadable(problems: list[str]) -> InvalidWorkflow:
    return InvalidWorkflow(f"Invalid workflow: {'; '.join(problems)}", details=problems)
