"""`flowport doctor --wait` repeats the checks until none finds a problem."""

from collections.abc import AsyncIterator

from flowport.doctor.findings import Finding, ok, problem, warning
from flowport.doctor.repetition import check_until_ok

WARNING = warning("API key", "none is configured", "run `flowport login`")
REFUSED = problem("broker", "cannot connect", "start RabbitMQ")


class Checks:
    """Checks with a problem in their first runs."""

    def __init__(self, *, problems: int) -> None:
        self.runs = 0
        self.shown: list[Finding] = []
        self._problems = problems

    async def __call__(self) -> AsyncIterator[Finding]:
        self.runs += 1
        yield REFUSED if self.runs <= self._problems else ok("broker", "connected")
        yield WARNING

    async def repeated(self, *, seconds: float) -> list[Finding]:
        return await check_until_ok(self, seconds=seconds, on_finding=self.shown.append, pause=0.01)


async def test_a_problem_that_disappears_in_time_is_not_reported() -> None:
    checks = Checks(problems=2)
    found = await checks.repeated(seconds=60)
    assert found == checks.shown == [ok("broker", "connected"), WARNING]
    assert checks.runs == 3


async def test_a_problem_that_stays_is_reported_once() -> None:
    checks = Checks(problems=1_000_000)
    found = await checks.repeated(seconds=0.1)
    assert found == checks.shown == [REFUSED, WARNING]
    assert checks.runs > 1


async def test_without_wait_the_checks_run_once() -> None:
    checks = Checks(problems=1)
    assert await checks.repeated(seconds=0) == checks.shown == [REFUSED, WARNING]
    assert checks.runs == 1
