"""What `/metrics` counts, in Prometheus' own types.

Labels have few values: none names a repository, a branch or a person. Names follow
https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ci_bot import __version__
from ci_bot.ports import ForgeCall, Stock

_WORK: Final = (1, 5, 15, 60, 300, 900, 3600, 6 * 3600)
_WAIT: Final = (0.05, 0.25, 1, 5, 30, 120, 600, 3600)
_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10)
_CALL: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Meters:
    """One set of meters on one registry, so that a process may hold several servers (tests do)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._webhooks()
        self._work()
        self._forge()
        self._upkeep()

    def _webhooks(self) -> None:
        self.deliveries = self._counter(
            "deliveries", "Webhook deliveries by what became of them.", "forge", "answer"
        )
        self.delivery_seconds = self._histogram(
            "delivery_seconds", "From a webhook's arrival to its answer.", _QUICK
        )
        self.decided = self._counter("decided", "Deliveries decided, by result.", "result")
        self.decide_seconds = self._histogram(
            "decide_seconds", "From a webhook's arrival to its decision.", _WAIT
        )
        self.deliveries_waiting = self._gauge(
            "deliveries_waiting", "Stored deliveries that are to be decided."
        )
        self.set_aside = self._gauge(
            "deliveries_set_aside", "Deliveries that failed for good and wait for an operator."
        )

    def _work(self) -> None:
        self.jobs = self._counter("jobs", "Jobs ended, by result.", "result")
        self.job_seconds = self._histogram("job_seconds", "From a job's start to its end.", _WORK)
        self.step_seconds = self._histogram("step_seconds", "From a step's start to its end.", _WORK)
        self.run_seconds = self._histogram(
            "run_seconds", "From asking for a run, or for its newest attempt, to its last job's end.",
            _WORK, "result",
        )  # fmt: skip
        self.queue_seconds = self._histogram(
            "queue_seconds", "From a job's creation to its start.", _WAIT
        )
        self.running = self._gauge("jobs_running", "Jobs running in this process.")
        self.unfinished = self._gauge("jobs_unfinished", "Jobs that have not ended.", "status")
        self.longest_ready = self._gauge(
            "longest_ready_seconds", "Since when the oldest job that could start has not."
        )

    def _forge(self) -> None:
        self.published = self._counter("published", "Reports sent to a forge, by result.", "result")
        self.publications_waiting = self._gauge(
            "publications_waiting", "Commits and pull requests that show less than the truth."
        )
        self.effects_waiting = self._gauge(
            "effects_waiting", "Reactions and replies that are to be made."
        )
        self.forge_calls = self._counter(
            "forge_requests", "Requests to the forge's API.", "endpoint", "status"
        )
        self.forge_seconds = self._histogram(
            "forge_request_seconds", "From a request to the forge to its answer.", _CALL
        )
        self.budget = self._gauge(
            "forge_budget_remaining",
            "Requests that the forge still takes, this hour or minute.",
            "installation",
        )

        self.token_expires = self._gauge(
            "forge_token_expires_timestamp_seconds",
            "When the forge's access token ends, in seconds since the epoch.", "forge",
        )  # fmt: skip

    def _upkeep(self) -> None:
        self.database_up = self._gauge("database_up", "1 while the database answers.")
        self.disk_free = self._gauge("disk_free_bytes", "Free where a setting points to.", "setting")
        self.paused = self._gauge("paused", "1 while new jobs wait because a disk is nearly full.")
        self.removed = self._counter("removed", "Old things removed, by kind.", "what")
        self._gauge("build_info", "1; the version is in the label.", "version").labels(__version__).set(
            1
        )

    def forge_called(self, call: ForgeCall) -> None:
        self.forge_calls.labels(call.endpoint, call.status).inc()
        self.forge_seconds.observe(call.seconds)
        if call.left >= 0:
            self.budget.labels(call.tenant or "app").set(call.left)

    def stock(self, stock: Stock) -> None:
        self.database_up.set(1)
        for status, count in stock.jobs.items():
            self.unfinished.labels(status).set(count)
        self.longest_ready.set(stock.longest_ready)
        self.deliveries_waiting.set(stock.deliveries)
        self.set_aside.set(stock.set_aside)
        self.publications_waiting.set(stock.publications)
        self.effects_waiting.set(stock.effects)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"ci_bot_{name}_total", words, labels, registry=self.registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"ci_bot_{name}", words, labels, registry=self.registry)

    def _histogram(self, name: str, words: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"ci_bot_{name}", words, labels, buckets=buckets, registry=self.registry)
