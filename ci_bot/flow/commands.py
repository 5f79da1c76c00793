"""2c. commands: a new comment → what it asks, who asks, what is known of the head → a Decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ci_bot.core import asking, chat, deciding
from ci_bot.core.chat import Asked, Command
from ci_bot.core.decisions import Decision, NewRun
from ci_bot.core.effects import comment_key
from ci_bot.core.events import Commented, Pull, Repo
from ci_bot.core.manners import prefixes
from ci_bot.core.model import Run, RunKind
from ci_bot.core.pipeline import offered
from ci_bot.core.planned import Plan
from ci_bot.core.trust import Vouched, Voucher
from ci_bot.flow.facts import Facts
from ci_bot.ports import Clock, Schedules

#: Kinds of runs that are about a pull request's head, besides its own.
_BESIDE = (RunKind.PUSH, RunKind.MANUAL)


class Commands:
    """Whoever commands is asked about first, at that moment; a stranger learns nothing but that."""

    def __init__(
        self,
        facts: Facts,
        schedules: Schedules,
        clock: Clock,
        prefix: str,
        why_waiting: Callable[[], str] = str,
    ) -> None:
        self._facts = facts
        self._schedules = schedules
        self._clock = clock
        self._prefix = prefix
        self._why_waiting = why_waiting

    async def decide(self, event: Commented) -> Decision:
        commands = chat.parse(event.body, *prefixes(event.repo.forge, self._prefix))
        if not commands:
            return Decision("commands nothing")
        decision = await self._decide(event, commands)
        return replace(decision, once=comment_key(event.repo, event.comment))

    async def _decide(self, event: Commented, commands: tuple[Command, ...]) -> Decision:
        person = await self._facts.vouch(event.repo, event.actor)
        if not person.may_write:
            return chat.turned_away(event, person)
        pull = await self._facts.forge(event.repo).pull(event.repo, event.pull)
        if not pull.is_open:
            return chat.too_late(event)
        return chat.decide(commands, await self._asked(event, commands, person, pull))

    async def _asked(
        self, event: Commented, commands: tuple[Command, ...], person: Vouched, pull: Pull
    ) -> Asked:
        repo, sha = event.repo, pull.head_sha
        wants_approval = any(command.name == "approve" for command in commands)
        runs, planned = await asyncio.gather(self._runs(repo, pull), self._planned(event, pull, None))
        approved, forced_at = None, None
        if wants_approval:
            approval = asking.approval(person, self._clock.now())
            approved = await self._planned(event, pull, approval)
            forced_at = await self._facts.forge(repo).forced_at(repo, pull.number)
        wants_reasons = any(command.name == "why" for command in commands)
        timed = await self._schedules.listed(repo.key) if wants_reasons else ()
        own = [run for run in runs if run.pull == pull.number and run.kind is RunKind.PULL_REQUEST]
        return Asked(
            event=event,
            person=person,
            pull=pull,
            runs=runs,
            planned=planned,
            approved=approved,
            offered=await self._offered(repo, sha),
            withdraw=deciding.beside(planned, pull) if planned else (),
            head_at=own[-1].head_at if own else None,
            forced_at=forced_at,
            now=self._clock.now(),
            prefix=prefixes(repo.forge, self._prefix)[0],
            timed=tuple(timed),
            why_waiting=self._why_waiting(),
        )

    async def _runs(self, repo: Repo, pull: Pull) -> tuple[Run, ...]:
        """The live ones of the head: the pull request's own, its branch's, and those started by hand."""
        found = await self._facts.runs_of_head(repo, pull.head_sha)
        return tuple(
            run
            for run in found
            if not run.superseded
            and (run.pull == pull.number or (run.pull is None and run.kind in _BESIDE))
        )

    async def _planned(self, event: Commented, pull: Pull, approval: Voucher | None) -> NewRun | None:
        trust = await self._facts.trust_of_pull(event.repo, pull, event.actor, approval=approval)
        head = await self._facts.head_of_pull(event.repo, pull, trust)
        new = deciding.pull_run(event.repo, event.actor, pull, event.at)
        return deciding.judge_run(new, head, trust)

    async def _offered(self, repo: Repo, sha: str) -> Plan | None:
        reading = await self._facts.reading(repo, sha)
        return offered(reading.pipeline) if reading and reading.pipeline else None
