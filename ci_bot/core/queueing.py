"""Jobs that run and jobs that are ready → which one starts next, what the others wait for, who must make way.

Everything is told from what is stored: a place is free as soon as nothing stored says that it is taken, so
none can leak, whenever a server was killed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ci_bot.core.planned import Concurrency

MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an operator allows at once; 0: any number. The whole server's limit is each worker's own."""

    per_repo: int = 0
    per_outsider: int = 0


UNBOUNDED: Final = Allowance()


@dataclass(frozen=True, slots=True)
class Spell:
    """The life of one attempt of a job: when it was asked for, began and ended; None: not yet."""

    created_at: float
    started_at: float | None
    finished_at: float | None
    is_final: bool


@dataclass(frozen=True, slots=True)
class Entrant:
    """A run with jobs that are ready or running."""

    id: str
    repo: str  # key
    sha: str = ""
    outsider: str = ""  # who wrote it, where that is nobody with write access
    group: Concurrency | None = None  # of the run as a whole
    since: float = 0.0  # when what it does now was asked for
    holds: bool = False  # a place in its group


@dataclass(frozen=True, slots=True)
class Lane:
    """The jobs of one run that are alike here: the cells of a matrix, or a single job."""

    run: str
    family: str
    ready: int = 0
    running: int = 0
    since: float = 0.0  # when the oldest ready one was asked for
    first: int = 0  # where the first ready one stands in the file
    at_once: int = 0  # 0: any number
    group: Concurrency | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.run, self.family


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a lane's ready jobs do not start. `why` names no holder, since those come and go."""

    why: str
    holders: tuple[str, ...] = ()  # "test of run 0123", "run 0123"


@dataclass(frozen=True, slots=True)
class Line:
    """All lanes with jobs that are ready or running, and their runs by id."""

    lanes: tuple[Lane, ...]
    runs: Mapping[str, Entrant]
    _running: Mapping[str, list[Lane]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        by_repo: defaultdict[str, list[Lane]] = defaultdict(list)
        for lane in self.lanes:
            if lane.running:
                by_repo[self.runs[lane.run].repo].append(lane)
        object.__setattr__(self, "_running", by_repo)

    def running_in(self, repo: str) -> Sequence[Lane]:
        return self._running.get(repo, ())

    def running(self) -> Iterable[Lane]:
        return (lane for lanes in self._running.values() for lane in lanes)


def next_lane(line: Line, allowance: Allowance) -> Lane | None:
    """The lane whose oldest ready job starts now; None where none may.

    Between repositories the one with the fewest running jobs comes first, so that nobody waits for a
    neighbour's flood; within one the oldest.
    """
    busy: Counter[str] = Counter()
    for lane in line.running():
        busy[line.runs[lane.run].repo] += lane.running
    ready = sorted(
        (lane for lane in line.lanes if lane.ready),
        key=lambda lane: (busy[line.runs[lane.run].repo], lane.since, lane.run, lane.first),
    )
    people = _by_outsider(line)
    return next((lane for lane in ready if _wait(lane, line, allowance, people) is None), None)


def started(line: Line, lane: Lane) -> Line:
    """The same a moment later: a ready job of this lane has started."""
    after = replace(lane, ready=lane.ready - 1, running=lane.running + 1)
    run = replace(line.runs[lane.run], holds=line.runs[lane.run].group is not None)
    lanes = tuple(after if each == lane else each for each in line.lanes)
    return Line(lanes, {**line.runs, lane.run: run})


def waits(line: Line, allowance: Allowance) -> Mapping[tuple[str, str], Wait]:
    """Lane → what its ready jobs wait for, for every lane that has some and may not start any."""
    people = _by_outsider(line)
    found = ((lane.key, _wait(lane, line, allowance, people)) for lane in line.lanes if lane.ready)
    return {key: wait for key, wait in found if wait is not None}


def _by_outsider(line: Line) -> Mapping[str, list[Lane]]:
    people: defaultdict[str, list[Lane]] = defaultdict(list)
    for lane in line.running():
        outsider = line.runs[lane.run].outsider
        if outsider:
            people[outsider].append(lane)
    return people


def _wait(
    lane: Lane, line: Line, allowance: Allowance, people: Mapping[str, Sequence[Lane]]
) -> Wait | None:
    run = line.runs[lane.run]
    return (
        _for_run_group(run, line)
        or _for_job_group(lane, run, line)
        or _for_cells(lane)
        or _for_repo(run, line, allowance)
        or _for_author(run, people, allowance)
    )


def _for_run_group(run: Entrant, line: Line) -> Wait | None:
    if run.group is None or run.holds:
        return None
    holders = _holders(run.group.group, run, line)
    if len(holders) < run.group.limit:
        return None
    return Wait(f"waits for an earlier run: {_place(run.group)}", tuple(holders))


def _for_job_group(lane: Lane, run: Entrant, line: Line) -> Wait | None:
    if lane.group is None:
        return None
    holders = _holders(lane.group.group, run, line)
    if len(holders) < lane.group.limit:
        return None
    return Wait(f"waits for its turn: {_place(lane.group)}", tuple(holders))


def _holders(group: str, asking: Entrant, line: Line) -> list[str]:
    """Who has a place in a group of this repository. A run's own place does not keep its jobs out."""
    runs = [
        f"run {run.id}"
        for run in line.runs.values()
        if run.holds and run.repo == asking.repo and run.id != asking.id and _is_of(run.group, group)
    ]
    jobs = [
        f"{lane.family} of run {lane.run}"
        for lane in line.running_in(asking.repo)
        for _ in range(lane.running)
        if _is_of(lane.group, group)
    ]
    return runs + jobs


def _is_of(concurrency: Concurrency | None, group: str) -> bool:
    return concurrency is not None and concurrency.group == group


def _place(group: Concurrency) -> str:
    return f'the concurrency group "{group.group}" takes {group.limit} at a time'


def _for_cells(lane: Lane) -> Wait | None:
    if not 0 < lane.at_once <= lane.running:
        return None
    why = f'waits for other cells of "{lane.family}": its max-parallel is {lane.at_once}'
    return Wait(why, _named([lane]))


def _for_repo(run: Entrant, line: Line, allowance: Allowance) -> Wait | None:
    lanes = line.running_in(run.repo)
    if not 0 < allowance.per_repo <= sum(lane.running for lane in lanes):
        return None
    why = f"waits for other jobs of this repository: it may have {allowance.per_repo} at a time"
    return Wait(why, _named(lanes))


def _for_author(
    run: Entrant, people: Mapping[str, Sequence[Lane]], allowance: Allowance
) -> Wait | None:
    lanes = people.get(run.outsider, ()) if run.outsider else ()
    if not 0 < allowance.per_outsider <= sum(lane.running for lane in lanes):
        return None
    why = (
        "waits for other jobs of its author: who has no write access may have "
        f"{allowance.per_outsider} at a time"
    )
    return Wait(why, _named(lanes))


def _named(lanes: Iterable[Lane]) -> tuple[str, ...]:
    return tuple(f"{lane.family} of run {lane.run}" for lane in lanes)


# ── the places of whole runs ─────────────────────────────────────────────────────────────────


def since_when(spells: Sequence[Spell]) -> float:
    """When what a run does now was asked for: the last moment before which all its jobs had ended.

    A retry of a run that had ended begins anew, and waits for its place like everybody else; one of a run
    that goes on belongs to it. 0 where all has ended.
    """
    start = min((spell.created_at for spell in spells if not spell.is_final), default=0.0)
    for spell in sorted(spells, key=lambda spell: spell.finished_at or 0.0, reverse=True):
        if start and spell.is_final and (spell.finished_at or 0.0) >= start:
            start = min(start, spell.created_at)
    return start


def holds_place(spells: Sequence[Spell]) -> bool:
    """From its first job that starts until all of them have ended."""
    start = since_when(spells)
    return bool(start) and any(
        spell.started_at is not None and spell.started_at >= start for spell in spells
    )


# ── cancel-older ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Member:
    """What one run has in a group: places, and jobs that wait for one. `group` is as it says it."""

    run: str
    sha: str
    since: float
    group: Concurrency


def displaced(members: Sequence[Member]) -> tuple[tuple[Member, str], ...]:
    """The members of one group that end for newer ones, each with the reason.

    The newest says whether that is so, and how many stay.
    """
    newest_first = sorted(members, key=lambda member: (member.since, member.run), reverse=True)
    if not newest_first or not newest_first[0].group.cancel_older:
        return ()
    newest = newest_first[0]
    why = (
        f'the newer run of {newest.sha[:7]} takes its place in the concurrency group "{newest.group.group}" '
        "(cancel-older)"
    )
    return tuple((member, why) for member in newest_first[newest.group.limit :])


# ── for people ───────────────────────────────────────────────────────────────────────────────

NEXT: Final = "starts next, as soon as a server has room (max_jobs)"


@dataclass(frozen=True, slots=True)
class Place:
    """What has a place: running jobs of one kind, or a whole run (`job` "")."""

    repo: str
    run: str
    sha: str
    job: str
    running: int
    group: str  # of concurrency, "" where it is in none


@dataclass(frozen=True, slots=True)
class Waiting:
    """Ready jobs of one kind that have not started."""

    repo: str
    run: str
    sha: str
    job: str
    ready: int
    since: float
    why: str
    holders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """Who holds what, and who waits for what, in the order in which they would start."""

    places: tuple[Place, ...]
    waiting: tuple[Waiting, ...]


def survey(line: Line, allowance: Allowance, names: Mapping[str, str]) -> Survey:
    """`names`: of repositories, by key."""
    found = waits(line, allowance)
    ready = sorted(
        (lane for lane in line.lanes if lane.ready), key=lambda each: (each.since, each.run, each.first)
    )
    return Survey(
        (*_whole_runs(line, names), *_running_jobs(line, names)),
        tuple(_waiting(lane, line, found.get(lane.key, Wait(NEXT)), names) for lane in ready),
    )


def _whole_runs(line: Line, names: Mapping[str, str]) -> Iterable[Place]:
    for run in line.runs.values():
        if run.holds and run.group is not None:
            yield Place(names[run.repo], run.id, run.sha, "", 0, run.group.group)


def _running_jobs(line: Line, names: Mapping[str, str]) -> Iterable[Place]:
    for lane in line.running():
        run, group = line.runs[lane.run], lane.group.group if lane.group else ""
        yield Place(names[run.repo], run.id, run.sha, lane.family, lane.running, group)


def _waiting(lane: Lane, line: Line, wait: Wait, names: Mapping[str, str]) -> Waiting:
    run = line.runs[lane.run]
    where = (names[run.repo], run.id, run.sha, lane.family)
    return Waiting(*where, lane.ready, lane.since, wait.why, wait.holders)
