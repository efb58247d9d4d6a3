"""`flowport doctor` shows the metrics token to services, and says where it is missing."""

from collections.abc import AsyncIterator

from tests.support.fake_service import FakeService

from flowport.doctor.findings import Finding
from flowport.doctor.services import check_services


async def checks(findings: AsyncIterator[Finding]) -> set[str]:
    return {finding.check async for finding in findings if finding.verdict != "ok"}


async def test_metrics_are_read_with_the_token_of_the_installation() -> None:
    with FakeService("executor-service", metrics="flowport_executor_slots 4\n", metrics_token="secret") as service:
        urls = {"executor-service": service.url}
        assert await checks(check_services(urls, metrics_token="secret")) == set()


async def test_a_missing_token_is_named_and_nothing_is_guessed_from_it() -> None:
    with FakeService("executor-service", metrics="flowport_executor_slots 4\n", metrics_token="secret") as service:
        urls = {"executor-service": service.url}
        assert await checks(check_services(urls)) == {"metrics"}
        assert await checks(check_services(urls, metrics_token="wrong")) == {"metrics"}
