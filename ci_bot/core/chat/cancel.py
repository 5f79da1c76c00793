"""`/cancel [job…]`: what runs on the current head is ended, or these jobs are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ci_bot.core import asking
from ci_bot.core.chat.asked import Asked, keys_of, refused, taken, unknown_jobs
from ci_bot.core.decisions import Decision
from ci_bot.core.markdown import code
from ci_bot.core.model import Run

NAME: Final = "cancel"
USAGE: Final = "cancel [job…]"
SUMMARY: Final = "end what is running on the current head, or these jobs"


def decide(args: Sequence[str], asked: Asked) -> Decision:
    """Also what was started by hand; what a cancelled job was needed for is skipped."""
    wrong = unknown_jobs(args, keys_of(asked.runs))
    if wrong:
        return refused(asked, "no such job", wrong, NAME)
    runs = [run for run in asked.runs if _is_running(run, args)]
    if not runs:
        what = ", ".join(code(name) for name in args) or "Nothing"
        text = f"{what} is {'not ' if args else ''}running on {code(asked.sha[:7])}."
        return refused(asked, "nothing to cancel", text, NAME)
    decision = asking.cancel(asked.repo, asked.sha, runs, asked.person, args)
    return taken(asked, decision, *(run.key for run in runs), ends=True)


def _is_running(run: Run, keys: Sequence[str]) -> bool:
    return any(not job.status.is_final for job in run.jobs if not keys or job.is_named(keys))
