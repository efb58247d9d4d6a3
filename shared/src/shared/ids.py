"""The forms of every id that leaves the system."""

import re
import secrets
import uuid
from typing import Final

RUN_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""What a caller may choose as a run id (the `X-Execution-Id` header)."""


def new_id() -> str:
    """A random UUID (version 4): workflows, workspaces, versions, runs."""
    return str(uuid.uuid4())


def new_job_id() -> str:
    """`run_` and 20 lower-case hex digits: the name of a queued run under `/api/jobs`."""
    return f"run_{secrets.token_hex(10)}"


def new_request_id() -> str:
    """Eight hex digits, echoed as `x-request-id` and in every log line of the request."""
    return secrets.token_hex(4)
