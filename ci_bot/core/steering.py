"""What the holder of a token asks of one run, to a Decision; and why it cannot be had, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from ci_bot.core import asking
from ci_bot.core.decisions import Decision
from ci_bot.core.events import Ask, RunSteered
from ci_bot.core.graph import retried
from ci_bot.core.model import JobRun, Run
from ci_bot.core.tokens import ApiToken, refusal_of_token

NAMED: Final = 3  # unknown jobs that are named; whoever asks can make them many and long
MOST_KNOWN: Final = 30
NO_RUN: Final = "the run is gone, or the token may not see it any more"
NO_APPROVAL: Final = "it waits for approval, and no token can give that: somebody with write access approves it on the forge"


def request_id(token: str, key: str) -> str:
    """Of what a token asks with an Idempotency-Key: always the same, and nobody else's."""
    return hashlib.sha256(f"{token}\n{key}".encode()).hexdigest()[:32]


def is_the_same(one: RunSteered, other: RunSteered) -> bool:
    """Whether the same is asked, whatever the repository is called meanwhile."""
    return _what(one) == _what(other)


def _what(event: RunSteered) -> tuple[object, ...]:
    return event.run, event.ask, event.jobs, event.whole, event.token


def unknown_jobs(run: Run, keys: Sequence[str]) -> str:
    """Names those that the run does not have, with those that it has; "" if it has all."""
    known = tuple(dict.fromkeys([*(job.family for job in run.jobs), *(job.key for job in run.jobs)]))
    wrong = [key for key in keys if key not in known]
    if not wrong:
        return ""
    named = ", ".join(f'"{key}"' for key in wrong[:NAMED])
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return f"run {run.id} has no job {named}{more}; its jobs: {_listed(known)}"


def _listed(known: Sequence[str]) -> str:
    rest = len(known) - MOST_KNOWN
    return (", ".join(known[:MOST_KNOWN]) or "none") + (f" and {rest} more" if rest > 0 else "")


def refusal(run: Run, ask: Ask, keys: Sequence[str], *, whole: bool) -> str:
    """Why there is nothing to do as the run stands, "" where there is. `keys` () means all jobs."""
    if ask is Ask.CANCEL:
        return _nothing_to_cancel(run, keys)
    if run.superseded:
        return f"it does not count any more: {run.reason or 'superseded'}; retry the newer run"
    if not run.ruling.may_start:
        return NO_APPROVAL
    if not run.jobs:
        return f"no job of it was started ({run.verdict})"
    return _nothing_to_retry(run, keys, whole=whole)


def _nothing_to_cancel(run: Run, keys: Sequence[str]) -> str:
    going = [job for job in _chosen(run, keys) if not job.status.is_final]
    return "" if going else "nothing of that is running"


def _nothing_to_retry(run: Run, keys: Sequence[str], *, whole: bool) -> str:
    chosen = _chosen(run, keys)
    if not keys and not whole and not any(job.status.is_bad for job in chosen):
        if all(job.status.is_final for job in chosen):
            return "nothing of it failed; name the jobs that are to run again, or ask for all"
        return "nothing of it has failed so far, and jobs are still running"
    if retried(run.jobs, keys, whole=whole):
        return ""
    return "that is still running; cancel it first"


def _chosen(run: Run, keys: Sequence[str]) -> list[JobRun]:
    return [job for job in run.jobs if not keys or job.is_named(keys)]


def decide_steering(event: RunSteered, token: ApiToken | None, run: Run | None, now: float) -> Decision:
    """The token is looked at again: what was revoked meanwhile moves nothing any more.

    A retry keeps the trust of the run's first attempt, whoever asks for it.
    """
    if token is None or refusal_of_token(token, now):
        return Decision(f"{event.actor.login} is not valid any more")
    if run is None or not token.sees(run.repo.key):
        return Decision(NO_RUN)
    person = token.vouched
    if not person.may_write:
        return Decision(f"{asking.who(person)} may read, and not {event.ask}")
    refused = unknown_jobs(run, event.jobs) or refusal(run, event.ask, event.jobs, whole=event.whole)
    if refused:
        return Decision(refused)
    if event.ask is Ask.CANCEL:
        return asking.cancel(run.repo, run.sha, [run], person, event.jobs)
    return asking.retry(run.repo, run.sha, [run], person, event.jobs, whole=event.whole)
