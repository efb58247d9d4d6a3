"""Results of scripts that end at about the same time, while others wait to start."""

import asyncio

import pytest

from executor_service.sandbox.result_groups import ResultGroups
from executor_service.sandbox.start_limiter import StartLimiter

HOLD_SECONDS = 3600.0


class Scripts:
    """Scripts that have ended, of workspaces whose other scripts may wait. Time passes only by `pass_time`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._limiter = StartLimiter(width=0)
        self._groups = ResultGroups(self._limiter, hold_seconds=HOLD_SECONDS, max_results=3)
        self.delivered: list[str] = []
        self._now = 0.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self._now)

    async def wait_to_start(self, workspace: str) -> asyncio.Task[object]:
        waiting = asyncio.create_task(self._limiter.acquire(workspace))
        await self._turns()
        return waiting

    async def end(self, *names: str, workspace: str = "w") -> list[asyncio.Task[None]]:
        ended = [asyncio.create_task(self._deliver(name, workspace)) for name in names]
        await self._turns()
        return ended

    async def pass_time(self, seconds: float) -> None:
        self._now += seconds
        await self._turns()

    async def _deliver(self, name: str, workspace: str) -> None:
        await self._groups.join(workspace)
        self.delivered.append(name)

    async def _turns(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def scripts(monkeypatch: pytest.MonkeyPatch) -> Scripts:
    return Scripts(monkeypatch)


async def test_no_result_is_held_while_no_script_waits(scripts: Scripts) -> None:
    await scripts.end("a")
    assert scripts.delivered == ["a"]


async def test_results_are_held_until_their_group_is_complete(scripts: Scripts) -> None:
    await scripts.wait_to_start("w")
    await scripts.end("a", "b")
    assert scripts.delivered == []
    await scripts.end("c", "d")
    assert scripts.delivered == ["a", "b", "c"]


async def test_results_are_held_until_no_script_waits(scripts: Scripts) -> None:
    waiting = await scripts.wait_to_start("w")
    await scripts.end("a")
    waiting.cancel()
    await scripts.end("b")
    assert scripts.delivered == ["a", "b"]


async def test_a_workspace_without_waiting_scripts_does_not_wait_for_others(scripts: Scripts) -> None:
    await scripts.wait_to_start("busy")
    await scripts.end("theirs", workspace="busy")
    assert scripts.delivered == []
    await scripts.end("ours")
    assert scripts.delivered == ["theirs", "ours"]


async def test_no_result_is_held_longer_than_the_limit(scripts: Scripts) -> None:
    await scripts.wait_to_start("w")
    for names, expected in (("ab", ["a", "b"]), ("cd", ["a", "b", "c", "d"])):
        before = list(scripts.delivered)
        await scripts.end(names[0])
        await scripts.pass_time(HOLD_SECONDS / 2)
        await scripts.end(names[1])
        assert scripts.delivered == before
        await scripts.pass_time(HOLD_SECONDS / 2)
        assert scripts.delivered == expected


async def test_a_script_that_is_canceled_while_its_result_is_held_delays_no_other(scripts: Scripts) -> None:
    await scripts.wait_to_start("w")
    first, _ = await scripts.end("a", "b")
    first.cancel()
    await scripts.pass_time(HOLD_SECONDS)
    assert first.cancelled()
    assert scripts.delivered == ["b"]
