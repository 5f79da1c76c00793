"""Comments on pull requests: written, edited, deleted, reacted to; and their events."""

from __future__ import annotations

import time

from . import rules
from .access import Caller
from .errors import ApiError
from .shapes.pulls import REACTIONS, issue
from .shapes.pulls import comment as comment_shape
from .sim import Sim
from .state import Account, Comment, Json, Pull, Reaction, Repo


def write(sim: Sim, pull: Pull, caller: Caller, body: Json) -> Comment:
    rules.comment_body(body)
    app = caller.app if caller.token is not None else None
    comment = Comment(sim.world.next_id("comment"), pull.number, caller.account, body["body"], app)
    pull.base.comments[comment.id] = comment
    pull.updated_at = time.time()
    _tell(sim, pull.base, comment, "created", caller.account)
    return comment


def edit(sim: Sim, repo: Repo, comment: Comment, by: Account, body: Json) -> None:
    rules.comment_body(body)
    old, comment.body = comment.body, body["body"]
    comment.updated_at = time.time()
    if old != comment.body:
        _tell(sim, repo, comment, "edited", by, changes={"body": {"from": old}})


def delete(sim: Sim, repo: Repo, comment: Comment, by: Account) -> None:
    del repo.comments[comment.id]
    _tell(sim, repo, comment, "deleted", by)


def _tell(sim: Sim, repo: Repo, comment: Comment, action: str, by: Account, **more: Json) -> None:
    payload = {
        "action": action,
        "issue": issue(sim.urls, sim.world, repo.pulls[comment.number]),
        "comment": comment_shape(sim.urls, sim.world, repo, comment),
        **more,
    }
    sim.emit("issue_comment", repo, by, payload)


def react(sim: Sim, comment: Comment, by: Account, content: object) -> tuple[Reaction, bool]:
    """The reaction and whether it is new; 200 instead of 201 says that it was already there."""
    if content not in REACTIONS:
        raise ApiError(422, "Validation Failed: content is not a reaction", [])
    for old in comment.reactions:
        if old.user is by and old.content == content:
            return old, False
    made = Reaction(sim.world.next_id("reaction"), by, str(content))
    comment.reactions.append(made)
    return made, True
