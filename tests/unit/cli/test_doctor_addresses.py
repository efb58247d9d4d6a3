"""What the doctor says of addresses that are none: it is asked for that."""

from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Verdict
from flowport.doctor.services import check_services
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
