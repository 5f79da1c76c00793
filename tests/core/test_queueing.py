"""Which ready job starts, what the others wait for, who makes way: without any database."""

from __future__ import annotations

from ci_bot.core.planned import Concurrency
from ci_bot.core.queueing import (
    NEXT,
    UNBOUNDED,
    Allowance,
    Entrant,
    Lane,
    Line,
    Member,
    Spell,
    displaced,
    holds_place,
    next_lane,
    since_when,
    started,
    survey,
    waits,
)


def line(*lanes: Lane, **runs: Entrant) -> Line:
    """Runs that are not given are of the repository of their first letter."""
    made = {lane.run: Entrant(lane.run, lane.run[0]) for lane in lanes}
    return Line(lanes, {**made, **runs})


def ready(run: str, since: float, **more: object) -> Lane:
    return Lane(run, "t", ready=1, since=since, **more)  # type: ignore[arg-type]


def order(this: Line, allowance: Allowance = UNBOUNDED, capacity: int = 99) -> list[str]:
    found: list[str] = []
    while len(found) < capacity and (lane := next_lane(this, allowance)):
        found.append(lane.run)
        this = started(this, lane)
    return found


DEPLOY = Concurrency("deploy")


def test_the_oldest_starts_first_but_a_flood_does_not_keep_a_neighbour_waiting() -> None:
    flood = [ready(f"a{n}", n) for n in range(5)]
    assert order(line(*flood, ready("b1", 100), ready("b2", 101))) == [
        "a0",
        "b1",
        "a1",
        "b2",
        "a2",
        "a3",
        "a4",
    ]


def test_a_repository_has_at_most_its_own_share() -> None:
    this = line(ready("a1", 1), ready("a2", 2), Lane("a3", "t", running=1))
    assert order(this, Allowance(per_repo=2)) == ["a1"]
    (wait,) = waits(started(this, this.lanes[0]), Allowance(per_repo=2)).values()
    assert wait.why == "waits for other jobs of this repository: it may have 2 at a time"


def test_an_author_from_outside_has_at_most_so_many_wherever_they_are() -> None:
    people = {name: Entrant(name, name[0], outsider="github:666") for name in ("a1", "b1", "c1")}
    this = line(ready("a1", 1), ready("b1", 2), ready("c1", 3), ready("d1", 4), **people)
    assert order(this, Allowance(per_outsider=2)) == ["a1", "b1", "d1"]


def test_cells_run_no_more_than_max_parallel_at_once() -> None:
    this = line(Lane("a", "t", ready=5, since=1, at_once=2))
    assert order(this) == ["a", "a"]
    this = line(Lane("a", "t", ready=1, running=2, since=1, at_once=2))
    assert waits(this, UNBOUNDED)["a", "t"].why == 'waits for other cells of "t": its max-parallel is 2'


def test_jobs_of_a_group_queue_in_the_order_of_creation_within_their_repository() -> None:
    this = line(*(ready(run, since, group=DEPLOY) for run, since in (("a2", 2), ("a1", 1), ("b1", 3))))
    assert order(this) == ["a1", "b1"]
    wait = waits(started(this, this.lanes[1]), UNBOUNDED)["a2", "t"]
    assert wait.why == 'waits for its turn: the concurrency group "deploy" takes 1 at a time'
    assert wait.holders == ("t of run a1",)


def test_a_run_holds_its_place_while_it_has_jobs_and_its_own_jobs_may_use_it() -> None:
    whole = {"a1": Entrant("a1", "a", group=DEPLOY, holds=True), "a2": Entrant("a2", "a", group=DEPLOY)}
    this = line(ready("a1", 5, group=DEPLOY), ready("a2", 1), **whole)
    assert order(this) == ["a1"]
    assert waits(this, UNBOUNDED)["a2", "t"].holders == ("run a1",)


def test_who_waits_for_one_group_keeps_nobody_from_another() -> None:
    """Else a job that is first in one group and waits for the other would be a deadlock."""
    this = line(
        Lane("a1", "t", running=1),
        ready("a2", 1, group=DEPLOY),
        ready("a3", 2, group=DEPLOY),
        a1=Entrant("a1", "a", group=Concurrency("x"), holds=True),
        a2=Entrant("a2", "a", group=Concurrency("x")),
    )
    assert order(this) == ["a3"]


def test_the_survey_says_who_holds_what_and_who_waits_for_what() -> None:
    this = line(Lane("a1", "t", running=2, group=DEPLOY), ready("a2", 2, group=DEPLOY), ready("b1", 1))
    found = survey(this, UNBOUNDED, {"a": "acme/a", "b": "acme/b"})
    assert [(place.repo, place.job, place.running, place.group) for place in found.places] == [
        ("acme/a", "t", 2, "deploy")
    ]
    assert [(each.run, each.why == NEXT, each.holders) for each in found.waiting] == [
        ("b1", True, ()),
        ("a2", False, ("t of run a1", "t of run a1")),
    ]


def spell(created: float, began: float | None = None, ended: float | None = None) -> Spell:
    return Spell(created, began, ended, ended is not None)


def test_a_run_holds_from_its_first_job_until_all_have_ended_and_a_retry_begins_anew() -> None:
    assert not holds_place([spell(1), spell(1)])
    assert holds_place([spell(1, 2), spell(1)])
    assert holds_place([spell(1, 2, 3), spell(1)])
    assert not holds_place([spell(1, 2, 3), spell(1, 2, 4)])
    tried_again = [spell(1, 2, 3), spell(9)]
    assert (holds_place(tried_again), since_when(tried_again)) == (False, 9)
    assert holds_place([*tried_again, spell(9, 10, 11)])


def test_a_retry_while_the_run_goes_on_belongs_to_it() -> None:
    overlapping = [spell(1, 2, 8), spell(1, 2, 3), spell(5)]
    assert (holds_place(overlapping), since_when(overlapping)) == (True, 1)


def test_the_newest_stay_and_older_ones_make_way_if_the_newest_says_so() -> None:
    cancelling = Concurrency("deploy", 1, cancel_older=True)
    old, new = Member("r1", "a" * 40, 1, DEPLOY), Member("r2", "b" * 40, 2, cancelling)
    ((gone, why),) = displaced([new, old])
    assert gone is old
    assert why == (
        'the newer run of bbbbbbb takes its place in the concurrency group "deploy" (cancel-older)'
    )
    assert displaced([Member("r1", "a" * 40, 1, cancelling), Member("r2", "b" * 40, 2, DEPLOY)]) == ()
    assert (
        displaced([Member("r2", "b" * 40, 2, Concurrency("deploy", 2, cancel_older=True)), old]) == ()
    )
