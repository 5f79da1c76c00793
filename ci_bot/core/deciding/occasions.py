"""A run to be judged, and what is known about its head → the Occasion that its pipeline is planned for."""

from __future__ import annotations

from ci_bot.core.deciding.head import Head
from ci_bot.core.decisions import NewRun
from ci_bot.core.model import RunKind
from ci_bot.core.occasion import Facts, Occasion


def occasion(new: NewRun, head: Head) -> Occasion:
    pull, is_tag = head.pull, new.kind is RunKind.TAG
    facts = Facts(
        event=new.kind,
        branch="" if is_tag else new.ref.removeprefix("refs/heads/"),
        base=new.base_ref if new.kind in (RunKind.PULL_REQUEST, RunKind.MERGE_GROUP) else "",
        tag=new.ref if is_tag else "",
        repo=new.repo.name,
        actor=new.actor.login,
        draft=pull is not None and pull.is_draft,
        fork=pull is not None and pull.is_from_fork(new.repo),
        labels=pull.labels if pull else (),
    )
    return Occasion(facts, head.changed, new.repo.default_branch)
