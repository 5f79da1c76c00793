"""Whatever is forgotten, nothing open refers to it, and what stays says what it said before."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.model import RunKind
from ci_bot.core.retention import (
    DAY,
    FOR_EVER,
    KeptLog,
    OldRun,
    Open,
    Retention,
    StoredArtifacts,
    forgettable,
    forgettable_artifacts,
    forgettable_logs,
    log_removed,
    run_removed,
)

REPO = "github:7"
BEFORE = 100.0
OLD = OldRun("r1", "k1", REPO, RunKind.PUSH, "topic", "a", None, 10.0, 20.0, is_live=True)

moments = st.integers(0, 200).map(float)
kinds = st.sampled_from(list(RunKind))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[OldRun], Open]:
    """Runs of few commits and few lines, so that they meet; and what is open."""
    runs = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(kinds)
        created = draw(moments)
        ended = draw(st.none() | moments.map(lambda after, at=created: at + after))  # type: ignore[misc]
        pull = draw(st.integers(1, 2)) if kind is RunKind.PULL_REQUEST else None
        runs.append(
            OldRun(
                id=f"r{number}",
                key=f"k{number}",
                repo=REPO,
                kind=kind,
                ref=draw(st.sampled_from(["main", "topic"])),
                sha=draw(st.sampled_from("abcd")),
                pull=pull,
                created_at=created,
                ended_at=ended,
                is_live=draw(st.booleans()),
                is_held=draw(st.booleans()),
            )
        )
    heads = {
        run.line: max(other.created_at for other in runs if other.line == run.line and other.is_live)
        for run in runs
        if run.line is not None and run.is_live
    }
    names = [run.commit for run in runs] + [(REPO, f"#{run.pull}") for run in runs if run.pull]
    unshown = draw(st.sets(st.sampled_from(names), max_size=2))
    awaited = draw(st.sets(st.sampled_from([run.key for run in runs]), max_size=2))
    return runs, Open(heads, unshown, awaited)


@given(histories(), moments)
def test_nothing_open_refers_to_what_is_forgotten(
    history: tuple[list[OldRun], Open], before: float
) -> None:
    runs, still_open = history
    gone = forgettable(runs, still_open, before)
    for run in runs:
        if run.id not in gone:
            continue
        assert run.ended_at is not None
        assert run.ended_at < before
        assert run.key not in still_open.awaited
        assert run.commit not in still_open.unshown
        assert (REPO, f"#{run.pull}") not in still_open.unshown
        assert not (run.is_live and run.is_held)


@given(histories(), moments)
def test_the_runs_of_a_commit_go_together_so_no_gate_changes(
    history: tuple[list[OldRun], Open], before: float
) -> None:
    runs, still_open = history
    gone = forgettable(runs, still_open, before)
    for commit in {run.commit for run in runs}:
        fates = {run.id in gone for run in runs if run.commit == commit}
        assert len(fates) == 1


@given(histories(), moments)
def test_the_newest_live_head_of_each_branch_and_pull_request_stays(
    history: tuple[list[OldRun], Open], before: float
) -> None:
    runs, still_open = history
    gone = forgettable(runs, still_open, before)
    for line, newest in still_open.heads.items():
        heads = [run for run in runs if run.line == line and run.is_live and run.created_at == newest]
        assert heads
        assert not gone & {run.id for run in heads}


def test_an_old_head_that_another_took_over_goes() -> None:
    assert OLD.line is not None
    assert forgettable([OLD], Open({OLD.line: 50.0}), BEFORE) == {"r1"}
    assert forgettable([OLD], Open({OLD.line: OLD.created_at}), BEFORE) == set()


def test_a_head_that_was_closed_or_deleted_goes() -> None:
    assert forgettable([replace(OLD, is_live=False)], Open(), BEFORE) == {"r1"}


def test_tags_and_merge_groups_go_by_age_alone() -> None:
    for kind in (RunKind.TAG, RunKind.MERGE_GROUP, RunKind.MANUAL):
        assert forgettable([replace(OLD, kind=kind)], Open(), BEFORE) == {"r1"}


logs = st.lists(
    st.builds(KeptLog, st.text("abcdef", min_size=1, max_size=3), st.integers(0, 50), moments),
    unique_by=lambda log: log.job_id,
)


@given(logs, st.sets(st.text("abcdef", min_size=1, max_size=3)), moments, st.integers(1, 200))
def test_logs_go_when_old_and_the_oldest_first_above_the_total(
    kept: list[KeptLog], wanted: set[str], before: float, total: int
) -> None:
    gone = forgettable_logs(kept, wanted, before, total)
    stays = [log for log in kept if log.job_id not in gone]
    assert not set(gone) & wanted
    assert all(log.written_at >= before for log in stays if log.job_id not in wanted)
    if sum(log.size for log in stays) > total:
        assert {log.job_id for log in stays} <= wanted
    free = [log for log in stays if log.job_id not in wanted]
    by_size = [log for log in kept if log.job_id in gone and log.written_at >= before]
    assert all(log.written_at <= other.written_at for log in by_size for other in free)


artifacts = st.lists(
    st.builds(
        StoredArtifacts,
        st.text("abcdef", min_size=1, max_size=3),
        st.integers(0, 50),
        moments,
        moments,
        st.booleans(),
    ),
    unique_by=lambda each: each.job_id,
)


@given(artifacts, moments, st.integers(1, 200))
def test_artifacts_go_when_expired_and_the_oldest_first_above_the_total(
    kept: list[StoredArtifacts], now: float, total: int
) -> None:
    gone = forgettable_artifacts(kept, now, total)
    stays = [each for each in kept if each.job_id not in gone]
    free = [each for each in stays if not each.is_open]
    assert not any(each.is_open for each in kept if each.job_id in gone)
    assert all(each.expires_at > now for each in free)
    assert not free or sum(each.size for each in stays) <= total
    by_size = [each for each in kept if each.job_id in gone and each.expires_at > now]
    assert all(each.made_at <= other.made_at for each in by_size for other in free)
    if by_size:
        last = max(by_size, key=lambda each: (each.made_at, each.job_id))
        assert sum(each.size for each in stays) + last.size > total


def test_without_a_total_artifacts_go_by_their_time_alone() -> None:
    big = StoredArtifacts("j", 10**12, 0.0, 100.0)
    assert forgettable_artifacts([big], 99.0, FOR_EVER) == ()
    assert forgettable_artifacts([big], 100.0, FOR_EVER) == ("j",)


def test_without_bounds_every_log_stays() -> None:
    assert forgettable_logs([KeptLog("j", 10**12, 0.0)], (), None, FOR_EVER) == ()


def test_for_ever_has_no_moment() -> None:
    assert Retention(runs=FOR_EVER).before(FOR_EVER, 1e9) is None
    assert Retention().before(90, 100 * DAY) == 10 * DAY


def test_what_is_gone_is_told_with_its_bound() -> None:
    assert "keeps logs for 90 days and up to 21,474.8 MB in all)" in log_removed(Retention())
    assert "keeps logs for 1 day)" in log_removed(Retention(logs=1, logs_total=0))
    assert "keeps runs for 365 days" in run_removed(Retention())
    assert "as long as it can" in run_removed(Retention(runs=0))
