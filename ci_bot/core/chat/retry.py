"""`/retry [job…]`: what failed on the current head runs again, or these jobs do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ci_bot.core import asking
from ci_bot.core.chat.asked import Asked, keys_of, refused, taken, unknown_jobs, usage
from ci_bot.core.decisions import Decision, SeeRepo
from ci_bot.core.graph import retried
from ci_bot.core.markdown import code
from ci_bot.core.model import Run, Verdict

NAME: Final = "retry"
USAGE: Final = "retry [job…]"
SUMMARY: Final = "run again what failed on the current head and what depends on it, or these jobs"


def decide(args: Sequence[str], asked: Asked) -> Decision:
    """A head without a run gets one; what passed is not run again unless it is named."""
    if not asked.gating:
        return _start(asked)
    if any(not run.ruling.may_start for run in asked.gating):
        return refused(asked, "waits for approval", approve_first(asked), NAME)
    known = keys_of(asked.gating)
    wrong = unknown_jobs(args, known)
    if wrong:
        return refused(asked, "no such job", wrong, NAME)
    runs = [run for run in asked.gating if _has_to_retry(run, args)]
    if not runs:
        return refused(asked, "nothing to retry", _nothing(args, asked), NAME)
    decision = asking.retry(asked.repo, asked.sha, runs, asked.person, args)
    return taken(asked, decision, *(run.key for run in runs))


def _has_to_retry(run: Run, keys: Sequence[str]) -> bool:
    if keys:
        return bool(retried(run.jobs, keys))
    return any(job.status.is_bad for job in run.jobs)


def _start(asked: Asked) -> Decision:
    """Nothing is known of this head: its event was lost, or is still on its way."""
    if asked.planned is None:
        text = (
            f"Neither {code(asked.sha[:7])} nor its base has a `.ci.yaml`, so there is nothing to run."
        )
        return refused(asked, "no configuration", text, NAME)
    if asked.planned.verdict is Verdict.HELD:
        held = refused(asked, "waits for approval", approve_first(asked), NAME)
        return replace(held, create=(asked.planned,), withdraw=asked.withdraw)
    started = Decision(
        f"{asking.who(asked.person)} starts {asked.sha[:7]}",
        create=(asked.planned,),
        withdraw=asked.withdraw,
        audit=(asking.audit("retry", asked.person, asked.repo, asked.sha, detail="a new run"),),
        repos=(SeeRepo(asked.repo),),
    )
    return taken(asked, started, asked.planned.key)


def approve_first(asked: Asked) -> str:
    line = usage(asked.prefix, f"approve {asked.sha}")
    return (
        f"{code(asked.sha[:7])} waits for approval. Read the change; then, to let exactly this commit "
        f"run:\n\n```\n{line}\n```"
    )


def _nothing(args: Sequence[str], asked: Asked) -> str:
    sha = code(asked.sha[:7])
    if args:
        return f"{', '.join(code(name) for name in args)} is still running on {sha}."
    jobs = [job for run in asked.gating for job in run.jobs]
    if not jobs:
        return f"No job was started on {sha}; `{usage(asked.prefix, 'why')}` says why."
    if any(not job.status.is_final for job in jobs):
        return f"Nothing has failed on {sha} so far; some jobs are still running."
    again = usage(asked.prefix, f"retry {jobs[-1].key}")
    return f"Nothing has failed on {sha}. To run a job again, name it: {code(again)}"
