"""The gateway's clients of other services."""

from tests.support.gateway.buckets import FakeBuckets
from tests.support.gateway.calls import FakeCalls
from tests.support.gateway.clock import HandClock
from tests.support.gateway.mail import FakeEntryCodes
from tests.support.gateway.people import FakeAudit
from tests.support.gateway.tenants import FakeTenants
from tests.support.tickets import TICKET_KEY

from gateway.outside import Outside
from gateway.settings import GatewaySettings
from shared.web.client import InternalClient


async def test_all_calls_of_a_service_share_its_connections_and_wait_for_its_restart() -> None:
    settings = GatewaySettings(amqp_url="memory://service-clients", ticket_keys=TICKET_KEY)
    outside = Outside(
        settings,
        store=FakeTenants(),
        buckets=FakeBuckets(HandClock()),
        calls=FakeCalls(),
        audit_entries=FakeAudit(),
        entry_codes=FakeEntryCodes(),
    )
    deploy, jobs = [each for each in outside.opened if isinstance(each, InternalClient)]
    assert deploy.longest_seconds == settings.internal_timeout_seconds
    assert jobs.longest_seconds == settings.internal_timeout_seconds + settings.restart_patience_seconds
