"""`${{ branch }}` in the groups of a plan → the groups of one branch."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ci_bot.core.inputs import OPENING, PLACEHOLDER
from ci_bot.core.planned import Concurrency, Plan

BRANCH: Final = "branch"


def on_branch(plan: Plan, branch: str) -> Plan:
    """The plan with its groups as they are called on this branch; "" for a tag."""
    jobs = tuple(
        replace(job, concurrency=_named(job.concurrency, branch)) if job.concurrency else job
        for job in plan.jobs
    )
    whole = plan.concurrency and _named(plan.concurrency, branch)
    return replace(plan, jobs=jobs, concurrency=whole)


def _named(concurrency: Concurrency, branch: str) -> Concurrency:
    if OPENING not in concurrency.group:
        return concurrency

    def value(found: re.Match[str]) -> str:
        return branch if found[1].strip() == BRANCH else found[0]

    return replace(concurrency, group=PLACEHOLDER.sub(value, concurrency.group))
