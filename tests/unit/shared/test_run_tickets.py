"""Run tickets: small, signed, and valid until they expire."""

from datetime import timedelta

import msgspec
import pytest
from tests.support.gateway.clock import HandClock
from tests.support.tickets import TICKET_KEY, a_ticket, ring, ticket_key

from deploy_service.settings import DeploySettings
from gateway.settings import GatewaySettings
from jobs_service.settings import JobsSettings
from shared.contracts.files import FileKey, FileScope
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef
from shared.contracts.tickets import RunTicket
from shared.errors import RunTicketRefused
from shared.ids import new_id
from shared.security.current_ticket import current_ticket, using_ticket
from shared.security.run_tickets import MARGIN_SECONDS, TicketSigner
from shared.settings import TicketSettings

LARGEST_BYTES = 400


def reason(text: str, keys: str = TICKET_KEY) -> str:
    """Return the reason of a ticket's rejection."""
    with pytest.raises(RunTicketRefused) as refusal:
        ring(keys).verify(text)
    return str(refusal.value.details["reason"])


def test_a_signed_ticket_is_read_back() -> None:
    ticket = a_ticket(user_id="ann", workspace_id="w@ü.$")
    assert ring().verify(ring().sign(ticket)) == ticket


def test_a_run_ticket_lists_its_scope_and_is_small() -> None:
    clock = HandClock()
    spec = RunSpec(
        run_id=new_id(),
        snapshot=SnapshotRef(new_id(), new_id(), "a" * 64),
        mode=RunMode.SYNC,
        input=Payload(),
        time_limit_ms=60_000,
        user_id=new_id(),
        file_scope=FileScope.WORKSPACE,
    )
    text = TicketSigner(ring(), clock).sign_run(spec, seconds=60)
    ends_at = clock.now() + timedelta(seconds=60 + MARGIN_SECONDS)
    expected = a_ticket(
        workspace_id=spec.snapshot.workspace_id,
        workflow_id=spec.snapshot.workflow_id,
        snapshot_hash=spec.snapshot.snapshot_hash,
        run_id=spec.run_id,
        user_id=spec.user_id,
        expires_at=int(ends_at.timestamp()),
        file_scope=FileScope.WORKSPACE,
    )
    assert ring().verify(text) == expected
    assert len(text) < LARGEST_BYTES


def test_a_ticket_of_an_earlier_release_covers_the_files_of_its_run() -> None:
    claims = ("ws", "workflow-1", "0" * 64, "order-1@ws", None, 1)
    ticket = msgspec.json.decode(msgspec.json.encode(claims), type=RunTicket)
    assert ticket.may_read_file(FileKey.new("ws", "workflow-1", "order-1", "a").file_id)
    for workflow_id, run_id in (("workflow-1", "order-2"), ("workflow-2", "order-1")):
        file_id = FileKey.new("ws", workflow_id, run_id, "a").file_id
        assert not ticket.may_read_file(file_id)
        assert not ticket.may_read_file(file_id, run_id)


@pytest.mark.parametrize("position", [0, 10, 60, 200, -1])
def test_any_altered_character_is_noticed(position: int) -> None:
    text = ring().sign(a_ticket())
    position %= len(text)
    other = "A" if text[position] != "A" else "B"
    assert reason(text[:position] + other + text[position + 1 :]) in {"forged", "unknown_key"}


@pytest.mark.parametrize("text", ["", ".", "..", "tickets..", "tickets", "tickets.x.y", "a.b.c.d"])
def test_invalid_tickets_are_rejected(text: str) -> None:
    assert reason(text) in {"forged", "unknown_key"}


def test_the_first_key_signs_and_all_verify() -> None:
    old, new = ticket_key("old"), ticket_key("new")
    assert ring(f"{old},{new}").verify(ring(f"{new},{old}").sign(a_ticket())) == a_ticket()
    assert ring(f"{new},{old}").sign(a_ticket()).startswith("new.")
    assert reason(ring(old).sign(a_ticket()), new) == "unknown_key"


@pytest.mark.parametrize("kind", [GatewaySettings, DeploySettings, JobsSettings])
def test_a_service_without_keys_does_not_start(kind: type[TicketSettings]) -> None:
    with pytest.raises(SystemExit, match="FLOWPORT_TICKET_KEYS is not set"):
        kind().ticket_ring()


@pytest.mark.parametrize("text", ["secret", "1:", "1:c2hvcnQ=", ":" + "A" * 44])
def test_a_key_that_cannot_be_read_stops_the_start_and_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="id:base64") as refused:
        GatewaySettings(ticket_keys=text)
    assert text not in str(refused.value).replace("id:base64", "")


def test_the_ticket_is_presented_inside_the_block_alone() -> None:
    with using_ticket("outer"):
        with using_ticket("inner"):
            assert current_ticket() == "inner"
        assert current_ticket() == "outer"
    assert current_ticket() == ""
