"""Structured logs: one event a line, with service, run id and trace id, without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

from shared.observe.plain_structlog import structlog
from shared.observe.trace import current_traceparent, trace_id

_SECRET_NAMES: Final = re.compile(r"(?i)(pass(word|phrase)?|secret|token|api[_-]?key|authorization|cookie)$")
_SECRET_TEXT: Final = re.compile(r"sk-sim-[\w-]{8,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|(?i:bearer)\s+[\w.~+/=-]{8,}")
MASK: Final = "***"

Event = MutableMapping[str, Any]


def configure_logging(*, level: str = "info", form: str = "json") -> None:
    """Send all logs, ours and libraries', to standard error in one format."""
    structlog.contextvars.clear_contextvars()
    shared_processors: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _add_trace,
        redact,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared_processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared_processors, processors=[_drop_meta, renderer])
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in ("httpx2", "httpcore2", "uvicorn.access", "pymongo"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger for a part of a service."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(component=name)
    return logger


def redact(logger: Any, method: str, event: Event) -> Event:
    """Mask values under secret-sounding names, and secrets in text."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = _SECRET_TEXT.sub(MASK, value)
    return event


def _add_trace(logger: Any, method: str, event: Event) -> Event:
    traceparent = current_traceparent()
    if traceparent:
        event["trace_id"] = trace_id(traceparent)
    return event


def _drop_meta(logger: Any, method: str, event: Event) -> Event:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event
