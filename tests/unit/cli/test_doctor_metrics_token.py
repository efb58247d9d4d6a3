"""`flowport doctor` sends the metrics token, and reports a missing or wrong one."""

from collections.abc import AsyncIterator

from tests.support.fake_service import FakeService

from flowport.doctor.findings import Finding
from flowport.doctor.services import check_services


async def checks(findings: AsyncIterator[Finding]) -> set[str]:
    return {finding.check async for finding in findings if finding.verdict != "ok"}


async def test_metrics_are_read_with_the_metrics_token() -> None:
    with FakeService("executor-service", metrics="flowport_executor_slots 4\n", metrics_token="secret") as service:
        urls = {"executor-service": service.url}
        assert await checks(check_services(urls, metrics_token="secret")) == set()


async def test_a_missing_or_wrong_token_is_the_only_finding() -> None:
    with FakeService("executor-service", metrics="flowport_executor_slots 4\n", metrics_token="secret") as service:
        urls = {"executor-service": service.url}
        assert await checks(check_services(urls)) == {"metrics"}
        assert await checks(check_services(urls, metrics_token="wrong")) == {"metrics"}
