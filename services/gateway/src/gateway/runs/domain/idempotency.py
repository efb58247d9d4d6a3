"""Idempotency keys: a caller's name for a request and its repetitions."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Final

import msgspec

from gateway.parsing.problems import Problem
from gateway.runs.domain.execute_request import ExecuteRequest
from shared.contracts.payloads import Payload
from shared.errors import Conflict, InvalidRequest

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
