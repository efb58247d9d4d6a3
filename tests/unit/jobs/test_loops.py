"""Periodic background work."""

import asyncio
import itertools

import pytest
from structlog.testing import capture_logs
from tests.support.eventually import eventually

from jobs_service import leadership as loops
from jobs_service.leadership import Loop, WakeUpEvent
from shared.errors import Unavailable


async def test_a_wake_up_event_starts_a_step_immediately() -> None:
    steps: list[int] = []
    wake_up = WakeUpEvent()

    async def step() -> None:
        steps.append(len(steps))

    loop = Loop("test", step, every=3600, wake_up=wake_up)
    await loop.start()
    await eventually(lambda: len(steps) == 1)
    wake_up.wake()
    await eventually(lambda: len(steps) == 2)
    await loop.stop()


async def test_news_wake_the_loop_a_little_later_while_it_has_no_room_for_them() -> None:
    woken_at: list[float] = []
    clock = asyncio.get_running_loop().time
    wake_up = WakeUpEvent()
    wake_up.has_capacity = False

    async def step() -> None:
        woken_at.append(clock())

    loop = Loop("test", step, every=3600, wake_up=wake_up)
    await loop.start()
    await eventually(lambda: len(woken_at) == 1)
    announced_at = clock()
    for _ in range(50):
        wake_up.wake_for_new_work()
    await eventually(lambda: len(woken_at) == 2)
    assert woken_at[1] >= announced_at + 0.9 * loops.LATER_SECONDS

    wake_up.has_capacity = True
    wake_up.wake_for_new_work()
    await eventually(lambda: len(woken_at) == 3)
    await loop.stop()
    assert len(woken_at) == 3


async def test_a_ring_during_a_step_is_not_lost() -> None:
    steps: list[int] = []
    wake_up = WakeUpEvent()

    async def step() -> None:
        if not steps:
            wake_up.wake()
        steps.append(len(steps))

    loop = Loop("test", step, every=3600, wake_up=wake_up)
    await loop.start()
    await eventually(lambda: len(steps) == 2)
    await loop.stop()


async def test_a_failed_step_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "FAILURE_SECONDS", 0.0)
    steps: list[int] = []

    async def step() -> None:
        steps.append(len(steps))
        if len(steps) < 3:
            raise OSError("not this time")

    loop = Loop("test", step, every=0.001)
    await loop.start()
    await eventually(lambda: len(steps) > 3)
    await loop.stop()


@pytest.mark.parametrize(
    ("error", "level"), [(Unavailable("the store is unavailable"), "warning"), (OSError("?"), "error")]
)
async def test_an_outage_is_logged_in_one_line_and_unexpected_errors_with_a_traceback(
    error: Exception, level: str
) -> None:
    failed = asyncio.Event()

    async def step() -> None:
        failed.set()
        raise error

    loop = Loop("test", step, every=3600)
    with capture_logs() as logs:
        await loop.start()
        await failed.wait()
        await loop.stop()
    assert [(line["event"], line["log_level"], "exc_info" in line) for line in logs] == [
        ("loop_step_failed", level, level == "error")
    ]


async def test_stopping_ends_a_hanging_step_and_releases_the_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "STOP_SECONDS", 0.05)
    messages: list[str] = []
    begun = asyncio.Event()

    async def step() -> None:
        begun.set()
        await asyncio.sleep(3600)

    async def good_bye() -> None:
        messages.append("good bye")

    loop = Loop("test", step, every=1, on_stop=good_bye)
    await loop.start()
    await begun.wait()
    await loop.stop()

    assert messages == ["good bye"]


async def test_a_hanging_step_is_cancelled_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "STEP_SECONDS", 0.02)
    monkeypatch.setattr(loops, "FAILURE_SECONDS", 0.0)
    steps: list[int] = []

    async def step() -> None:
        steps.append(len(steps))
        if len(steps) == 1:
            await asyncio.Event().wait()

    loop = Loop("test", step, every=0.001)
    await loop.start()
    await eventually(lambda: len(steps) > 1)
    await loop.stop()


async def test_stopping_lets_a_step_complete() -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    async def step() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        ended.append("step")

    loop = Loop("test", step, every=1)
    await loop.start()
    await begun.wait()
    await loop.stop()

    assert ended == ["step"]


async def test_a_busy_bell_leaves_the_store_as_much_time_as_it_takes() -> None:
    """Steps of 50 ms with the wake-up event always set: they take at most half of the time."""
    began: list[float] = []
    wake_up = WakeUpEvent()
    clock = asyncio.get_running_loop().time

    async def step() -> None:
        began.append(clock())
        await asyncio.sleep(0.05)
        wake_up.wake()

    loop = Loop("test", step, every=3600, wake_up=wake_up, gap=0.001)
    await loop.start()
    await eventually(lambda: len(began) == 4)
    await loop.stop()
    assert all(later - sooner >= 0.1 for sooner, later in itertools.pairwise(began))
