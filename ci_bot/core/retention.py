"""Facts about what is old → what may be forgotten: never anything that something open refers to.

Open is an unfinished job, a head that still counts, a commit that waits for approval, something that is
not shown on the forge yet, and an effect that waits for a run. Approvals and the audit name commits and
hold their own facts; they are not forgotten at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ci_bot.core.model import RunKind
from ci_bot.core.words import count, size

DAY: Final = 24 * 3600.0
FOR_EVER: Final = 0

#: What moves from head to head: (repository's key, kind, pull request's number or branch).
Line: TypeAlias = tuple[str, RunKind, str]
Commit: TypeAlias = tuple[str, str]  # (repository's key, sha)

_WITH_HEADS: Final = frozenset({RunKind.PUSH, RunKind.PULL_REQUEST})


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long things are kept: days from their end, and bytes. 0 is for ever, or without bound."""

    deliveries: int = 30
    runs: int = 365
    logs: int = 90
    logs_total: int = 20 * 1024**3
    artifacts_total: int = 20 * 1024**3
    caches: int = 30
    caches_total: int = 10 * 1024**3

    def before(self, days: int, now: float) -> float | None:
        """What ended before this moment is old; None where nothing ever is."""
        return None if days == FOR_EVER else now - days * DAY


KEPT_BY_DEFAULT: Final = Retention()


@dataclass(frozen=True, slots=True)
class OldRun:
    """What counts of a run here. `is_live`: neither superseded, nor closed or deleted under it."""

    id: str
    key: str
    repo: str
    kind: RunKind
    ref: str
    sha: str
    pull: int | None
    created_at: float
    ended_at: float | None  # None while a job of it is unfinished
    is_live: bool
    is_held: bool = False  # it waits for approval

    @property
    def commit(self) -> Commit:
        return (self.repo, self.sha)

    @property
    def line(self) -> Line | None:
        """None for what is not a head that a gate speaks for later: tags, merge groups, by hand."""
        if self.kind not in _WITH_HEADS:
            return None
        where = self.ref if self.pull is None else str(self.pull)
        return (self.repo, self.kind, where)


@dataclass(frozen=True, slots=True)
class Open:
    """What refers to runs and is not finished.

    `heads`: when the newest live run of each line was made. `unshown`: commits and (as "#3") pull
    requests whose truth the forge does not show yet. `awaited`: natural keys that effects wait for.
    """

    heads: Mapping[Line, float] = field(default_factory=dict)
    unshown: Collection[tuple[str, str]] = ()
    awaited: Collection[str] = ()


def forgettable(runs: Iterable[OldRun], unfinished: Open, before: float) -> frozenset[str]:
    """Ids of runs that ended before a moment and that nothing open refers to.

    `runs` holds all runs of each of its commits. They go together or not at all: the gate folds the
    runs of a commit, so without one of them it would say something else.
    """
    commits: defaultdict[Commit, list[OldRun]] = defaultdict(list)
    for run in runs:
        commits[run.commit].append(run)
    return frozenset(
        run.id
        for its_runs in commits.values()
        if all(_is_done_with(run, unfinished, before) for run in its_runs)
        for run in its_runs
    )


def _is_done_with(run: OldRun, unfinished: Open, before: float) -> bool:
    if run.ended_at is None or run.ended_at >= before:
        return False
    if run.key in unfinished.awaited or run.commit in unfinished.unshown:
        return False
    if run.pull is not None and (run.repo, f"#{run.pull}") in unfinished.unshown:
        return False
    return not (run.is_live and (run.is_held or _is_head(run, unfinished)))


def _is_head(run: OldRun, unfinished: Open) -> bool:
    return run.line is not None and run.created_at >= unfinished.heads.get(run.line, run.created_at)


@dataclass(frozen=True, slots=True)
class KeptLog:
    """The logs of one attempt of a job: bytes on disk, and when the last of them was written."""

    job_id: str
    size: int
    written_at: float


def forgettable_logs(
    kept: Iterable[KeptLog], wanted: Collection[str], before: float | None, total: int
) -> tuple[str, ...]:
    """Ids of the jobs whose logs go: the old ones, then the oldest while all are above `total` bytes.

    Never those in `wanted`: jobs that run, or whose ends the forge does not show yet. `total` 0 is
    without bound.
    """
    oldest_first = sorted(kept, key=lambda log: (log.written_at, log.job_id))
    left = sum(log.size for log in oldest_first)
    gone: list[str] = []
    for log in oldest_first:
        is_old = before is not None and log.written_at < before
        if log.job_id not in wanted and (is_old or (total and left > total)):
            gone.append(log.job_id)
            left -= log.size
    return tuple(gone)


@dataclass(frozen=True, slots=True)
class StoredArtifacts:
    """The artifacts of one attempt of a job: packed bytes, since when and until when they are kept.

    `is_open`: its run has unfinished jobs, which may need them.
    """

    job_id: str
    size: int
    made_at: float
    expires_at: float
    is_open: bool = False


def forgettable_artifacts(kept: Iterable[StoredArtifacts], now: float, total: int) -> tuple[str, ...]:
    """Ids of the jobs whose artifacts go: expired ones, then the oldest while all are above `total` bytes.

    Never open ones, though these count. `total` 0 is without bound.
    """
    left = sum(each.size for each in kept)
    gone: list[str] = []
    for each in sorted(kept, key=lambda each: (each.expires_at > now, each.made_at, each.job_id)):
        if not each.is_open and (each.expires_at <= now or (total and left > total)):
            gone.append(each.job_id)
            left -= each.size
    return tuple(gone)


# ── in words ─────────────────────────────────────────────────────────────────────────────────


def log_removed(kept: Retention) -> str:
    """Stands where a log was."""
    return f"(the log was removed: this server keeps logs {_for(_log_bounds(kept))})"


def run_removed(kept: Retention) -> str:
    """Stands where a run was, for whoever comes with a link that we signed."""
    return (
        f"This run is over, and its record was removed: this server keeps runs {_for([_days(kept.runs)])}. "
        "What it came to still stands on the forge. To see it run again, push, or ask for it there.\n"
    )


def _log_bounds(kept: Retention) -> Sequence[str]:
    return [_days(kept.logs), f"up to {size(kept.logs_total)} in all" if kept.logs_total else ""]


def _days(days: int) -> str:
    return "" if days == FOR_EVER else f"for {count(days, 'day')}"


def _for(bounds: Sequence[str]) -> str:
    return " and ".join(filter(None, bounds)) or "as long as it can"
