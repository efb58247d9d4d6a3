"""The forms of every id that leaves the system."""

import re
import secrets
import uuid
from typing import Final

RUN_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""What a caller may choose as a run id (the `X-Execution-Id` header)."""

RUN_KEY_LENGTH: Final = 256
"""No run key is longer."""
_RANDOM_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SEPARATOR: Final = "@"


def run_key(workspace_id: str, run_id: str) -> str:
    """What all services behind the gateway call the run that its caller calls `run_id`.

    A name that somebody thought of means something in its workspace only; a random UUID is the same everywhere.
    """
    return run_id if _RANDOM_UUID.fullmatch(run_id) else f"{run_id}{_SEPARATOR}{workspace_id}"


def public_run_id(key: str) -> str:
    """What the caller calls the run with this key."""
    return key.partition(_SEPARATOR)[0]


def new_id() -> str:
    """A random UUID (version 4): workflows, workspaces, versions, runs."""
    return str(uuid.uuid4())


def new_job_id() -> str:
    """`run_` and 20 lower-case hex digits: the name of a queued run under `/api/jobs`."""
    return f"run_{secrets.token_hex(10)}"


def new_request_id() -> str:
    """Eight hex digits, echoed as `x-request-id` and in every log line of the request."""
    return secrets.token_hex(4)
