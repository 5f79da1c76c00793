"""What happened, told as spans to whoever collects traces; every text in them masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from ci_bot.core import spans
from ci_bot.core.decisions import Decision
from ci_bot.core.errors import CiBotError
from ci_bot.core.model import JobRun, Run
from ci_bot.core.outcome import Took
from ci_bot.core.spans import Span
from ci_bot.flow.known import Known, masked, masker_of
from ci_bot.ports import Clock, Decisions, Spans, StoredDelivery, Vault

_log = structlog.get_logger()


class Tracing(Protocol):
    """Nothing here raises, or changes what becomes of a run."""

    async def decided(self, stored: StoredDelivery, decision: Decision, began: float) -> None: ...

    async def ended(self, run: Run, job: JobRun, took: Took | None) -> None: ...

    async def published(self, runs: Sequence[Run], name: str, state: str, began: float) -> None: ...


class NoTracing:
    """Nobody collects traces here."""

    async def decided(self, stored: StoredDelivery, decision: Decision, began: float) -> None:
        return

    async def ended(self, run: Run, job: JobRun, took: Took | None) -> None:
        return

    async def published(self, runs: Sequence[Run], name: str, state: str, began: float) -> None:
        return


NO_TRACING: Final[Tracing] = NoTracing()


class Tracer:
    def __init__(
        self,
        sink: Spans,
        decisions: Decisions,
        vault: Vault,
        tokens: Known,
        clock: Clock,
        web_urls: Mapping[str, str],
    ) -> None:
        """`web_urls` says of each forge where its pages are."""
        self._web_urls = web_urls
        self._sink = sink
        self._decisions = decisions
        self._vault = vault
        self._tokens = tokens
        self._clock = clock

    async def decided(self, stored: StoredDelivery, decision: Decision, began: float) -> None:
        ended = self._clock.now()
        for new in decision.create:
            try:
                runs = await self._decisions.runs_of_head(new.repo.key, new.sha)
            except CiBotError as error:
                _log.warning("decision not traced", error=str(error))
                return
            for run in runs:
                if run.key == new.key:
                    id = stored.delivery.delivery_id
                    found = spans.of_decision(run, id, stored.received_at, began, ended)
                    await self._emit(run, found)

    async def ended(self, run: Run, job: JobRun, took: Took | None) -> None:
        found = spans.of_job(run, job)
        if took is not None:
            found.append(spans.of_run(run, took, job.finished_at or self._clock.now()))
        await self._emit(run, found)

    async def published(self, runs: Sequence[Run], name: str, state: str, began: float) -> None:
        """In the trace of the newest run that the check speaks of."""
        if runs:
            span = spans.of_report(runs[-1], name, state, began, self._clock.now())
            await self._emit(runs[-1], [span])

    async def _emit(self, run: Run, found: Sequence[Span]) -> None:
        try:
            mask = await self._mask(run)
        except CiBotError as error:  # what cannot be masked is not told
            _log.warning("run not traced", run=run.id, error=str(error))
            return
        url = f"{self._web_urls[run.repo.forge]}/{run.repo.name}"
        told = [spans.of_repository(span, url) for span in found]
        self._sink.emit([spans.masked_span(span, mask) for span in told])

    async def _mask(self, run: Run) -> Callable[[str], str]:
        masker = masker_of(await self._vault.values(run))
        if masker is None:
            return self._tokens.mask
        return lambda text: masked(self._tokens.mask(text), masker)
