"""4b. effects: what a decision asked to be done on a forge besides the checks, each at most once visible."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from ci_bot.core.effects import React, ReactAfter, Reply, Tell, Turned, reaction_after
from ci_bot.core.errors import CiBotError, ForgeBusy, ForgeDenied, NoticeUncertain, StoreError
from ci_bot.core.patience import is_hopeless, pause
from ci_bot.core.report.values import CommentReport
from ci_bot.flow.bell import NET_SECONDS, SOON_SECONDS, Bell
from ci_bot.flow.meters import Meters
from ci_bot.flow.notices import Notices
from ci_bot.ports import Clock, Effects, ForgeReports, StoredEffect

_log = structlog.get_logger()
AT_ONCE = 4
LOOK_AGAIN_SECONDS = 1.0  # at runs that an effect waits for


class Performer:
    """Performs effects until they are done; a forge that is down or busy delays them and loses none.

    Whatever is repeated after an answer was lost does not show twice: a reaction is there or not, and a
    reply is found again by its marker.
    """

    def __init__(
        self,
        forges: Mapping[str, ForgeReports],
        effects: Effects,
        clock: Clock,
        decided: Bell,
        meters: Meters,
        notices: Notices,
    ) -> None:
        self._notices = notices
        self._forges = forges
        self._effects = effects
        self._clock = clock
        self._decided = decided
        self._meters = meters
        self._in_flight: set[int] = set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                has_looked = await self._begin_all(group)
                await self._decided.wait(NET_SECONDS if has_looked else SOON_SECONDS)

    async def work_off(self) -> int:
        """Performs everything that is due now, once; returns how many effects that were."""
        due = await self._effects.due(AT_ONCE)
        for stored in due:
            await self._perform(stored)
        return len(due)

    async def _begin_all(self, group: asyncio.TaskGroup) -> bool:
        """False if what is due could not be found out."""
        try:
            due = await self._effects.due(AT_ONCE + len(self._in_flight))
        except StoreError as error:
            _log.warning("no effect performed", error=str(error))
            return False
        except Exception:  # noqa: BLE001 - the loop's edge: one part must not end the others
            _log.exception("no effect performed: a bug of ours")
            return False
        for stored in due:
            if stored.id not in self._in_flight and len(self._in_flight) < AT_ONCE:
                self._in_flight.add(stored.id)
                group.create_task(self._perform_in_flight(stored))
        return True

    async def _perform_in_flight(self, stored: StoredEffect) -> None:
        try:
            await self._perform(stored)
        finally:
            self._in_flight.discard(stored.id)
            self._decided.ring()

    async def _perform(self, stored: StoredEffect) -> None:
        effect = stored.effect
        try:
            if isinstance(effect, Turned | Tell):
                await self._notices.perform(stored, effect)
                return
            is_done = await self._do(effect)
            if is_done:
                await self._effects.done(stored.id)
                self._meters.published.labels("accepted").inc()
            else:
                later = self._clock.now() + LOOK_AGAIN_SECONDS
                await self._effects.postpone(stored.id, later, "")
                self._decided.ring_after(LOOK_AGAIN_SECONDS)
        except Exception as error:  # noqa: BLE001 - the loop's edge: one effect must not stop the rest
            await self._failed(stored, error)

    async def _do(self, effect: React | ReactAfter | Reply) -> bool:
        forge = self._forges[effect.repo.forge]
        match effect:
            case React():
                await forge.react(effect.repo, effect.pull, effect.comment, effect.reaction)
            case ReactAfter():
                reaction = reaction_after(effect, await self._effects.runs(effect.runs))
                if reaction is None:
                    return False
                await forge.react(effect.repo, effect.pull, effect.comment, reaction)
            case Reply():
                marker = f"<!-- ci-bot:reply:{effect.key} -->"
                reply = CommentReport(marker, f"{marker}\n\n{effect.body}")
                await forge.comment(effect.repo, effect.pull, reply, None)
        return True

    async def _failed(self, stored: StoredEffect, error: Exception) -> None:
        """A refusal that stays is given up: a comment may be gone, a conversation locked."""
        if not isinstance(stored.effect, Turned | Tell):
            self._meters.published.labels("busy" if isinstance(error, ForgeBusy) else "failed").inc()
        words = f"{type(error).__name__}: {error}"
        for_good = isinstance(error, ForgeDenied | NoticeUncertain) or is_hopeless(error, stored.tries)
        _log.warning(
            "effect given up" if for_good else "effect postponed",
            effect=type(stored.effect).__name__,
            error=words,
            exc_info=None if isinstance(error, CiBotError) else error,
        )
        try:
            if for_good:
                await self._effects.give_up(stored.id, words)
            else:
                until = self._clock.now() + pause(error, stored.tries)
                await self._effects.postpone(stored.id, until, words)
                self._decided.ring_after(until - self._clock.now())
        except StoreError as unstored:  # it stays due, but a store that takes nothing is given time
            _log.warning("failure not stored", error=str(unstored))
            await self._clock.sleep(SOON_SECONDS)
