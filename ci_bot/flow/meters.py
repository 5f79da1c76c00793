"""What `/metrics` counts, in Prometheus' own types."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Meters:
    """One set of meters on one registry, so that a process may hold several servers (tests do)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "ci_bot_deliveries_total",
            "Webhook deliveries by what became of them.",
            ("forge", "answer"),
            registry=self.registry,
        )
        self.delivery_seconds = Histogram(
            "ci_bot_delivery_seconds",
            "From a webhook's arrival to its answer.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10),
            registry=self.registry,
        )
        self.decided = Counter(
            "ci_bot_decided_total",
            "Deliveries decided, by result.",
            ("result",),
            registry=self.registry,
        )
        self.jobs = Counter(
            "ci_bot_jobs_total", "Jobs ended, by result.", ("result",), registry=self.registry
        )
        self.job_seconds = Histogram(
            "ci_bot_job_seconds",
            "Time from a job's start to its end.",
            buckets=(1, 5, 15, 60, 300, 900, 3600),
            registry=self.registry,
        )
        self.queue_seconds = Histogram(
            "ci_bot_queue_seconds",
            "Time from a job's creation to its start.",
            buckets=(0.05, 0.25, 1, 5, 30, 120, 600),
            registry=self.registry,
        )
        self.running = Gauge("ci_bot_jobs_running", "Jobs running now.", registry=self.registry)
        self.published = Counter(
            "ci_bot_published_total",
            "Reports sent to a forge, by result.",
            ("result",),
            registry=self.registry,
        )
        self.disk_free = Gauge(
            "ci_bot_disk_free_bytes",
            "Free where a setting points to.",
            ("setting",),
            registry=self.registry,
        )
        self.paused = Gauge(
            "ci_bot_paused",
            "1 while new jobs wait because a disk is nearly full.",
            registry=self.registry,
        )
        self.removed = Counter(
            "ci_bot_removed_total",
            "Old things removed, by kind.",
            ("what",),
            registry=self.registry,
        )
