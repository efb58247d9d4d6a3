"""The journal that a repair continues: the failed run's, without the failures, placed in the new version's graph.

The engine writes the entries. This module reads only fields that all versions write: `work` (step, scope, number
of the node in its body), `error`, `handled`, `pause`, `pauses`, `usage` and the nested `entry` of a called workflow.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shared.contracts.claims import JournalEntry
from shared.contracts.repairs import ResumeMap, ResumeStep
from shared.contracts.runs import ErrorCode
from shared.errors import Conflict, RepairRefused

Fields = dict[str, msgspec.Raw]
Work = tuple[str, str, int]
ROOT: Final = ""

_encode: Final = msgspec.json.Encoder().encode
_decode_fields: Final = msgspec.json.Decoder(Fields).decode
_decode_work: Final = msgspec.json.Decoder(Work).decode
_decode_many: Final = msgspec.json.Decoder(list[Fields]).decode


class _Failure(msgspec.Struct):
    code: str = ""


_decode_failure: Final = msgspec.json.Decoder(_Failure | None).decode


def inherit(
    entries: Sequence[JournalEntry], resume_map: ResumeMap, *, repeat_uncertain: bool = False
) -> list[JournalEntry]:
    """Return the entries for the new run.

    Failures are dropped, so that their blocks run again. Costs are dropped: the failed run has paid them. Raises
    RepairRefused, which names the block, if the new version cannot use its results, or if its effect is unknown.
    """
    documents = [_decode_fields(bytes(entry.data)) for entry in entries]
    history = _History(set())
    for position, document in enumerate(documents):
        history.add(position, document)
    places = _Places(resume_map, documents)
    uncertain = history.uncertain()
    if uncertain and not repeat_uncertain:
        step = places.step(uncertain[0])
        raise RepairRefused(
            f'The effect of block "{step.block_name}" is unknown, because its worker was lost. Repair the run with '
            "repeatUncertain to run the block again.",
            details=_details(step),
        )
    dropped = history.dropped | (history.intents() if repeat_uncertain else set())
    kept = [
        (entry.kind, document)
        for n, (entry, document) in enumerate(zip(entries, documents, strict=True))
        if n not in dropped
    ]
    return [
        JournalEntry(index, kind, msgspec.Raw(_encode(places.move(_without_usage(document)))))
        for index, (kind, document) in enumerate(kept)
    ]


class _History:
    """What became of each piece of work of a run, or of a workflow that it called."""

    def __init__(self, dropped: set[int]) -> None:
        self.dropped = dropped
        """Positions of the failures, and of the announcements of their effects."""
        self._announced: dict[Work, int] = {}
        self._uncertain: dict[Work, None] = {}
        self._called: dict[Work, _History] = {}

    def add(self, position: int, document: Fields) -> None:
        """Add an entry. Those of a called workflow count with the block that called it."""
        kind = msgspec.json.decode(document["type"])
        if "work" not in document:
            return
        work = _decode_work(bytes(document["work"]))
        if kind == "intent":
            self._announced[work] = position
        elif kind == "child":
            self._called.setdefault(work, _History(self.dropped)).add(
                position, _decode_fields(bytes(document["entry"]))
            )
        elif _has_failed(document):
            self._add_failure(position, work, document)
        elif kind == "block":
            self._announced.pop(work, None)
            self._called.pop(work, None)

    def uncertain(self) -> list[Work]:
        """Return the work whose effect is unknown."""
        called = [work for work, history in self._called.items() if history.uncertain()]
        return [*self._uncertain, *self._announced, *called]

    def intents(self) -> set[int]:
        """Return the positions of announced effects that are unknown."""
        nested = (history.intents() for history in self._called.values())
        return {*self._announced.values()}.union(*nested)

    def _add_failure(self, position: int, work: Work, document: Fields) -> None:
        self.dropped.add(position)
        failure = _decode_failure(bytes(document["error"]))
        if failure is not None and failure.code == ErrorCode.BLOCK_OUTCOME_UNKNOWN:
            self._uncertain[work] = None
            return
        announced = self._announced.pop(work, None)
        if announced is not None:
            self.dropped.add(announced)


class _Places:
    """Moves entries to the places of their blocks in the new version."""

    def __init__(self, resume_map: ResumeMap, documents: Sequence[Fields]) -> None:
        self._bodies = resume_map.bodies
        self._containers: dict[str, str] = {}
        """Opened containers, by the beginning of their scopes' keys."""
        for document in documents:
            if msgspec.json.decode(document["type"]) == "open":
                _, scope, _ = work = _decode_work(bytes(document["work"]))
                block_id = self.step(work).block_id
                self._containers[f"{scope}{block_id}"] = block_id

    def step(self, work: Work) -> ResumeStep:
        """Return the block of a piece of work. Raises Conflict."""
        _, scope, node = work
        steps = self._bodies.get(self._container_of(scope), ())
        if node >= len(steps):
            raise Conflict("The journal of the run does not match its version")
        return steps[node]

    def move(self, document: Fields) -> Fields:
        """Return an entry in its new place. Raises RepairRefused."""
        moved = dict(document)
        if "work" in document:
            moved["work"] = self._moved(document["work"])
        if "pause" in document:
            moved["pause"] = self._with_moved_work(_decode_fields(bytes(document["pause"])))
        if "pauses" in document:
            pauses = _decode_many(bytes(document["pauses"]))
            moved["pauses"] = _raw([self._with_moved_work(pause) for pause in pauses])
        return moved

    def _with_moved_work(self, pause: Fields) -> msgspec.Raw:
        return _raw({**pause, "work": self._moved(pause["work"])})

    def _moved(self, document: msgspec.Raw) -> msgspec.Raw:
        work = _decode_work(bytes(document))
        step = self.step(work)
        if step.target is None:
            raise RepairRefused(
                f'The version cannot continue the run: block "{step.block_name}" {step.problem or "differs there"}',
                details=_details(step),
            )
        return _raw((work[0], work[1], step.target))

    def _container_of(self, scope: str) -> str:
        """Return the container of a scope: its key ends with the container, the branch of a parallel, and a slash."""
        key = scope.removesuffix("/")
        if key in self._containers or scope == ROOT:
            return self._containers.get(key, ROOT)
        return self._containers.get(key.rpartition(":")[0], "?")


def _has_failed(document: Fields) -> bool:
    if "error" not in document or bytes(document["error"]) == b"null":
        return False
    return bytes(document.get("handled", msgspec.Raw(b"false"))) != b"true"


def _without_usage(document: Fields) -> Fields:
    kept = {name: value for name, value in document.items() if name != "usage"}
    if "entry" in kept:
        kept["entry"] = _raw(_without_usage(_decode_fields(bytes(kept["entry"]))))
    return kept


def _details(step: ResumeStep) -> dict[str, str]:
    return {"blockId": step.block_id, "blockName": step.block_name}


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
