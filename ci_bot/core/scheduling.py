"""Schedules that are stored, and their moments that have come → ticks; and what is late, in words.

A tick is an event on the one road: `store/schedules.py` puts it into the inbox in the transaction that
moves the schedule on, so that it is decided exactly once, whatever is killed and whoever looks too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ci_bot.core.cron import Wrong, last_due, next_due, parse
from ci_bot.core.events import Actor, Repo, Ticked
from ci_bot.core.planned import Schedule
from ci_bot.core.words import count, duration

#: Within so many seconds a tick is not late: a busy server is no news.
GRACE: Final = 120.0
#: Where a stored cron cannot be read (another version wrote it), it is looked at again so much later.
UNREADABLE_SECONDS: Final = 24 * 3600.0
LOCKED: Final = "the repository was transferred: an administrator must unlock its secrets first"


@dataclass(frozen=True, slots=True)
class Timed:
    """One stored schedule. Its trust is that of `actor`, who brought `sha`, where its file stands."""

    id: str
    repo: Repo
    cron: str
    branch: str  # "": the default branch, whatever it is called by then
    line: int
    sha: str
    actor: Actor
    due_at: float
    last_due: float | None = None
    outcome: str = ""  # what became of the last tick
    run: str = ""  # the id of the run that it started
    paused: str = ""  # why it starts nothing, in words

    @property
    def runs_on(self) -> str:
        return self.branch or self.repo.default_branch


def schedule_id(repo_key: str, schedule: Schedule) -> str:
    """The same as long as the file says the same: so a push does not move what is due."""
    told = json.dumps([repo_key, schedule.cron, schedule.branch])
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def due_after(cron: str, now: float) -> float:
    read = parse(cron)
    return now + UNREADABLE_SECONDS if isinstance(read, Wrong) else next_due(read, now)


def tick_of(timed: Timed, now: float, up_since: float) -> Ticked:
    """Of all moments that were missed the newest one stands for all; `up_since` is when we began to look."""
    read = parse(timed.cron)
    newest = timed.due_at if isinstance(read, Wrong) else max(timed.due_at, last_due(read, now))
    return Ticked(
        repo=timed.repo,
        schedule=timed.id,
        due_at=newest,
        at=now,
        was_down=newest < up_since,
        skipped=newest > timed.due_at,
    )


# ── in words ─────────────────────────────────────────────────────────────────────────────────


def lateness(tick: Ticked) -> str:
    """ "" for one in time."""
    late = tick.at - tick.due_at
    if late < GRACE and not tick.skipped:
        return ""
    why = ": the server was down" if tick.was_down else ""
    when = f"due {moment(tick.due_at)}, {duration(late)} late{why}" if late >= GRACE else ""
    earlier = "this run stands for earlier ones that were missed, too" if tick.skipped else ""
    return "; ".join(filter(None, [when, earlier]))


def due_words(timed: Timed) -> str:
    """When it starts next, or why it does not: "next 2026-11-30 03:00 UTC"."""
    return f"paused: {timed.paused}" if timed.paused else f"next {moment(timed.due_at)}"


def overview(listed: Sequence[Timed], now: float) -> str:
    """Of a whole server, in one line."""
    if not listed:
        return "no default branch's file has any"
    waiting = [each for each in listed if not each.paused]
    words = [count(len(listed), "schedule")]
    paused = len(listed) - len(waiting)
    words += [f"{paused} of them paused (`ci-bot schedules` says why)"] if paused else []
    first = min(waiting, key=lambda each: each.due_at, default=None)
    if first is not None:
        is_late = now - first.due_at > GRACE
        when = (
            f"was due {moment(first.due_at)}, and no server took it yet"
            if is_late
            else due_words(first)
        )
        words.append(f'{first.repo.name} "{first.cron}" of {first.runs_on}, {when}')
    return "; ".join(words)


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


# ── as a delivery of our own ─────────────────────────────────────────────────────────────────


def letter_id(tick: Ticked) -> str:
    """The natural key: a schedule has one tick for each moment."""
    return f"{tick.schedule}@{int(tick.due_at)}"


def to_letter(tick: Ticked) -> bytes:
    return json.dumps(asdict(tick), sort_keys=True).encode()


def of_letter(body: bytes) -> Ticked:
    """Of what `to_letter` wrote. Raises `ValueError` for anything else."""
    try:
        data: Mapping[str, Any] = json.loads(body)
        return Ticked(**{**data, "repo": Repo(**data["repo"])})
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a tick of ours") from error
