"""Spans → OpenTelemetry, where the extra `otel` is installed and somebody collects them."""
