"""Problems of workflows."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """Whether a problem prevents deployment."""

    ERROR = "error"
    WARNING = "warning"


class ProblemCode(StrEnum):
    """Kinds of problems, for programs."""

    NO_START_BLOCK = "no_start_block"
    UNKNOWN_BLOCK_TYPE = "unknown_block_type"
    UNSUPPORTED_BLOCK_TYPE = "unsupported_block_type"
    BROKEN_BLOCK_PLUGIN = "broken_block_plugin"
    UNSUPPORTED_NOTIFICATION = "unsupported_notification"
    UNSUPPORTED_SETTING = "unsupported_setting"
    MISSING_FIELDS = "missing_fields"
    CYCLE = "cycle"
    CONTAINER_NOT_CONNECTED = "container_not_connected"
    NESTED_TOO_DEEPLY = "nested_too_deeply"
    UNREACHABLE_BLOCK = "unreachable_block"
    EMPTY_CONTAINER = "empty_container"
    LOST_BLOCK = "lost_block"
    DANGLING_EDGE = "dangling_edge"
    CROSSING_EDGE = "crossing_edge"
    SEVERAL_STARTS = "several_starts"
    UNSERVED_TRIGGER = "unserved_trigger"
    UNKNOWN_REFERENCE = "unknown_reference"
    UNDECIDED_REFERENCE = "undecided_reference"
    CODE_SYNTAX = "code_syntax"
    UNKNOWN_VARIABLE = "unknown_variable"
    RESERVED_NAME = "reserved_name"
    DUPLICATE_NAME = "duplicate_name"
    UNKNOWN_HANDLE = "unknown_handle"
    UNKNOWN_SETTING = "unknown_setting"
    INVALID_SETTING = "invalid_setting"
    PLAIN_SECRET = "plain_secret"  # noqa: S105 - a code
    INVALID_INPUT_FIELD = "invalid_input_field"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_MODEL = "unknown_model"
    EARLY_REFERENCE = "early_reference"
    BLOCK_AFTER_RESPONSE = "block_after_response"
    INVALID_FILE = "invalid_file"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem and its location."""

    severity: Severity
    code: ProblemCode
    message: str
    """A sentence for the author."""
    block_id: str | None = None
    block_name: str | None = None
    fields: tuple[str, ...] = ()
    """The affected settings."""
    line: int | None = None
    """Line within the setting's text, from 1."""
    column: int | None = None
    suggestion: str | None = None
    """The nearest valid value."""
