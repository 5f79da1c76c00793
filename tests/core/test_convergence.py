"""What is sent, in which order, and as which check run."""

from __future__ import annotations

from dataclasses import replace

from ci_bot.core.convergence import (
    FoundCheck,
    Published,
    accepted,
    before_sending,
    external_id,
    fingerprint,
    in_order,
    is_mere_progress,
    is_unknown,
    next_state,
    resumed,
)
from ci_bot.core.report.values import CheckReport, CheckState, Conclusion

RUNNING = CheckReport("ci-bot", CheckState.IN_PROGRESS, None, "running", "x", "http://x")
DONE = replace(RUNNING, state=CheckState.COMPLETED, conclusion=Conclusion.SUCCESS, title="passed")


def test_what_the_forge_has_is_not_sent_again() -> None:
    shown = accepted(Published("ci-bot"), RUNNING, "check:1")
    assert next_state(shown, RUNNING) is None
    assert next_state(shown, DONE) == shown


def test_a_completed_check_is_final_so_a_change_is_the_next_generation() -> None:
    shown = accepted(Published("ci-bot"), DONE, "check:1")
    assert next_state(shown, RUNNING) == Published("ci-bot", 2)
    assert next_state(shown, DONE) is None


def test_each_check_run_has_an_id_of_its_own() -> None:
    first, second = Published("a", 1), Published("a", 2)
    assert len({external_id(1, first), external_id(1, second), external_id(2, first)}) == 3


def test_the_gates_first_sight_then_conclusions_then_progress() -> None:
    job = replace(RUNNING, name="ci-bot / a")
    done = replace(DONE, name="ci-bot / b")
    order = in_order([job, done, RUNNING], {})
    assert [report.name for report, _ in order] == ["ci-bot", "ci-bot / b", "ci-bot / a"]


def test_progress_is_what_changes_nothing_final_about_a_known_check() -> None:
    known = accepted(Published("ci-bot"), RUNNING, "check:1")
    assert is_mere_progress(replace(RUNNING, title="more"), known)
    assert not is_mere_progress(DONE, known)
    assert not is_mere_progress(RUNNING, Published("ci-bot"))


def test_a_fingerprint_tells_any_difference() -> None:
    assert fingerprint(RUNNING) == fingerprint(replace(RUNNING))
    assert fingerprint(RUNNING) != fingerprint(replace(RUNNING, text="more"))
    assert fingerprint(DONE) != fingerprint(replace(DONE, coverage=0.0))


def test_a_release_that_knows_more_of_a_check_sends_none_anew() -> None:
    stored = "a650f6cb9fcef5ca0d9df2b73f09f300f1584214f15f9bd6fff0f455a56ae5e7"
    assert fingerprint(DONE) == stored


def test_a_conclusion_is_unknown_from_before_it_is_sent_until_it_is_accepted() -> None:
    begun = accepted(Published("ci-bot"), RUNNING, "check:1")
    assert not is_unknown(begun)
    assert not is_unknown(before_sending(begun, RUNNING))
    assert is_unknown(before_sending(begun, DONE))
    assert not is_unknown(accepted(before_sending(begun, DONE), DONE, "check:1"))


def test_a_creation_is_unknown_until_it_is_accepted() -> None:
    assert not is_unknown(Published("ci-bot"))
    assert is_unknown(before_sending(Published("ci-bot"), RUNNING))


def test_what_turns_out_to_be_completed_otherwise_is_final() -> None:
    """Seen by chaos: a conclusion whose answer was lost, then a re-run, wrote a completed check again."""
    unknown = before_sending(accepted(Published("ci-bot"), RUNNING, "check:1"), DONE)
    assert resumed(unknown, RUNNING, FoundCheck("check:1", "success")) == Published("ci-bot", 2)
    assert resumed(unknown, DONE, FoundCheck("check:1", "success")).handle == "check:1"
    assert resumed(unknown, RUNNING, FoundCheck("check:1", None)).handle == "check:1"
    assert resumed(unknown, RUNNING, None) == unknown
