"""4. publish: stored truth → reports → compared with what the forge accepted last → the forge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from ci_bot.core.convergence import (
    Published,
    accepted,
    before_sending,
    external_id,
    fingerprint,
    in_order,
    is_mere_progress,
    is_unknown,
    resumed,
)
from ci_bot.core.deployments import notes
from ci_bot.core.errors import CiBotError, ForgeBusy, ForgeError, SecretRefused, StoreError
from ci_bot.core.manners import prefixes
from ci_bot.core.model import LogRef, Run
from ci_bot.core.patience import pause
from ci_bot.core.report import (
    TAIL_BYTES,
    checks,
    comment,
    masked_check,
    masked_comment,
    spot_of,
    wanted_tails,
)
from ci_bot.core.report.values import CheckReport
from ci_bot.flow.bell import NET_SECONDS, SOON_SECONDS, Bell
from ci_bot.flow.deploying import Deployments
from ci_bot.flow.known import Known, masked, masker_of
from ci_bot.flow.meters import Meters
from ci_bot.flow.tracing import NO_TRACING, Tracing
from ci_bot.ports import Clock, ForgeReports, LogSink, Publications, Subject, Vault

_log = structlog.get_logger()
AT_ONCE = 8  # subjects published at the same time; within one, one request after the other
PROGRESS_SECONDS = 10.0  # a check that still runs is updated no more often than this
COMMENT = "comment"

Link = Callable[[str, str | None], str]


class Publisher:
    """Converges the forge on the stored truth: newest wins, until it is accepted.

    However often the truth changed since, one pass shows the newest. A forge that is down or busy
    postpones a subject; it never fails a build and never loses a result.
    """

    def __init__(
        self,
        forges: Mapping[str, ForgeReports],
        publications: Publications,
        logs: LogSink,
        vault: Vault,
        tokens: Known,
        clock: Clock,
        link: Link,
        changed: Bell,
        meters: Meters,
        deployments: Deployments,
        prefix: str = "",
        why_waiting: Callable[[], str] = str,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._forges = forges
        self._publications = publications
        self._logs = logs
        self._vault = vault
        self._tokens = tokens
        self._clock = clock
        self._link = link
        self._changed = changed
        self._meters = meters
        self._deployments = deployments
        self._prefix = prefix
        self._why_waiting = why_waiting
        self._tracing = tracing
        self._in_flight: set[int] = set()
        self._last_progress: dict[tuple[int, str], float] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                has_looked = await self._begin_all(group)
                await self._changed.wait(NET_SECONDS if has_looked else SOON_SECONDS)

    async def work_off(self) -> int:
        """Publishes everything that is due now, once; returns how many subjects that were."""
        due = await self._publications.due(AT_ONCE)
        for subject in due:
            await self._publish(subject)
        return len(due)

    async def _begin_all(self, group: asyncio.TaskGroup) -> bool:
        """False if what is due could not be found out.

        What is in flight is not read again, whatever rings meanwhile; its end rings, too.
        """
        free = AT_ONCE - len(self._in_flight)
        try:
            due = await self._publications.due(free, self._in_flight) if free else ()
        except StoreError as error:
            _log.warning("nothing published", error=str(error))
            return False
        except Exception:  # noqa: BLE001 - the loop's edge: one part must not end the others
            _log.exception("nothing published: a bug of ours")
            return False
        for subject in due:
            self._in_flight.add(subject.id)
            group.create_task(self._publish_in_flight(subject))
        return True

    async def _publish_in_flight(self, subject: Subject) -> None:
        try:
            await self._publish(subject)
        finally:
            self._in_flight.discard(subject.id)
            self._changed.ring()

    async def _publish(self, subject: Subject) -> None:
        log = _log.bind(repo=subject.repo.name, sha=subject.sha, pull=subject.pull)
        try:
            later = await (self._commit(subject) if subject.pull is None else self._comment(subject))
            if later is None:
                await self._publications.shown(subject.id, subject.wanted)
            else:
                await self._publications.postpone(subject, later, "")
                self._changed.ring_after(later - self._clock.now())
        except CiBotError as error:
            self._meters.published.labels("busy" if isinstance(error, ForgeBusy) else "failed").inc()
            log.warning("not published yet", error=str(error), tries=subject.tries)
            await self._postpone(subject, error)
        except Exception as error:
            self._meters.published.labels("broken").inc()
            log.exception("not published: a bug of ours")
            await self._postpone(subject, error)

    async def _postpone(self, subject: Subject, error: Exception) -> None:
        until = self._clock.now() + pause(error, subject.tries)
        try:
            await self._publications.postpone(subject, until, f"{type(error).__name__}: {error}")
            self._changed.ring_after(until - self._clock.now())
        except StoreError as stored:  # it stays due, but a store that takes nothing is given time
            _log.warning("not postponed", error=str(stored))
            await self._clock.sleep(SOON_SECONDS)

    async def _commit(self, subject: Subject) -> float | None:
        """Deployments first, since a job's check says where one is refused; but no check waits for one."""
        mask, failed = await self._mask(subject), None
        try:
            await self._deployments.show(subject, mask)
        except ForgeError as error:
            failed = error
        later = await self._checks(subject, mask)
        if failed is not None:
            raise failed
        return later

    async def _checks(self, subject: Subject, mask: Callable[[str], str]) -> float | None:
        """Sends what differs; returns when the progress that was held back is due, None for none."""
        tails = await self._tails(subject)
        why = self._why_waiting()
        known = await self._publications.known(subject.id)
        said = notes(subject.runs, known)
        prefix = prefixes(subject.repo.forge, self._prefix)[0]
        made = await asyncio.to_thread(checks, subject.runs, tails, self._link, prefix, why, said)
        reports = [masked_check(report, mask) for report in made]
        later: list[float] = []
        for report, state in in_order(reports, known):
            due_at = self._held_back_until(subject, report, state)
            if due_at is not None:
                later.append(due_at)
            else:
                await self._send(subject, report, state)
        return min(later, default=None)

    def _held_back_until(self, subject: Subject, report: CheckReport, state: Published) -> float | None:
        if not is_mere_progress(report, state):
            return None
        due_at = self._last_progress.get((subject.id, report.name), 0.0) + PROGRESS_SECONDS
        return due_at if due_at > self._clock.now() else None

    async def _send(self, subject: Subject, report: CheckReport, state: Published) -> None:
        forge = self._forges[subject.repo.forge]
        if is_unknown(state):
            own_id = external_id(subject.id, state)
            found = await forge.find(subject.repo, subject.sha, report.name, own_id)
            state = resumed(state, report, found)
        before = before_sending(state, report)
        if before != state:
            await self._publications.save(subject.id, before)
        own_id, began = external_id(subject.id, before), self._clock.now()
        spot = spot_of(report.name, subject.runs)
        handle = await forge.publish(subject.repo, spot, report, own_id, before.handle)
        await self._publications.save(subject.id, accepted(before, report, handle))
        self._last_progress[subject.id, report.name] = self._clock.now()
        if report.conclusion is not None:
            self._last_progress.pop((subject.id, report.name))
        await self._tracing.published(subject.runs, report.name, str(report.state), began)
        self._meters.published.labels("accepted").inc()

    async def _comment(self, subject: Subject) -> None:
        known = (await self._publications.known(subject.id)).get(COMMENT)
        tails = await self._tails(subject)
        prefix = prefixes(subject.repo.forge, self._prefix)[0]
        wanted = comment(subject.runs, tails, self._link, known is not None, prefix)
        if wanted is None or subject.pull is None:
            return
        wanted = masked_comment(wanted, await self._mask(subject))
        digest = fingerprint(wanted)
        if known is not None and known.accepted == digest:
            return
        forge = self._forges[subject.repo.forge]
        handle = known.handle if known else None
        handle = await forge.comment(subject.repo, subject.pull, wanted, handle)
        stored = Published(COMMENT, handle=handle, sent=True, accepted=digest)
        await self._publications.save(subject.id, stored)
        self._meters.published.labels("accepted").inc()

    async def _mask(self, subject: Subject) -> Callable[[str], str]:
        """Logs are masked already; titles, names and reasons may hold what the runs were given as well."""
        given = [value for run in subject.runs for value in await self._given(run)]
        masker = masker_of(dict.fromkeys(given))
        if masker is None:
            return self._tokens.mask
        return lambda text: masked(self._tokens.mask(text), masker)

    async def _given(self, run: Run) -> Sequence[bytes]:
        try:
            return await self._vault.values(run)
        except SecretRefused as error:  # what cannot be read any more was masked when it could be
            _log.warning("secrets of a run cannot be read", run=run.id, error=str(error))
            return ()

    async def _tails(self, subject: Subject) -> Mapping[LogRef, bytes]:
        return {
            log: await asyncio.to_thread(self._logs.tail, log, TAIL_BYTES)
            for log in wanted_tails(subject.runs)
        }
