"""Idempotency keys: rules, records, and the calls that share an answer."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Final

import msgspec
from pymongo.errors import DuplicateKeyError

from gateway.parsing.problems import Problem
from gateway.runs.requests import ExecuteRequest
from shared.clients.jobs.runs import HttpJobsClient
from shared.clock import Clock
from shared.contracts.erasure import Erase
from shared.contracts.payloads import Payload
from shared.errors import Conflict, FlowportError, InvalidRequest, Unavailable
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.payloads import decode_payload, encode_payload
from shared.store.server_time import NOW_MS, server_time_after
from shared.tasks import cancel_task, run_periodically

HEADER: Final = "idempotency-key"


REPLAYED: Final = "idempotent-replayed"


_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


FINGERPRINTED: Final = (
    "mode",
    "input",
    "run_id",
    "time_limit_seconds",
    "selected_outputs",
    "stop_after_block_id",
    "include_thinking",
    "include_tool_calls",
    "include_file_base64",
    "base64_max_bytes",
    "agent_events",
    "call_chain",
    "version",
    "keep_events",
    "trigger",
    "draft_run",
    "conversation_id",
    "callback_url",
    "may_have_begun",
)
"""Fields of a request in the order of stored fingerprints, which other versions of the gateway must reproduce."""


_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class CallName(msgspec.Struct, frozen=True):
    """Scope of a key: one workflow; the public's keys are separate from key holders'."""

    workspace_id: str
    workflow_id: str
    is_public: bool
    key: str

    @property
    def record_id(self) -> str:
        """Return the id of the call's record."""
        return sha256(_encode(self)).hexdigest()


class StoredAnswer(msgspec.Struct, frozen=True):
    """Answer to the first call. Of a stream, only its end is stored."""

    status: int
    headers: dict[str, str]
    body: Payload


def key_in(headers: Mapping[str, str]) -> str | None:
    """Return the caller's idempotency key, None without one. Raises InvalidRequest."""
    key = headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        problem = Problem("Idempotency-Key", "Idempotency key must be 1 to 255 visible ASCII characters")
        raise InvalidRequest("Invalid idempotency key header", details=[problem])
    return key


def fingerprint(path: str, run_request: ExecuteRequest) -> str:
    """Return a hash that equal requests share; `path` identifies the API generation."""
    members = ((name, () if name == "call_chain" else getattr(run_request, name)) for name in FINGERPRINTED)
    document = b",".join(b"%b:%b" % (_encode(name), _encode(value)) for name, value in members)
    return sha256(b"%b\n{%b}" % (path.encode(), document)).hexdigest()


class IdempotencyKeyReused(Conflict):
    """The key belongs to another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    default_message = "Idempotency key was used before with a different request"


class IdempotencyKeyInUse(Conflict):
    """The first call with this key is still in progress."""

    code = "IDEMPOTENCY_KEY_IN_USE"
    retryable = True

    def __init__(self) -> None:
        super().__init__("A request with this idempotency key is still being processed", retry_after=2)


class OutcomeUnknown(Conflict):
    """The process that answered the first call is lost; its run may have had effects, and is not restarted."""

    code = "IDEMPOTENCY_OUTCOME_UNKNOWN"
    sentence: ClassVar[str] = "The answer to the first request with this key was lost"

    def __init__(self, run_id: str) -> None:
        super().__init__(self.sentence, details={"runId": run_id})
        self.run_id = run_id


class ResponseNotStored(OutcomeUnknown):
    """The first call was answered, but the workflow does not store outputs."""

    code = "IDEMPOTENCY_ANSWER_NOT_KEPT"
    sentence = "The answer to the first request with this key was not stored, because the workflow stores no outputs"


RECORDS: Final = "idempotency"


INDEXES: Final = (
    Index(RECORDS, ascending("expires_at"), expire_after_seconds=0),
    Index(RECORDS, ascending("workspace_id", "workflow_id")),
)


class CallRecord(msgspec.Struct, frozen=True):
    """Call with an idempotency key, and its run. `holder` is the process that answers it."""

    name: CallName
    fingerprint: str
    run_id: str
    holder: str
    is_retry: bool = False
    """Whether a lost process had begun to answer it."""


class KnownCall(msgspec.Struct, frozen=True):
    """Existing record. `is_held`: its holder renewed it recently."""

    record: CallRecord
    answer: StoredAnswer | None
    is_held: bool


class IdempotencyStore:
    """Implements IdempotencyStore."""

    def __init__(self, store: Store) -> None:
        self._records = store.collection(RECORDS)

    @store_call
    async def begin(self, record: CallRecord, now: datetime, expires_at: datetime, lease: timedelta) -> bool:
        name = record.name
        fields: Document = {
            **msgspec.structs.asdict(name),
            "fingerprint": record.fingerprint,
            "run_id": record.run_id,
            "expires_at": expires_at,
            "answer": None,
            **_held(record, lease),
        }
        forgotten = {"_id": name.record_id, "expires_at": {"$lte": now}}
        try:
            await self._records.update_one(forgotten, [{"$set": _escape_literals(fields)}], upsert=True)
        except DuplicateKeyError:
            return False
        return True

    @store_call
    async def find(self, record_id: str) -> KnownCall | None:
        stages: list[Document] = [{"$match": {"_id": record_id}}, {"$set": {"now_ms": NOW_MS}}]
        found = await (await self._records.aggregate(stages)).to_list()
        return _known_call(found[0]) if found else None

    @store_call
    async def take_over(self, before: CallRecord, after: CallRecord, lease: timedelta) -> bool:
        update = [{"$set": _held(after, lease)}]
        return (await self._records.update_one(_open(before), update)).matched_count == 1

    @store_call
    async def renew(self, turns: Mapping[str, str], lease: timedelta) -> None:
        if not turns:
            return
        held = {"_id": {"$in": list(turns.values())}, "holder": {"$in": list(turns)}}
        await self._records.update_many(held, [{"$set": {"lease_ms": server_time_after(lease)}}])

    @store_call
    async def release_lease(self, record: CallRecord) -> None:
        await self._records.update_one(_open(record), {"$set": {"lease_ms": 0}})

    @store_call
    async def store_answer(self, record: CallRecord, answer: StoredAnswer) -> None:
        stored = {
            "status": answer.status,
            "headers": [[name, value] for name, value in answer.headers.items()],
            **encode_payload(answer.body),
        }
        unanswered = {"_id": record.name.record_id, "run_id": record.run_id, "answer": None}
        await self._records.update_one(unanswered, {"$set": {"answer": stored}})

    @store_call
    async def forget(self, record: CallRecord) -> None:
        await self._records.delete_one(_open(record))

    @store_call
    async def answers_of(self, owner: Erase, limit: int) -> Mapping[str, str | None]:
        wanted = {"workspace_id": owner.workspace_id}
        if owner.workflow_id is not None:
            wanted["workflow_id"] = owner.workflow_id
        found = await self._records.find(wanted, {"answer.blob_id": 1}).limit(limit).to_list()
        return {each["_id"]: (each.get("answer") or {}).get("blob_id") for each in found}

    @store_call
    async def erase(self, record_ids: Sequence[str]) -> None:
        await self._records.delete_many({"_id": {"$in": list(record_ids)}})


def _open(record: CallRecord) -> Document:
    return {"_id": record.name.record_id, "holder": record.holder, "answer": None}


def _held(record: CallRecord, lease: timedelta) -> Document:
    return {"holder": record.holder, "lease_ms": server_time_after(lease)}


def _escape_literals(fields: Document) -> Document:
    """Wrap text for a pipeline, where a leading `$` would mark an expression."""
    return {name: value if isinstance(value, dict) else {"$literal": value} for name, value in fields.items()}


def _known_call(document: Document) -> KnownCall:
    name = CallName(document["workspace_id"], document["workflow_id"], document["is_public"], document["key"])
    record = CallRecord(name, document["fingerprint"], document["run_id"], holder=document["holder"])
    return KnownCall(record, _answer(document["answer"]), is_held=document["lease_ms"] > document["now_ms"])


def _answer(stored: Document | None) -> StoredAnswer | None:
    if stored is None:
        return None
    return StoredAnswer(stored["status"], dict(stored["headers"]), decode_payload(stored))


log = get_logger("idempotency")


KEPT_FOR: Final = timedelta(hours=24)


LEASE: Final = timedelta(seconds=30)


RENEW_SECONDS: Final = 10.0


TRIES: Final = 5


class Idempotency:
    """Service that keeps a record per call with a key. This process renews the leases of calls in progress."""

    def __init__(self, records: IdempotencyStore, payloads: HttpJobsClient, clock: Clock) -> None:
        self._records = records
        self._payloads = payloads
        self._clock = clock
        self._held_records: dict[str, str] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to renew leases."""
        self._renewal = asyncio.create_task(run_periodically(self._renew, every=RENEW_SECONDS, name="idempotency"))

    async def stop(self) -> None:
        """Stop renewing leases."""
        await cancel_task(self._renewal)

    async def begin(self, name: CallName, fingerprint: str, run_id: str) -> CallRecord | StoredAnswer:
        """Return the record of a call that this process must answer, or the first call's answer.

        Raises IdempotencyKeyReused (another request), IdempotencyKeyInUse (not answered yet), Unavailable.
        """
        for _ in range(TRIES):
            record = CallRecord(name, fingerprint, run_id, holder=new_id())
            if await self._records.begin(record, self._clock.now(), self._clock.now() + KEPT_FOR, LEASE):
                return self._track(record)
            known = await self._records.find(name.record_id)
            if known is None:
                continue  # it just ended without an answer
            if known.record.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            if known.answer is not None:
                return known.answer
            if known.is_held:
                raise IdempotencyKeyInUse
            claimed = CallRecord(name, fingerprint, known.record.run_id, holder=record.holder, is_retry=True)
            if await self._records.take_over(known.record, claimed, LEASE):
                return self._track(claimed)
        raise Unavailable("the record of this idempotency key keeps changing")

    async def store_answer(self, record: CallRecord, status: int, headers: dict[str, str], body: bytes) -> None:
        """Store the answer. A failure is logged; the caller gets the answer."""
        try:
            answer = StoredAnswer(status, headers, await self._payloads.put(record.name.workspace_id, body))
            await self._records.store_answer(record, answer)
        except FlowportError as error:
            log.error("idempotency_answer_not_stored", run_id=record.run_id, error=error.message)
        finally:
            self._held_records.pop(record.holder, None)

    async def forget(self, record: CallRecord) -> None:
        """Release the key of a refused call that ran nothing."""
        try:
            await self._records.forget(record)
        except Unavailable as error:
            log.warning("idempotency_key_not_released", run_id=record.run_id, error=error.message)
        finally:
            self._held_records.pop(record.holder, None)

    async def release(self, record: CallRecord) -> None:
        """Release a call with unknown outcome; a retry checks it immediately, under the same run id."""
        self.abandon(record)
        try:
            await self._records.release_lease(record)
        except Unavailable as error:
            log.warning("idempotency_lease_not_released", run_id=record.run_id, error=error.message)

    def abandon(self, record: CallRecord) -> None:
        """Let the lease of a call with unknown outcome expire; a later retry checks it."""
        self._held_records.pop(record.holder, None)

    async def body_of(self, name: CallName, answer: StoredAnswer) -> bytes:
        """Return the body of a stored answer. Raises NotFound, Unavailable."""
        return await self._payloads.get(name.workspace_id, answer.body)

    def _track(self, record: CallRecord) -> CallRecord:
        self._held_records[record.holder] = record.name.record_id
        return record

    async def _renew(self) -> None:
        try:
            await self._records.renew(dict(self._held_records), LEASE)
        except Unavailable as error:
            log.warning("idempotency_leases_not_renewed", error=error.message)
