"""Language-independent calls that samples are made of."""

from enum import StrEnum

import msgspec

from shared.workflow.format.js_values import JsonObject


class Mode(StrEnum):
    """How a workflow is called."""

    SYNC = "sync"
    STREAM = "stream"
    ASYNC = "async"


class Step(StrEnum):
    """Step of a sample. Only queued runs need more than one."""

    EXECUTE = "execute"
    STATUS = "status"
    LIMITS = "limits"


class Language(StrEnum):
    """Language of a sample."""

    CURL = "curl"
    PYTHON = "python"
    JAVASCRIPT = "javascript"
    TYPESCRIPT = "typescript"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """HTTP call. A call with a body is a POST."""

    url: str
    """May end in a job id, see `needs_job`."""
    masked_key: str | None = None
    """Masked key to show; None if no key is needed. The key itself is in SIM_API_KEY."""
    body: JsonObject | None = None
    is_async: bool = False
    streams: bool = False
    needs_job: bool = False
    """Whether the id in JOB_ID follows the URL."""

    @property
    def notes(self) -> list[str]:
        """Return the required environment variables."""
        notes = [] if self.masked_key is None else [f"SIM_API_KEY: {self.masked_key}"]
        return [*notes, "JOB_ID: the jobId that the async call answered"] if self.needs_job else notes


class Sample(msgspec.Struct, frozen=True):
    """Program that makes one call and prints the answer."""

    mode: Mode
    step: Step
    language: Language
    code: str
