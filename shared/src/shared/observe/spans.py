"""Trace spans, sent to an OTLP collector if one is configured; otherwise a span costs one comparison.

The trace travels as the `traceparent` of shared.observe.trace: inside a span, calls and published messages are its
children, in this process or the next one.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from traceback import format_tb
from typing import TYPE_CHECKING, Final, TypeAlias

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from shared.observe.trace import current_traceparent, enter_trace, is_traceparent, using_traceparent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["SpanKind", "configure_tracing", "is_tracing", "server_span", "span", "trace_headers"]

Attribute: TypeAlias = str | int | float | bool
OpenSpan: TypeAlias = AbstractContextManager[Span | None]

EXPORT_SECONDS: Final = 10.0
MAX_QUEUED_SPANS: Final = 4_096
"""Maximum spans waiting for the collector. More are dropped, so that runs are never delayed."""

_NOTHING: Final[OpenSpan] = nullcontext()
_tracer: Tracer | None = None


def configure_tracing(
    service: str, *, endpoint: str, ratio: float = 1.0, exporter: "SpanExporter | None" = None
) -> Callable[[], None]:
    """Record spans of this process from now on, if `endpoint` (OTLP over HTTP) or `exporter` is given.

    A trace from a caller keeps the caller's sampling decision; of traces that begin here, the fraction `ratio` is
    recorded. Returns a function that sends the remaining spans and stops recording.
    """
    if not endpoint and exporter is None:
        return _stop
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - loaded only where tracing is configured
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": service}), sampler=ParentBased(TraceIdRatioBased(ratio))
    )
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        collector = OTLPSpanExporter(endpoint, timeout=EXPORT_SECONDS)
        provider.add_span_processor(BatchSpanProcessor(collector, max_queue_size=MAX_QUEUED_SPANS))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    global _tracer  # noqa: PLW0603 - one tracer per process, like the log
    _tracer = provider.get_tracer("flowport")

    def stop() -> None:
        _stop()
        provider.shutdown()

    return stop


def is_tracing() -> bool:
    """Return whether spans are recorded."""
    return _tracer is not None


def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: Attribute | None) -> OpenSpan:
    """Open a span of the current trace for the block's duration; record type and place of an exception it raises."""
    return _NOTHING if _tracer is None else _record_span(_tracer, name, kind, current_traceparent(), attributes)


def server_span(traceparent: str | None, name: str, kind: SpanKind, **attributes: Attribute | None) -> OpenSpan:
    """Open a span in the trace `traceparent`, or in a new one. The current task joins that trace."""
    enter_trace(traceparent)
    if _tracer is None:
        return _NOTHING
    return _record_span(_tracer, name, kind, traceparent if is_traceparent(traceparent) else None, attributes)


def trace_headers() -> dict[str, str]:
    """Return trace headers for calls to external servers; empty unless spans are recorded."""
    traceparent = current_traceparent()
    return {"traceparent": traceparent} if traceparent and is_tracing() else {}


@contextmanager
def _record_span(
    tracer: Tracer, name: str, kind: SpanKind, parent: str | None, attributes: dict[str, Attribute | None]
) -> Iterator[Span]:
    known = {key.replace("__", "."): value for key, value in attributes.items() if value is not None}
    opened = tracer.start_span(name, context=_context_of(parent), kind=kind, attributes=known)
    try:
        with using_traceparent(_traceparent_of(opened.get_span_context())):
            yield opened
    except Exception as error:
        # Not `record_exception`: the message of an error may contain inputs and secrets.
        location = "".join(format_tb(error.__traceback__))
        opened.add_event("exception", {"exception.type": type(error).__name__, "exception.stacktrace": location})
        opened.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        opened.end()


def _context_of(traceparent: str | None) -> Context:
    if traceparent is None:
        return Context()
    _, trace, parent, flags = traceparent.split("-")
    remote = SpanContext(int(trace, 16), int(parent, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(remote), Context())


def _traceparent_of(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _stop() -> None:
    global _tracer  # noqa: PLW0603
    _tracer = None
