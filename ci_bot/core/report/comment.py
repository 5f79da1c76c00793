"""All runs of one pull request → its sticky comment: what needs a person, kept true from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ci_bot.core.gate import CheckState, Conclusion, GateState, judge, newest_head
from ci_bot.core.manners import manners_of
from ci_bot.core.markdown import code, document, escaped, fenced, link
from ci_bot.core.model import JobRun, LogRef, Run, Verdict
from ci_bot.core.report.advice import next_step, problem_list
from ci_bot.core.report.aggregate import Link, where_it_failed
from ci_bot.core.report.extras import test_blocks
from ci_bot.core.report.headline import headline
from ci_bot.core.report.tail import tail
from ci_bot.core.report.values import CommentReport
from ci_bot.core.states import Status
from ci_bot.core.words import JOB_WORDS, failed_step, has_failed

PASSED = "All green again"
RUNNING = "Being tested; the result will stand here."
STILL_RUNNING = "Failing already; other jobs are still running."
MAX_PROBLEMS: Final = 10
ALL_PROBLEMS: Final = 100  # where no check shows them
MAX_JOBS: Final = 10
MAX_DETAILS: Final = 5  # jobs of which more than the name is shown, where no check does
TAIL_LINES: Final = 15
TAIL_LIMIT: Final = 4000

_ICON: Final[Mapping[Conclusion, str]] = {
    Conclusion.SUCCESS: "✅",
    Conclusion.FAILURE: "❌",
    Conclusion.TIMED_OUT: "⏱️",
    Conclusion.CANCELLED: "🚫",
    Conclusion.ACTION_REQUIRED: "⏳",
}


def comment(
    runs: Sequence[Run],
    tails: Mapping[LogRef, bytes],
    link: Link,
    known: bool,
    prefix: str = "",
) -> CommentReport | None:
    """None while nobody needs to read it. `known`: it is there already, so it must say what is true.

    While jobs run it changes only when another one fails.
    """
    runs = [run for run in runs if run.kind.is_gating]  # what was started by hand has checks of its own
    if not runs:
        return None
    gate = judge(newest_head(runs))
    if not known and not _needs_a_person(gate) and not _may_stand_alone(gate):
        return None
    marker = marker_of(gate.runs[-1])
    head = _verdict(gate, again=known)
    return CommentReport(marker, document([marker, *_blocks(gate, head, tails, link, prefix)]))


def marker_of(run: Run) -> str:
    """Hidden, and the same for every run of a pull request."""
    return f"<!-- ci-bot:pull:{run.repo.key}:{run.pull} -->"


def _needs_a_person(gate: GateState) -> bool:
    if gate.is_superseded:
        return False
    if gate.conclusion in (Conclusion.FAILURE, Conclusion.TIMED_OUT):
        return True
    return bool(_failed(gate)) or any(run.verdict is Verdict.HELD for run in gate.runs)


def _may_stand_alone(gate: GateState) -> bool:
    """Of a fork's head a forge without checks may show nothing but this."""
    if gate.is_superseded or gate.conclusion is None:
        return False
    return any(
        run.plan is not None and run.plan.facts is not None and run.plan.facts.fork
        for run in gate.runs
        if not manners_of(run.repo.forge).has_checks
    )


def _failed(gate: GateState) -> list[tuple[Run, JobRun]]:
    return [(run, job) for run in gate.runs for job in run.jobs if has_failed(job)]


def _blocks(
    gate: GateState, head: str, tails: Mapping[LogRef, bytes], link_to: Link, prefix: str
) -> Iterator[str]:
    has_checks = manners_of(gate.runs[-1].repo.forge).has_checks
    yield f"{head} · {code(gate.runs[-1].sha[:7])}"
    for run in gate.runs:
        if run.problems:
            yield problem_list(run, MAX_PROBLEMS if has_checks else ALL_PROBLEMS)
    if not gate.is_superseded:
        failed = _failed(gate)
        yield _job_list(failed, link_to)
        if has_checks:
            yield from next(_details(failed, tails, link_to), ())
        else:
            yield from _all_details(failed, tails, link_to)
    yield next_step(gate, prefix)


def _verdict(gate: GateState, *, again: bool) -> str:
    if gate.state is not CheckState.COMPLETED or gate.conclusion is None:
        return f"**❌ {STILL_RUNNING}**" if _failed(gate) else f"**⏳ {RUNNING}**"
    line = escaped(headline(gate))
    if gate.conclusion is Conclusion.SUCCESS and any(run.jobs for run in gate.runs):
        return f"**✅ {PASSED}:** {line}" if again else f"**✅ {line}**"
    return f"**{_icon(gate, gate.conclusion)} {line}**"


def _icon(gate: GateState, conclusion: Conclusion) -> str:
    on_request = conclusion is Conclusion.ACTION_REQUIRED and not any(
        run.verdict is Verdict.HELD for run in gate.runs
    )
    return "⏭️" if on_request else _ICON[conclusion]


def _job_list(failed: Sequence[tuple[Run, JobRun]], link_to: Link) -> str:
    lines = [
        f"- {link(code(job.name), link_to(run.id, job.id))} {_how(job)}"
        for run, job in failed[:MAX_JOBS]
    ]
    rest = len(failed) - MAX_JOBS
    return "\n".join(lines + ([f"- and {rest} more"] if rest > 0 else []))


def _how(job: JobRun) -> str:
    word = JOB_WORDS[job.status]
    blame = ", not yours" if job.status is Status.BROKEN else ""
    where = where_it_failed(job)
    return f"{word}{blame}" + (f": {where}" if where else "")


def _details(
    failed: Sequence[tuple[Run, JobRun]], tails: Mapping[LogRef, bytes], link_to: Link
) -> Iterator[tuple[str, str]]:
    """Of each job whose failed step said anything: what it said last."""
    for run, job in failed:
        step = failed_step(job)
        data = tails.get(LogRef(job.id, step.index), b"") if step else b""
        if step and data:
            end = tail(data, step.log_bytes, TAIL_LINES, TAIL_LIMIT)
            url = link_to(run.id, job.id)
            yield f"{code(job.name)} said last ({link('the whole log', url)}):", fenced(end.text)


def _all_details(
    failed: Sequence[tuple[Run, JobRun]], tails: Mapping[LogRef, bytes], link_to: Link
) -> Iterator[str]:
    """What else would stand in each job's own check."""
    for run, job in failed[:MAX_DETAILS]:
        yield from test_blocks(job)
        for said in _details([(run, job)], tails, link_to):
            yield from said
