"""Gate of a deploy or promote: a replay of recorded runs that must have passed on exactly this content."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from shared.contracts.replay_sets import ReplaySet, ReplaySetStatus
from shared.errors import Conflict


@dataclass(frozen=True, slots=True)
class Gate:
    """Replay that must have passed. `override` is the reason to deploy even if it has not."""

    replay_id: str
    override: str | None = None


class GateRefused(Conflict):
    """The replay does not permit the deploy; `details.code` says why."""

    code: ClassVar[str] = "REPLAY_GATE_REFUSED"


def other_content(replay_id: str) -> GateRefused:
    """Return the refusal of content that was not replayed."""
    return _refused(
        "REPLAY_OTHER_CONTENT", replay_id, "The replay ran on other content than this one. Replay it again."
    )


def not_found(replay_id: str) -> GateRefused:
    """Return the refusal of a replay that this workflow does not have."""
    return _refused("REPLAY_NOT_FOUND", replay_id, "The workflow has no such replay")


def refusal_of(replay: ReplaySet, content: str | None = None) -> GateRefused | None:
    """Return why a replay does not permit to deploy `content`; with None, any content."""
    if replay.status is not ReplaySetStatus.PASSED:
        code, message = _STATES[replay.status]
        reasons = list(replay.refusals)
        text = f"{message}: {'; '.join(reasons)}" if reasons else message
        return _refused(code, replay.id, text, refusals=reasons)
    if content not in (None, replay.snapshot_hash):
        return other_content(replay.id)
    return None


_STATES: Final = {
    ReplaySetStatus.RUNNING: ("REPLAY_RUNNING", "The replay has not ended"),
    ReplaySetStatus.REFUSED: ("REPLAY_REFUSED", "The replay exceeds its thresholds"),
    ReplaySetStatus.CANCELED: ("REPLAY_CANCELED", "The replay was canceled"),
}


def _refused(code: str, replay_id: str, message: str, **more: Any) -> GateRefused:
    return GateRefused(message, details={"code": code, "replayId": replay_id, **more})
