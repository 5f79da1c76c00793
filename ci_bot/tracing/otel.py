"""Our spans → OTLP over HTTP, in batches, from a thread of its own. Implements `ports.Spans`.

Imported only where `traces_url` is set: it needs `pip install ci-bot[otel]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ci_bot import __version__
from ci_bot.core.spans import Span

_SCOPE: Final = InstrumentationScope("ci-bot", __version__)
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
#: A collector that does not answer keeps the server from stopping no longer than this.
FLUSH_MILLISECONDS: Final = 3000


class OtelSpans:
    """A collector that is down or slow costs memory for 2,048 spans, and then spans."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._processor: SpanProcessor = BatchSpanProcessor(
            exporter, export_timeout_millis=FLUSH_MILLISECONDS
        )
        self._resource = Resource.create({"service.name": "ci-bot", "service.version": __version__})

    @classmethod
    def over_http(cls, url: str) -> OtelSpans:
        """`url` is the collector's, "http://127.0.0.1:4318". Headers: OTEL_EXPORTER_OTLP_HEADERS."""
        return cls(OTLPSpanExporter(endpoint=f"{url}/v1/traces", timeout=FLUSH_MILLISECONDS / 1000))

    def emit(self, spans: Sequence[Span]) -> None:
        for span in spans:
            self._processor.on_end(self._readable(span))

    def close(self) -> None:
        """Sends what there is; blocks for at most a few seconds."""
        self._processor.force_flush(FLUSH_MILLISECONDS)
        self._processor.shutdown()

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace, span.id),
            parent=_context(span.trace, span.parent) if span.parent else None,
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=SpanKind.SERVER if span.is_entry else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.failure) if span.failure else Status(StatusCode.UNSET),
            start_time=_nanoseconds(span.start),
            end_time=_nanoseconds(max(span.start, span.end)),
            instrumentation_scope=_SCOPE,
        )


def _context(trace: bytes, id: bytes) -> SpanContext:
    return SpanContext(
        int.from_bytes(trace, "big"), int.from_bytes(id, "big"), is_remote=False, trace_flags=_SAMPLED
    )


def _nanoseconds(moment: float) -> int:
    return int(moment * 1_000_000_000)
