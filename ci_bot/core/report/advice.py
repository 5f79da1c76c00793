"""How a check stands → what is wrong in `.ci.yaml`, and what a person does next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ci_bot.core.gate import Conclusion, GateState
from ci_bot.core.manners import manners_of, slashed
from ci_bot.core.markdown import code, escaped, fenced, one_line
from ci_bot.core.model import Problem, Run, RunKind, Verdict
from ci_bot.core.report.headline import NOT_RUN
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling

FAILED: Final = (
    "**Next:** push a fix. If the commit is not to blame, {again} tries again what did not pass."
)
BROKEN: Final = (
    "**Next:** {do_again}. The failure is the infrastructure's, not this commit's; if "
    "it comes back, tell the people who run ci-bot."
)
CANCELLED: Final = "**Next:** if the result is wanted after all, {do_again}."
CONFIG_BROKEN: Final = "Nothing ran. **Next:** correct this and push."
CONFIG_MISSING: Final = (
    "Nothing ran: a commit cannot switch off its own checks. **Next:** bring the file back and push. If it "
    "is to go for good, somebody who may merge without this check has to merge the removal."
)
SKIP_CI: Final = (
    "Nothing ran, and a commit that was not tested does not pass. **Next:** push a commit whose message "
    "does not say so (`git commit --amend` will do)."
)
DRAFT: Final = "Nothing ran: this pipeline does not run for drafts. **Next:** {mark_ready}."
HELD: Final = "Nothing of this commit runs, and it sees no secret, before {approver} approves exactly this commit."
HELD_PUSH: Final = "**Next:** they read the change, then press **Approve & run** on this check."
REFUSED: Final = (
    "Nothing of this commit runs here. **Next:** somebody with write access reads the changes, then "
    "pushes exactly this commit to a branch of this repository, where it is tested:"
)

HELD_SCHEDULE: Final = (
    "**Next:** somebody with write access pushes to the default branch. From then on its schedules rest on "
    "their word."
)

PUSH_ANOTHER: Final = "push a commit whose message does not say so"

MOST_NAMES: Final = 10

#: What nothing but the infrastructure is to blame for.
_ONLY_BROKEN: Final = frozenset({Status.BROKEN, Status.SUCCEEDED, Status.SKIPPED, Status.CANCELLED})


def next_step(gate: GateState, prefix: str = "") -> str:
    """Markdown; "" where nothing is to be done. `prefix` is how commands are written here."""
    if gate.is_superseded or gate.conclusion in (None, Conclusion.SUCCESS):
        return ""
    if gate.conclusion is Conclusion.ACTION_REQUIRED:
        return _awaited(gate, prefix)
    again = _again(gate, prefix)
    if gate.conclusion is Conclusion.CANCELLED:
        return CANCELLED.format(**again)
    verdicts = {run.verdict for run in gate.runs}
    if Verdict.CONFIG_BROKEN in verdicts:
        return CONFIG_BROKEN
    if Verdict.CONFIG_MISSING in verdicts:
        return CONFIG_MISSING
    statuses = {job.status for run in gate.runs for job in run.jobs}
    return (BROKEN if statuses <= _ONLY_BROKEN else FAILED).format(**again)


def _again(gate: GateState, prefix: str) -> Mapping[str, str]:
    """How a new attempt is asked for: where a check has no button, by a comment; else by a new push."""
    run = gate.runs[-1]
    if manners_of(run.repo.forge).has_checks:
        return {"again": "**Re-run** on the check", "do_again": "press **Re-run** on the check"}
    retry = code(slashed(prefix, "retry"))
    if any(run.pull is not None for run in gate.runs):
        return {"again": f"the comment {retry}", "do_again": f"comment {retry}"}
    where = f"on a {manners_of(run.repo.forge).pull} of this commit"
    return {"again": f"the comment {retry} {where}", "do_again": f"comment {retry} {where}"}


def line_of_need(gate: GateState) -> str:
    """What was not run, and what would have it run, in one line for a forge that shows no more; else ""."""
    run = gate.runs[-1]
    manners = manners_of(run.repo.forge)
    if manners.has_checks or gate.is_superseded or gate.conclusion is not Conclusion.ACTION_REQUIRED:
        return ""
    if any(each.verdict is Verdict.HELD for each in gate.runs):
        return ""
    is_draft = any(each.verdict is Verdict.DRAFT for each in gate.runs)
    return f"{NOT_RUN}: {run.reason}; next: {manners.mark_ready if is_draft else PUSH_ANOTHER}"


def _awaited(gate: GateState, prefix: str) -> str:
    manners = manners_of(gate.runs[-1].repo.forge)
    held = next((run for run in gate.runs if run.verdict is Verdict.HELD), None)
    if held is None:
        is_draft = any(run.verdict is Verdict.DRAFT for run in gate.runs)
        return DRAFT.format(mark_ready=manners.mark_ready) if is_draft else SKIP_CI
    if held.kind is RunKind.SCHEDULE:  # a reason that refuses it says itself what would help
        return "" if held.ruling is Ruling.REFUSE else HELD_SCHEDULE
    look = _to_look_at(held)
    if held.ruling is Ruling.REFUSE:
        return "\n\n".join(filter(None, [look, REFUSED, fenced(_take_over(held))]))
    return "\n\n".join(
        filter(None, [HELD.format(approver=manners.approver), look, _how_to_approve(held, prefix)])
    )


def _how_to_approve(run: Run, prefix: str) -> str:
    """The whole sha, so that what runs is what was read, whatever came after it."""
    manners = manners_of(run.repo.forge)
    if run.pull is None and manners.has_checks:
        return HELD_PUSH
    button = "press **Approve & run** on the check `ci-bot`, or " if manners.has_checks else ""
    where = f" on a {manners.pull} of this commit" if run.pull is None else ""
    line = one_line(slashed(prefix, f"approve {run.sha}"))
    return f"**Next:** they read the change, then {button}comment{where}:\n\n{fenced(line)}"


def _to_look_at(run: Run) -> str:
    """What the change does to what is run, and what it would see."""
    found = run.inspection
    if found is None:
        return ""
    config = "; ".join(escaped(change) for change in found.config)
    lines = [
        f"- `.ci.yaml`: {config}" if found.config else "- `.ci.yaml`: left as it is",
        f"- files that the steps seem to run: {_listed(found.files)}",
        f"- secrets that the steps would see: {_listed(found.secrets)}",
    ]
    count = "1 file" if found.changed == 1 else f"{found.changed} files"
    return "\n".join([f"What it changes ({count} in all):", "", *lines])


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMES
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(code(name) for name in names[:MOST_NAMES]) + more if names else "none"


def _take_over(run: Run) -> str:
    """Names the sha, so that what is pushed is what was read, whatever came after it."""
    number = run.pull or 0
    sha = one_line(run.sha)
    fetch = f"git fetch origin {manners_of(run.repo.forge).pull_ref.format(number=number)}"
    return f"{fetch}\ngit push origin {sha}:refs/heads/test-pull-{number}"


def problem_list(run: Run, most: int) -> str:
    """The first problems of a broken configuration as a Markdown list, and how many more there are."""
    lines = [_problem(problem) for problem in run.problems[:most]]
    rest = len(run.problems) - most
    return "\n".join(lines + ([f"- and {rest} more"] if rest > 0 else []))


def _problem(problem: Problem) -> str:
    where = f"line {problem.line}, column {problem.column}"
    path = f", {code(problem.path)}" if problem.path else ""
    hint = f"; {escaped(problem.hint)}" if problem.hint else ""
    return f"- {code(problem.file)} {where}{path}: {escaped(problem.message)}{hint}"


def heading(run: Run) -> str:
    """What a run is for, where several stand under one another."""
    match run.kind:
        case RunKind.PULL_REQUEST:
            pull = manners_of(run.repo.forge).pull.capitalize()
            return f"**{pull} {run.pull} into {code(run.base_ref)}**"
        case RunKind.MERGE_GROUP:
            return f"**Merge queue for {code(run.base_ref)}**"
        case RunKind.PUSH:
            return f"**Push to {code(run.ref)}**"
        case RunKind.TAG:
            return f"**Tag {code(run.ref)}**"
        case RunKind.SCHEDULE:
            return f"**Schedule on {code(run.ref)}**"
        case RunKind.MANUAL:
            return f"**Started by hand on {code(run.ref)}**"
