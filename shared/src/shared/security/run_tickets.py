"""Sign and verify run tickets, with HMAC-SHA256 and a key ring: the first key signs, all of them verify."""

import hmac
from base64 import urlsafe_b64decode
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import Final

import msgspec

from shared.clock import Clock
from shared.contracts.runs import RunSpec
from shared.contracts.tickets import RunTicket
from shared.errors import RunTicketRefused

TICKET_KEYS: Final = "FLOWPORT_TICKET_KEYS"
MARGIN_SECONDS: Final = 600
"""How long a ticket outlives the run's time limit: clocks differ, and the last writes of a run are retried."""
_PURPOSE: Final = b"flowport run ticket\0"
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(RunTicket).decode


class TicketKeys:
    """Key ring for tickets, in the format `key id.claims.signature`. The first of `keys` signs."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._begun = {key_id: hmac.new(key, _PURPOSE, "sha256") for key_id, key in keys}
        """A signature of each key to continue: to begin one takes longer than to sign a ticket."""
        self._signing_id = keys[0][0]

    def sign(self, ticket: RunTicket) -> str:
        signed = f"{self._signing_id}.{_base64(_encode(ticket))}"
        return f"{signed}.{_signature(self._begun[self._signing_id], signed)}"

    def verify(self, text: str) -> RunTicket:
        """Return the claims of a ticket that one of the keys signed. Raises RunTicketRefused."""
        signed, _, signature = text.rpartition(".")
        key_id, _, claims = signed.rpartition(".")
        begun = self._begun.get(key_id)
        if begun is None:
            raise ticket_error("unknown_key", "The run ticket is signed with a key that is not configured here")
        if not hmac.compare_digest(_signature(begun, signed).encode(), signature.encode()):
            raise ticket_error("forged", "The signature of the run ticket is wrong")
        return _decode(_from_base64(claims))


class TicketSigner:
    """Issues tickets that expire."""

    def __init__(self, keys: TicketKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def sign_run(self, run: RunSpec, *, seconds: float) -> str:
        """Return the ticket of a run that ends within `seconds`."""
        snapshot = run.snapshot
        ticket = RunTicket(
            workspace_id=snapshot.workspace_id,
            workflow_id=snapshot.workflow_id,
            snapshot_hash=snapshot.snapshot_hash,
            run_id=run.run_id,
            user_id=run.user_id,
            expires_at=int(self._clock.now().timestamp() + seconds) + MARGIN_SECONDS,
            file_scope=run.file_scope,
        )
        return self._keys.sign(ticket)

    def sign_child(self, parent: RunTicket, workflow_id: str, snapshot_hash: str) -> str:
        """Return the ticket of a called workflow; it expires with the run's own."""
        child = msgspec.structs.replace(
            parent,
            workflow_id=workflow_id,
            snapshot_hash=snapshot_hash,
            run_workflow_id=parent.run_workflow_id or parent.workflow_id,
        )
        return self._keys.sign(child)


def ticket_error(reason: str, message: str) -> RunTicketRefused:
    """Return the error for a refused ticket; `reason` is for programs."""
    return RunTicketRefused(message, details={"reason": reason})


def _signature(begun: hmac.HMAC, signed: str) -> str:
    whole = begun.copy()
    whole.update(signed.encode())
    return _base64(whole.digest())


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()


def _from_base64(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    if "-" in text or "_" in text:
        return urlsafe_b64decode(padded)
    return a2b_base64(padded)  # twice as fast
