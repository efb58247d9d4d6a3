"""Formats of public ids."""

import hashlib
import os
import re
import time
from typing import Final

RUN_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""Run ids that a caller may choose (the `X-Execution-Id` header)."""

RUN_KEY_LENGTH: Final = 256
"""Maximum length of a run key."""
_RANDOM_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SEPARATOR: Final = "@"
_TIME_DIGITS: Final = 12


def run_key(workspace_id: str, run_id: str) -> str:
    """Return the id of a run behind the gateway, from the caller's `run_id`.

    A caller-chosen id is unique in its workspace only; a random UUID is used unchanged.
    """
    return run_id if _RANDOM_UUID.fullmatch(run_id) else f"{run_id}{_SEPARATOR}{workspace_id}"


def public_run_id(key: str) -> str:
    """Return the caller's id of the run with this key."""
    return key.partition(_SEPARATOR)[0]


def new_id() -> str:
    """Return a random UUID (version 4): workflows, workspaces, versions."""
    return _as_uuid4(os.urandom(16).hex())


def new_run_id() -> str:
    """Return the id of a new run: a UUID in the form of version 4 that ends with the time in milliseconds.

    74 bits are random. `time_in` reads the time.
    """
    return _as_uuid4(f"{os.urandom(10).hex()}{time.time_ns() // 1_000_000:0{_TIME_DIGITS}x}")


def _as_uuid4(digits: str) -> str:
    """Return 32 hex digits as a UUID of version 4, in half of the time of the class UUID."""
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def time_in(run_id: str) -> int | None:
    """Return the number where a new run id has its time; None for an id of another form.

    An id that the caller chose, or one of an earlier version, may have any number there.
    """
    return int(run_id[-_TIME_DIGITS:], 16) if _RANDOM_UUID.fullmatch(run_id) else None


def derived_id(text: str) -> str:
    """Return an id in the form of a random UUID, the same for the same text."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def new_job_id() -> str:
    """Return `run_` and 20 lower-case hex digits: the id of a queued run under `/api/jobs`."""
    return f"run_{os.urandom(10).hex()}"


def new_request_id() -> str:
    """Return eight hex digits, echoed as `x-request-id` and in every log line of the request."""
    return os.urandom(4).hex()
