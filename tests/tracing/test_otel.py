"""Spans as a collector gets them: by the SDK's own exporter, and over real HTTP."""

from __future__ import annotations

import subprocess
import sys

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from ci_bot.core.spans import Span, trace_of
from ci_bot.tracing.otel import OtelSpans
from tests.tracing.sink import collecting

SPANS = [
    Span(trace_of("r"), b"\1" * 8, b"", "webhook", 10.0, 10.25, {"vcs.change.id": "3"}, is_entry=True),
    Span(trace_of("r"), b"\2" * 8, b"\1" * 8, "test", 11.0, 10.0, {"n": 1}, failure="exit code 3"),
]


def test_a_span_is_told_as_it_is() -> None:
    exporter = InMemorySpanExporter()
    sink = OtelSpans(exporter)
    sink.emit(SPANS)
    sink.close()
    webhook, test = exporter.get_finished_spans()
    assert webhook.context is not None
    assert test.parent is not None
    assert webhook.context.trace_id == int.from_bytes(trace_of("r"), "big")
    assert test.parent.span_id == webhook.context.span_id
    assert (webhook.start_time, webhook.end_time) == (10_000_000_000, 10_250_000_000)
    assert (webhook.kind, test.kind) == (SpanKind.SERVER, SpanKind.INTERNAL)
    assert (webhook.status.status_code, test.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert test.status.description == "exit code 3"
    assert test.end_time == test.start_time  # a clock that was set back
    assert webhook.resource.attributes["service.name"] == "ci-bot"


def test_a_collector_gets_them_over_http() -> None:
    with collecting() as collector:
        sink = OtelSpans.over_http(collector.url)
        sink.emit(SPANS)
        sink.close()
    assert [span.name for span in collector.spans] == ["webhook", "test"]
    assert collector.paths == {"/v1/traces"}


def test_a_collector_that_is_not_there_costs_spans_and_nothing_else() -> None:
    sink = OtelSpans.over_http("http://127.0.0.1:1")
    sink.emit(SPANS)
    sink.close()


def test_without_a_collector_nothing_of_opentelemetry_is_imported() -> None:
    script = (
        "import sys, ci_bot.cli.main; sys.exit(any('opentelemetry' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
