"""What the doctor says of addresses that are none: it is asked for that."""

import pytest
from tests.support.fake_service import FakeService
from tests.support.http_stub import Answer, HttpStub

from flowport.databases import ServiceDatabase
from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Finding, Verdict
from flowport.doctor.services import check_services
from flowport.doctor.store import check_stores
from shared.broker.topology import default_topology

TOPOLOGY = default_topology(3600)


async def test_what_is_no_broker_s_address_is_a_finding() -> None:
    (found,) = [finding async for finding in check_broker("nonsense", TOPOLOGY, has_management=True)]
    assert (found.verdict, found.fix) == (Verdict.PROBLEM, "correct FLOWPORT_AMQP_URL")
    (found,) = [finding async for finding in check_management("http://host:port", TOPOLOGY)]
    assert found.verdict is Verdict.PROBLEM
    assert "FLOWPORT_AMQP_MANAGEMENT_URL" in found.fix


async def test_what_is_no_service_s_address_is_a_finding() -> None:
    (found,) = [finding async for finding in check_services({"gateway": "http://host:port"})]
    assert (found.check, found.verdict) == ("gateway", Verdict.PROBLEM)


async def test_a_certificate_that_is_not_there_is_a_finding() -> None:
    url = "amqps://flowport@127.0.0.1:1/?cacertfile=/nowhere/ca.pem"
    (found,) = [finding async for finding in check_broker(url, TOPOLOGY, has_management=True)]
    assert (found.verdict, found.fix) == (Verdict.PROBLEM, "correct FLOWPORT_AMQP_URL")
    uri = "mongodb://127.0.0.1:1/?tls=true&tlsCAFile=/nowhere/ca.pem"
    database = ServiceDatabase("flowport_jobs", uri, (), "FLOWPORT_MONGODB_URI")
    (found,) = [finding async for finding in check_stores([database])]
    assert (found.verdict, found.fix) == (Verdict.PROBLEM, "correct FLOWPORT_MONGODB_URI")


async def looked_at(service: FakeService, url: str | None = None) -> Finding:
    """What is said of one service, which the checks ask from another thread."""
    (found,) = [finding async for finding in check_services({service.name: url or service.url}, proxied=True)]
    return found


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_door_that_keeps_from_callers_how_it_is_is_well(status: int) -> None:
    with FakeService("gateway", hides=status) as gateway:
        found = await looked_at(gateway)
    assert (found.verdict, found.found) == (
        Verdict.OK,
        "it answers; whether it is ready it does not tell callers",
    )


async def test_what_answers_and_is_no_service_of_ours_is_a_problem() -> None:
    with FakeService("deploy-service", hides=404) as service:
        found = await looked_at(service)
    assert found.verdict is Verdict.PROBLEM
    assert found.found == f"{service.url} answers 404, and not as deploy-service does"


async def test_a_slash_at_the_end_of_an_address_does_no_harm() -> None:
    with FakeService("gateway") as gateway:
        assert (await looked_at(gateway, f"{gateway.url}/")).verdict is Verdict.OK


async def test_a_service_that_is_being_stopped_is_not_ready() -> None:
    with FakeService("jobs-service", status="draining") as service:
        found = [finding async for finding in check_services({"jobs-service": service.url})]
    assert (found[0].verdict, found[0].found) == (Verdict.PROBLEM, "not ready: draining")


async def test_a_door_is_looked_at_by_the_way_that_calls_take(monkeypatch: pytest.MonkeyPatch) -> None:
    async with HttpStub() as proxy:
        proxy.answer(Answer(body='{"status": "ready", "problems": []}'), Answer(body=""))
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        (found,) = [each async for each in check_services({"gateway": "http://flow.example"}, proxied=True)]
    assert found.verdict is Verdict.OK
    assert [asked.target for asked in proxy.asked] == ["http://flow.example/readyz", "http://flow.example/metrics"]
