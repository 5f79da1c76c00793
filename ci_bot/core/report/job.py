"""One attempt of a job and the ends of its failed steps' logs → the job's own check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_bot.core.events import Button
from ci_bot.core.gate import CheckState, Conclusion
from ci_bot.core.markdown import clip, code, document, escaped, fenced, link, table, title
from ci_bot.core.model import JobRun, LogRef, StepRun
from ci_bot.core.report.annotations import MAX_ANNOTATIONS, step_annotations
from ci_bot.core.report.extras import extra_blocks, remarks_of_tests
from ci_bot.core.report.tail import tail
from ci_bot.core.report.values import Action, CheckReport
from ci_bot.core.states import Status
from ci_bot.core.words import (
    JOB_WORDS,
    attempt_words,
    breaks,
    count,
    cpu_words,
    elapsed,
    failed_step,
    has_failed,
    labelled,
    memory_words,
    reason_of,
    size,
    step_word,
    times,
    why_cancelled,
)

INFRASTRUCTURE = "Infrastructure failure, not yours"
NEXT = "**Next:** press **Re-run**. If it comes back, tell the people who run ci-bot."
RETRY: Final = Action("Re-run job", "And the jobs that need it", Button.RETRY_ALL)
REASON_LIMIT: Final = 500  # characters of why an earlier attempt failed
TAIL_LINES: Final = 50
TAIL_LIMIT: Final = 12_000  # bytes of Markdown for one step

_CONCLUSION: Final[Mapping[Status, Conclusion]] = {
    Status.SUCCEEDED: Conclusion.SUCCESS,
    Status.FAILED: Conclusion.FAILURE,
    Status.BROKEN: Conclusion.FAILURE,
    Status.TIMED_OUT: Conclusion.TIMED_OUT,
    Status.CANCELLED: Conclusion.CANCELLED,
    Status.SKIPPED: Conclusion.SKIPPED,
}


def job_check(
    name: str, job: JobRun, file: str, tails: Mapping[LogRef, bytes], url: str, note: str = ""
) -> CheckReport:
    """`file` is where the job was read from, `url` leads to its log. While the job runs, nothing in its check changes."""
    return CheckReport(
        name=name,
        state=_state(job.status),
        conclusion=_CONCLUSION.get(job.status),
        title=title(_title(job)),
        summary=document([*_summary(job, url), note]),
        text=document(_tail(job, step, tails, url) for step in job.steps),
        details_url=url,
        annotations=(*step_annotations(job, file), *remarks_of_tests(job))[:MAX_ANNOTATIONS],
        actions=(RETRY,) if job.status.is_final else (),
        started_at=job.started_at,
        finished_at=job.finished_at if job.status.is_final else None,
        coverage=_coverage(job),
    )


def _state(status: Status) -> CheckState:
    if status.is_final:
        return CheckState.COMPLETED
    return CheckState.IN_PROGRESS if status is Status.RUNNING else CheckState.QUEUED


def _coverage(job: JobRun) -> float | None:
    """Of an attempt that has ended: what is noted before may still be taken anew."""
    if not job.status.is_final or job.extras.coverage is None:
        return None
    return job.extras.coverage.percent


def _title(job: JobRun) -> str:
    again = "" if job.status is Status.BROKEN else attempt_words(job)  # which says it before its reason
    return ", ".join(filter(None, [_how_it_stands(job), again]))


def _how_it_stands(job: JobRun) -> str:
    match job.status:
        case Status.WAITING | Status.READY:
            return labelled("Queued", job.waits)
        case Status.RUNNING:
            return "Running"
        case Status.SUCCEEDED:
            return f"Passed in {elapsed(job)}" if elapsed(job) else "Passed"
        case Status.SKIPPED:
            return labelled("Skipped", job.reason)
        case Status.CANCELLED:
            return labelled("Cancelled", why_cancelled(job))
        case Status.FAILED:
            return _where("Failed", job)
        case Status.TIMED_OUT:
            return _where("Timed out", job)
        case Status.BROKEN:
            again = f"tried again {times(breaks(job))}" if breaks(job) else attempt_words(job)
            return labelled(", ".join(filter(None, [INFRASTRUCTURE, again])), job.reason)


def _where(label: str, job: JobRun) -> str:
    step = failed_step(job)
    if step is None:
        return labelled(label, job.reason)
    reason = reason_of(step)
    why = f": {reason}" if "(" in reason else f" ({reason})" if reason else ""
    # The step's name is foreign and of any length: the reason must stay in sight.
    return f"{label} in step {step.index + 1} of {len(job.steps)}: {title(step.name, 120)}{why}"


def _summary(job: JobRun, url: str) -> list[str]:
    if not job.status.is_final:
        return [f"{count(len(job.steps), 'step')}; {link('follow the log', url)}.", _earlier(job)]
    blocks = [_steps(job), _earlier(job), *extra_blocks(job, url), link("The whole log", url)]
    if job.status is Status.BROKEN:
        why = f": {escaped(job.reason)}" if job.reason else ""
        blocks.insert(0, f"This commit is not to blame{why}.\n\n{NEXT}")
    return blocks


def _earlier(job: JobRun) -> str:
    """Why it was tried again without anybody asking: the log page shows those attempts whole."""
    if not job.earlier:
        return ""
    cells = [
        (str(each.attempt), JOB_WORDS[each.status], escaped(clip(each.reason, REASON_LIMIT)))
        for each in job.earlier
    ]
    return "**Earlier attempts**\n\n" + table(("Attempt", "Result", "Details"), cells)


def _steps(job: JobRun) -> str:
    """What was used stands there where any step says: not of steps that were killed, nor on every kernel."""
    used = {
        "Peak memory": [memory_words(step.usage) for step in job.steps],
        "CPU": [cpu_words(step.usage) for step in job.steps],
    }
    columns = {
        "#": [str(step.index + 1) for step in job.steps],
        "Step": [code(step.name) for step in job.steps],
        "Result": [step_word(step) for step in job.steps],
        "Time": [elapsed(step) for step in job.steps],
        **{name: cells for name, cells in used.items() if any(cells)},
        "Details": [escaped(reason_of(step)) for step in job.steps],
    }
    return table(tuple(columns), list(zip(*columns.values(), strict=True)))


def _tail(job: JobRun, step: StepRun, tails: Mapping[LogRef, bytes], url: str) -> str:
    """What a failed step said last; "" for a step that did not fail."""
    if not has_failed(step):
        return ""
    why = f": {escaped(step.reason)}" if step.reason else ""
    tolerated = " (tolerated)" if step.tolerated else ""
    caption = f"**Step {step.index + 1}, {code(step.name)}**{tolerated}{why}"
    data = tails.get(LogRef(job.id, step.index), b"")
    if not data:
        return caption
    end = tail(data, step.log_bytes, TAIL_LINES, TAIL_LIMIT)
    rest = (
        f"The last {count(end.lines, 'line')} of {size(step.log_bytes)}; {link('the whole log', url)}."
    )
    return "\n\n".join([caption, fenced(end.text), *([] if end.is_whole else [rest])])
