"""Open event streams are counted per run and per caller, until they close."""

import pytest
from tests.support.gateway.clock import NOON

from gateway.access.credentials import ALL_SCOPES, ApiKey, Caller, Workspace
from gateway.access.models import TooManyStreams
from gateway.access.plans import PlanName
from gateway.runs.executions import StreamLimits


def caller(key_id: str) -> Caller:
    key = ApiKey(
        id=key_id,
        workspace_id="WS1",
        name=key_id,
        key_hash="",
        display="",
        scopes=ALL_SCOPES,
        created_by="ann",
        created_at=NOON,
    )
    return Caller(Workspace(id="WS1", name="W", plan=PlanName.FREE, created_at=NOON), ALL_SCOPES, key=key)


def test_the_number_of_readers_per_run_is_bounded_across_callers() -> None:
    limits = StreamLimits(per_caller=10, per_run=2)
    slots = [limits.reserve(caller(each), "WS1", "R1") for each in ("K1", "K2")]
    with pytest.raises(TooManyStreams):
        limits.reserve(caller("K3"), "WS1", "R1")
    limits.reserve(caller("K3"), "WS2", "R1")
    slots[0].release()
    limits.reserve(caller("K3"), "WS1", "R1")


def test_the_number_of_streams_per_caller_is_bounded_across_runs() -> None:
    limits = StreamLimits(per_caller=2, per_run=10)
    slots = [limits.reserve(caller("K1"), "WS1", run) for run in ("R1", "R2")]
    with pytest.raises(TooManyStreams):
        limits.reserve(caller("K1"), "WS1", "R3")
    limits.reserve(caller("K2"), "WS1", "R3")
    for slot in slots:
        slot.release()


def test_a_slot_is_released_once() -> None:
    limits = StreamLimits(per_caller=2, per_run=10)
    first, second = limits.reserve(caller("K1"), "WS1", "R1"), limits.reserve(caller("K1"), "WS1", "R2")
    first.release()
    first.release()
    third = limits.reserve(caller("K1"), "WS1", "R3")
    with pytest.raises(TooManyStreams):
        limits.reserve(caller("K1"), "WS1", "R4")
    second.release()
    third.release()


def test_an_abandoned_slot_is_released() -> None:
    limits = StreamLimits(per_caller=1, per_run=1)
    limits.reserve(caller("K1"), "WS1", "R1")
    limits.reserve(caller("K1"), "WS1", "R1")
