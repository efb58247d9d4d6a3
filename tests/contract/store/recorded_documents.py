"""Recorded and declared structs and dataclasses of the store."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec
from tests.contract.shapes import Shape, shape_of

from deploy_service.domain.environment import EnvironmentEntry
from deploy_service.domain.workflow import Version, Workflow
from executor_service.engine.entries import Entry
from executor_service.engine.state import RunState
from gateway.access.credentials import ApiKey, Workspace
from gateway.access.models import Invitation, Member, Session, User
from gateway.chat.codes import EntryCode
from gateway.deletion.store import Erasure
from jobs_service.runs.run import Pause, Phase
from shared import contracts

RECORDED = Path(__file__).parent / "recorded_documents.json"


KEPT: Final = (
    *(Workflow, Version, EnvironmentEntry),
    *(User, Session, ApiKey, Workspace, Member, Invitation, Erasure, EntryCode),
    *(Pause, Phase, Entry, RunState),
)


def recorded() -> dict[str, Shape]:
    """Return the recorded documents of all versions."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, Shape])


def declared() -> dict[str, Shape]:
    """Return the documents of this version."""
    return {f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}": shape_of(kind) for kind in kinds()}


def kinds() -> set[type[Any]]:
    """Return all stored types, down to their last part."""
    found: set[type[Any]] = set()
    waiting = list(KEPT)
    while waiting:
        for kind in _records_in(waiting.pop()):
            if kind not in found:
                found.add(kind)
                waiting += [] if issubclass(kind, Enum) else get_type_hints(kind).values()
    return found


def _records_in(hint: Any) -> Iterator[type[Any]]:
    if not isinstance(hint, type):
        for part in get_args(hint):
            yield from _records_in(part)
    elif not hint.__module__.startswith(contracts.__name__) and (
        issubclass(hint, msgspec.Struct | Enum) or is_dataclass(hint)
    ):
        yield hint
