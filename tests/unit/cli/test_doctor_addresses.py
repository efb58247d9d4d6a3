"""`flowport doctor` reports invalid addresses as findings."""

import pytest
from tests.support.fake_service import FakeService
from tests.support.http_stub import Answer, HttpStub

from flowport.admin.databases import ServiceDatabase
from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Finding, Verdict
from flowport.doctor.services import check_services
from flowport.doctor.store import check_stores
from shared.broker.queue_topology import default_topology

TOPOLOGY = default_topology(3600)


async def test_an_invalid_broker_url_is_a_finding() -> None:
    (found,) = [finding async for finding in check_broker("nonsense", TOPOLOGY, has_management=True)]
    assert (found.verdict, found.fix) == (Verdict.PROBLEM, "correct FLOWPORT_AMQP_URL")
    (found,) = [finding async for finding in check_management("http://host:port", TOPOLOGY)]
    assert found.verdict is Verdict.PROBLEM
    assert "FLOWPORT_AMQP_MANAGEMENT_URL" in found.fix


async def test_an_invalid_service_url_is_a_finding() -> None:
    (found,) = [finding async for finding in check_services({"gateway": "http://host:port"})]
    assert (found.check, found.verdict) == ("gateway", Verdict.PROBLEM)


async def test_a_missing_certificate_is_a_finding() -> None:
    url = "amqps://flowport@127.0.0.1:1/?cacertfile=/nowhere/ca.pem"
    (found,) = [finding async for finding in check_broker(url, TOPOLOGY, has_management=True)]
    assert (found.verdict, found.fix) == (Verdict.PROBLEM, "correct FLOWPORT_AMQP_URL")
    uri = "mongodb://127.0.0.1:1/?tls=true&tlsCAFile=/nowhere/ca.pem"
    database = ServiceDatabase("flowport_jobs", uri, (), "FLOWPORT_MONGODB_URI")
    (found,) = [finding async for finding in check_stores([database])]
    assert (found.verdict, found.fix) == (Verdict.PROBLEM, "correct FLOWPORT_MONGODB_URI")


async def check_service(service: FakeService, url: str | None = None) -> Finding:
    """Return the finding about one service."""
    (found,) = [finding async for finding in check_services({service.name: url or service.url}, proxied=True)]
    return found


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_gateway_that_hides_its_readiness_is_ok(status: int) -> None:
    with FakeService("gateway", hides=status) as gateway:
        found = await check_service(gateway)
    assert (found.verdict, found.found) == (
        Verdict.OK,
        "responds; public callers cannot see its readiness",
    )


async def test_a_server_that_is_not_a_flowport_service_is_a_problem() -> None:
    with FakeService("deploy-service", hides=404) as service:
        found = await check_service(service)
    assert found.verdict is Verdict.PROBLEM
    assert found.found == f"{service.url} returned status 404, which deploy-service does not return"


async def test_a_trailing_slash_is_ignored() -> None:
    with FakeService("gateway") as gateway:
        assert (await check_service(gateway, f"{gateway.url}/")).verdict is Verdict.OK


async def test_a_draining_service_is_not_ready() -> None:
    with FakeService("jobs-service", status="draining") as service:
        found = [finding async for finding in check_services({"jobs-service": service.url})]
    assert (found[0].verdict, found[0].found) == (Verdict.PROBLEM, "not ready: draining")


async def test_a_gateway_is_checked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with HttpStub() as proxy:
        proxy.answer(Answer(body='{"status": "ready", "problems": []}'), Answer(body=""))
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        (found,) = [each async for each in check_services({"gateway": "http://flow.example"}, proxied=True)]
    assert found.verdict is Verdict.OK
    assert [request.target for request in proxy.requests] == [
        "http://flow.example/readyz",
        "http://flow.example/metrics",
    ]
