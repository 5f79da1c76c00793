"""The file of the default branch → the schedules that a repository has from now on."""

from __future__ import annotations

from dataclasses import replace

from ci_bot.core.decisions import Decision, SetSchedules
from ci_bot.core.events import Actor, Repo
from ci_bot.core.pipeline import Reading


def declared(repo: Repo, sha: str, actor: Actor, reading: Reading | None) -> SetSchedules:
    """What the file of the default branch says, now that `actor` brought `sha` there."""
    if reading is None:
        return SetSchedules(repo.key, sha, actor, ())
    if reading.pipeline is None:
        file = reading.problems[0].file if reading.problems else ".ci.yaml"
        return SetSchedules(repo.key, sha, actor, None, f"{file} is broken at {sha[:7]}")
    return SetSchedules(repo.key, sha, actor, reading.pipeline.schedules)


def as_found(repo: Repo, sha: str, actor: Actor, reading: Reading | None) -> Decision:
    """Without a push: first sight, or another default branch. That starts nothing by itself."""
    found = replace(declared(repo, sha, actor, reading), default_branch=repo.default_branch)
    count = "no" if not found.schedules else str(len(found.schedules))
    return Decision(f"{count} schedules at {sha[:7]}", schedules=(found,))
