"""What protects a branch, situation by situation → what is wrong with that and how to mend it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import ForgeError
from ci_bot.forges.github.gate import Protection, Us, examination

US = Us(7, "acme-ci")
OTHERS = 8


def branch(*checks: tuple[str, int | None], contexts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Classic branch protection as GitHub tells it with the branch."""
    required = {
        "contexts": [*contexts, *(name for name, _ in checks)],
        "checks": [{"context": name, "app_id": app} for name, app in checks],
    }
    return {"name": "main", "protection": {"enabled": True, "required_status_checks": required}}


def rule(*checks: tuple[str, int | None], ruleset: int | None = 5) -> dict[str, Any]:
    """One rule of a ruleset; a check without an App has no `integration_id` at all."""
    listed = [
        {"context": name} if app is None else {"context": name, "integration_id": app}
        for name, app in checks
    ]
    about = {} if ruleset is None else {"ruleset_id": ruleset, "ruleset_source": "acme/web"}
    parameters = {"required_status_checks": listed}
    return {"type": "required_status_checks", "parameters": parameters, **about}


def problems(found: Protection) -> tuple[str, ...]:
    return examination("main", found, US).problems


OURS = ("ci-bot", US.app_id)

FINE = [
    Protection(branch(OURS), []),
    Protection(None, [rule(OURS)]),
    Protection(branch(OURS, ("lint", None)), [rule(("ci/other", OTHERS))]),
    Protection(branch(("ci-bot", None)), [rule(OURS)]),  # one rule that asks for it from us is enough
    Protection(branch(contexts=("ci-bot",)), [rule(OURS)]),
]


@pytest.mark.parametrize("found", FINE)
def test_required_from_this_app_is_all_that_is_wanted(found: Protection) -> None:
    assert problems(found) == ()


NOT_REQUIRED = [
    Protection(None, []),
    Protection({"name": "main"}, []),
    Protection({"name": "main", "protection": {"enabled": False}}, []),
    Protection(branch(("lint", None)), [{"type": "pull_request"}]),
    Protection(None, [{"type": "required_status_checks"}]),
]


@pytest.mark.parametrize("found", NOT_REQUIRED)
def test_what_is_not_required_does_not_gate(found: Protection) -> None:
    (problem,) = problems(found)
    assert problem.startswith("nothing requires ci-bot on main")
    assert "acme-ci" in problem  # what to choose as its source


@pytest.mark.parametrize(
    ("found", "where"),
    [
        (Protection(branch(("ci-bot", None)), []), "the repository's settings, Branches"),
        (Protection(branch(("ci-bot", -1)), []), "the repository's settings, Branches"),
        (Protection(branch(contexts=("ci-bot",)), []), "the repository's settings, Branches"),
        (Protection(None, [rule(("ci-bot", None))]), "the ruleset 5 of acme/web"),
        (
            Protection(None, [rule(("ci-bot", None), ruleset=None)]),
            "the repository's settings, Rules",
        ),
    ],
)
def test_from_any_source_means_from_anybody_who_may_write_statuses(
    found: Protection, where: str
) -> None:
    (problem,) = problems(found)
    assert "from any source" in problem
    assert problem.endswith(f"choose acme-ci as its source, in {where}")


@pytest.mark.parametrize("beside", [(), (OURS,)])
def test_from_another_app_nothing_can_be_merged_also_beside_a_right_rule(beside: Any) -> None:
    (problem,) = problems(Protection(branch(("ci-bot", OTHERS)), [rule(*beside)] if beside else []))
    assert f"from the App {OTHERS}, which is not this one (acme-ci, 7)" in problem


@pytest.mark.parametrize("context", ["ci-bot / test", "ci-bot (tag)", "ci-bot (manual) / deploy"])
def test_a_jobs_own_check_is_a_trap(context: str) -> None:
    (problem,) = problems(Protection(branch(OURS, (context, None)), []))
    assert problem.startswith(f"{context} is required on main")
    assert "require ci-bot alone" in problem


def test_another_spelling_is_reported_by_nobody() -> None:
    (problem,) = problems(Protection(branch(OURS, ("CI-Bot", None)), []))
    assert problem.startswith("CI-Bot is required on main, and nobody reports it")


def test_checks_of_others_are_their_own_business() -> None:
    others = (("ci-bots", None), ("ci-bot-lint", OTHERS), ("build", None))
    assert problems(Protection(branch(OURS, *others), [])) == ()


@pytest.mark.parametrize(
    ("checks", "context", "is_told"),
    [
        ([{}], "ci-bot", True),
        ([{}], "CI-BOT", True),  # contexts differ by more than case only
        ([{}], "lint", False),
        ([], "ci-bot", False),  # commit statuses stand in for checks that were not granted
    ],
)
def test_a_status_of_the_same_name_is_required_too(
    checks: list[Any], context: str, is_told: bool
) -> None:
    found = Protection(branch(OURS), [], {"check_runs": checks}, {"statuses": [{"context": context}]})
    assert (
        any("has a commit status ci-bot beside the check" in each for each in problems(found))
        == is_told
    )


def test_a_merge_queue_is_seen() -> None:
    assert not examination("main", Protection(None, [rule(OURS)]), US).has_merge_queue
    queue = [rule(OURS), {"type": "merge_queue", "parameters": {}}]
    assert examination("main", Protection(None, queue), US).has_merge_queue


def test_every_problem_is_one_line_whatever_names_people_choose() -> None:
    evil = "ci-bot / " + "x\n" * 5000
    (problem,) = examination("ma\nin", Protection(branch(OURS, (evil, None)), []), US).problems
    assert "\n" not in problem
    assert len(problem) < 1000


@pytest.mark.parametrize(
    "found",
    [
        Protection([], []),
        Protection({"protection": []}, []),
        Protection({"protection": {"required_status_checks": {"checks": [{}]}}}, []),
        Protection(None, ["x"]),
        Protection(None, [{}]),
        Protection(branch(OURS), [], {"check_runs": 1}, {}),
    ],
)
def test_what_describes_no_branch_is_an_error_of_the_forge(found: Protection) -> None:
    with pytest.raises(ForgeError, match="does not describe the branch"):
        examination("main", found, US)


KEYS = [
    "protection",
    "required_status_checks",
    "checks",
    "context",
    "contexts",
    "app_id",
    "type",
    "parameters",
    "integration_id",
    "ruleset_id",
    "ruleset_source",
    "check_runs",
    "statuses",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.lists(JSON, max_size=3), JSON, JSON)
def test_any_answer_is_examined_or_an_error_of_the_forge(
    told: Any, rules: list[Any], checks: Any, statuses: Any
) -> None:
    try:
        found = examination("main", Protection(told, rules, checks, statuses), US)
    except ForgeError:
        return
    assert all("\n" not in problem for problem in found.problems)
