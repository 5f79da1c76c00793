"""What there is to tell of a branch, and to whom: every before and every after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.effects import Tell, Turn, Turned, branch_prefix
from ci_bot.core.gate import CheckState, Conclusion, GateState, gate
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.notices import Watch, notice, targets, turned
from ci_bot.core.states import Status
from tests.make import ALICE, REPO, SHA_A

F, R = Turn.FAILURE, Turn.RECOVERY


def run(*statuses: Status, verdict: Verdict = Verdict.PLANNED, attempt: int = 1) -> Run:
    jobs = tuple(
        JobRun(f"j{n}", "r", f"j{n}", f"job {n}", attempt, each, ()) for n, each in enumerate(statuses)
    )
    return Run(
        "r", "k", REPO, RunKind.PUSH, "main", SHA_A, verdict, ALICE, 0.0, title="Mend", jobs=jobs
    )


@pytest.mark.parametrize("last", [None, F, R])
@pytest.mark.parametrize(
    ("conclusion", "news"),
    [
        (Conclusion.SUCCESS, {F: R}),
        (Conclusion.FAILURE, {None: F, R: F}),
        (Conclusion.TIMED_OUT, {None: F, R: F}),
        (Conclusion.CANCELLED, {}),
        (Conclusion.ACTION_REQUIRED, {}),
        (None, {}),
    ],
)
def test_before_and_after(
    last: Turn | None, conclusion: Conclusion | None, news: dict[Turn | None, Turn]
) -> None:
    state = CheckState.COMPLETED if conclusion else CheckState.IN_PROGRESS
    found = turned(last, GateState(state, conclusion, (run(),)), run())
    assert (found.turn if found else None) == news.get(last)


@pytest.mark.parametrize(
    ("of", "failed"),
    [
        (run(Status.SUCCEEDED, Status.FAILED, Status.SKIPPED), ("job 1",)),
        (run(Status.BROKEN, Status.TIMED_OUT), ("job 0", "job 1")),
        (run(verdict=Verdict.CONFIG_BROKEN), ("the configuration, which is broken",)),
        (run(verdict=Verdict.CONFIG_MISSING), ("the configuration, which is missing",)),
    ],
)
def test_what_failed_is_named(of: Run, failed: tuple[str, ...]) -> None:
    state = gate([of])
    assert state is not None
    found = turned(None, state, of)
    assert found is not None
    assert found.failed == failed


def test_a_retry_is_other_news_and_the_same_end_is_not() -> None:
    first, second = run(Status.FAILED), run(Status.FAILED, attempt=2)
    keys = [t.key for r in (first, first, second) if (s := gate([r])) and (t := turned(None, s, r))]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith(branch_prefix(REPO.key, "main"))


def test_keys_fit_their_column_whatever_the_branch_is_called() -> None:
    long = Turned(replace(REPO, id=2**63 - 1), "ä/" * 120, "k" * 600, F, (), 10**6)
    assert len(Tell(long, "t" * 16).key) <= 255


def watch(
    repositories: str = "acme/*",
    branches: tuple[str, ...] = (),
    on: tuple[Turn, ...] = (F, R),
    target: str = "t",
) -> Watch:
    return Watch((repositories,), branches, on, (target,))


@pytest.mark.parametrize(
    ("one", "branch", "turn", "hears"),
    [
        (watch(), REPO.default_branch, F, True),
        (watch(), "feature", F, False),
        (watch(on=(F,)), REPO.default_branch, R, False),
        (watch("other/*"), REPO.default_branch, F, False),
        (watch(REPO.name), REPO.default_branch, F, True),
        (watch(branches=("release/*",)), "release/1", F, True),
        (watch(branches=("release/*",)), "release/1/x", F, False),
        (watch(branches=("**",)), "release/1/x", F, True),
        (watch(branches=("release/*",)), REPO.default_branch, F, False),
    ],
)
def test_who_hears(one: Watch, branch: str, turn: Turn, hears: bool) -> None:
    assert targets((one,), REPO, branch, turn) == (("t",) if hears else ())


def test_nobody_hears_twice_of_one_thing() -> None:
    both = (watch(), watch(REPO.name), watch(target="u"))
    assert targets(both, REPO, REPO.default_branch, F) == ("t", "u")


def test_the_words() -> None:
    state = gate([run(Status.FAILED, Status.FAILED)])
    assert state is not None
    news = turned(None, state, run())
    assert news is not None
    told = notice(news, run(), "https://ci/runs/r?key=1", str)
    assert told.title == f"{REPO.name}: main is broken"
    assert told.body.splitlines() == [
        "Failed: job 0, job 1 (2 jobs)",
        f"Commit {SHA_A[:7]} by {ALICE.login}: Mend",
        "https://ci/runs/r?key=1",
    ]
    well = notice(replace(news, turn=R, failed=()), run(), "https://ci/runs/r?key=1", str)
    assert well.title == f"{REPO.name}: main is well again"
    assert len(well.body.splitlines()) == 2


def test_what_others_wrote_is_harmless_and_masked() -> None:
    title = "@all <!channel> see\nhttps://evil\x1b[2J s3cret" + "x" * 500
    news = Turned(REPO, "feature/@all", "k", F, ("job <!here>",) * 9, 1)
    told = notice(
        news, replace(run(), title=title), "https://ci/", lambda text: text.replace("s3cret", "***")
    )
    lines = told.body.splitlines()
    assert len(lines) == 3
    for bad in ("@all", "<!", "https://evil", "\x1b", "s3cret"):
        assert bad not in told.title + "\n".join(lines[:2])
    assert lines[0].endswith("and 4 more (9 jobs)")
    assert len(lines[1]) < 200
