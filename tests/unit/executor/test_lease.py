"""The lease of a run: renewed during the run, checked when in doubt; losing it stops the work."""

import asyncio

import pytest
from tests.support.eventually import eventually
from tests.support.executor.fakes import JobsService, spec

from executor_service.application import lease as lease_module
from executor_service.application.lease import Lease, hold_lease
from shared.contracts.claims import ClaimGranted
from shared.errors import StaleAttempt


@pytest.fixture
def jobs() -> JobsService:
    jobs = JobsService(spec())
    jobs.attempt = 1
    return jobs


def granted(lease_ms: int) -> ClaimGranted:
    return ClaimGranted(spec(), attempt=1, lease_ms=lease_ms, remaining_ms=60_000)


async def test_a_worker_without_renewal_for_a_lease_checks_before_continuing(jobs: JobsService) -> None:
    lease = Lease(jobs, granted(lease_ms=20))
    await asyncio.sleep(0.03)
    await lease.ensure_held()
    assert jobs.renewals == 1

    await asyncio.sleep(0.03)
    jobs.attempt = 2
    with pytest.raises(StaleAttempt):
        await lease.ensure_held()


async def test_a_worker_with_a_recent_renewal_does_not_check(jobs: JobsService) -> None:
    await Lease(jobs, granted(lease_ms=3_600_000)).ensure_held()
    assert jobs.renewals == 0


async def test_work_stops_when_another_has_the_run(jobs: JobsService) -> None:
    async with hold_lease(jobs, granted(lease_ms=30), lambda: None) as lease:
        lease.task = asyncio.create_task(asyncio.sleep(3600))
        jobs.attempt = 2
        await asyncio.wait([lease.task], timeout=30)
        assert lease.task.cancelled()
        assert lease.is_lost


async def test_a_renewal_counts_as_contact(jobs: JobsService, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(lease_module, "_now", lambda: now)
    async with hold_lease(jobs, granted(lease_ms=60), lambda: None) as lease:
        now = 0.05
        renewed = jobs.renewals + 1  # counts the answer to a renewal that is being sent
        await eventually(lambda: jobs.renewals > renewed)
        now = 0.1
        before = jobs.renewals
        await lease.ensure_held()
        assert jobs.renewals == before


async def test_a_worker_that_left_no_longer_renews(jobs: JobsService) -> None:
    async with hold_lease(jobs, granted(lease_ms=15), lambda: None):
        await eventually(lambda: jobs.renewals)
    left = jobs.renewals
    await asyncio.sleep(0.05)
    assert jobs.renewals == left
