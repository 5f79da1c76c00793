"""Endpoints of issue comments (on pull requests) and of their reactions."""

from __future__ import annotations

from .. import commenting
from ..errors import forbidden, not_found
from ..exchange import Call, Reply, Route
from ..shapes import pulls as shapes
from ..state import RANK, Comment, Pull


def _pull(call: Call) -> Pull:
    found = call.repo.pulls.get(call.number("issue_number"))
    if found is None:
        raise not_found()
    return found


def _comment(call: Call) -> Comment:
    found = call.repo.comments.get(call.number("comment_id"))
    if found is None:
        raise not_found()
    return found


def _own(call: Call, comment: Comment) -> None:
    """An App edits its own comments; a person their own, or any with write access."""
    user = call.caller.user
    if user is None:
        if comment.user is not call.caller.account:
            raise forbidden()
    elif user is not comment.user and RANK[call.sim.world.role(user, call.repo)] < RANK["write"]:
        raise forbidden()


def _shape(call: Call, comment: Comment) -> object:
    return shapes.comment(call.sim.urls, call.sim.world, call.repo, comment)


async def list_comments(call: Call) -> Reply:
    """Oldest first."""
    number = _pull(call).number
    found = [c for c in call.repo.comments.values() if c.number == number]
    items, headers = call.page(found)
    return Reply(body=[_shape(call, one) for one in items], headers=headers)


async def list_events(call: Call) -> Reply:
    """Only moves of the head by force are recorded."""
    pull = _pull(call)
    items, headers = call.page(pull.forced)
    shown = [shapes.forced_event(call.sim.urls, call.repo, *one) for one in items]
    return Reply(body=shown, headers=headers)


async def create_comment(call: Call) -> Reply:
    comment = commenting.write(call.sim, _pull(call), call.caller, call.body)
    return Reply(201, _shape(call, comment), made=comment.id)


async def get_comment(call: Call) -> Reply:
    return Reply(body=_shape(call, _comment(call)))


async def edit_comment(call: Call) -> Reply:
    comment = _comment(call)
    _own(call, comment)
    commenting.edit(call.sim, call.repo, comment, call.caller.account, call.body)
    return Reply(body=_shape(call, comment))


async def delete_comment(call: Call) -> Reply:
    comment = _comment(call)
    _own(call, comment)
    commenting.delete(call.sim, call.repo, comment, call.caller.account)
    return Reply(204)


async def list_reactions(call: Call) -> Reply:
    wanted = call.query.get("content")
    found = [r for r in _comment(call).reactions if wanted in (None, r.content)]
    items, headers = call.page(found)
    return Reply(body=[shapes.reaction(call.sim.urls, one) for one in items], headers=headers)


async def create_reaction(call: Call) -> Reply:
    by, content = call.caller.account, call.body.get("content")
    made, new = commenting.react(call.sim, _comment(call), by, content)
    status = 201 if new else 200
    return Reply(status, shapes.reaction(call.sim.urls, made), made=made.id if new else None)


async def delete_reaction(call: Call) -> Reply:
    comment, number = _comment(call), call.number("reaction_id")
    for reaction in comment.reactions:
        if reaction.id == number:
            if reaction.user is not call.caller.account:
                raise forbidden()
            comment.reactions.remove(reaction)
            return Reply(204)
    raise not_found()


_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{issue_number}}/comments"
_COMMENT = f"{_REPO}/issues/comments/{{comment_id}}"
_REACTIONS = f"{_COMMENT}/reactions"
# On a pull request either permission will do:
# https://docs.github.com/en/rest/issues/comments ("Issues" or "Pull requests" repository permissions)
_READ = (("issues", "read"), ("pull_requests", "read"))
_WRITE = (("issues", "write"), ("pull_requests", "write"))
# Reactions to comments, those on pull requests too, are listed under issues alone:
# https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
_SEE, _REACT = (("issues", "read"),), (("issues", "write"),)
ROUTES = (
    Route("GET", _ISSUE, list_comments, _READ),
    Route("GET", f"{_REPO}/issues/{{issue_number}}/events", list_events, _READ),
    Route("POST", _ISSUE, create_comment, _WRITE, content=True),
    Route("GET", _COMMENT, get_comment, _READ),
    Route("PATCH", _COMMENT, edit_comment, _WRITE),
    Route("DELETE", _COMMENT, delete_comment, _WRITE),
    Route("GET", _REACTIONS, list_reactions, _SEE),
    Route("POST", _REACTIONS, create_reaction, _REACT),
    Route("DELETE", f"{_REACTIONS}/{{reaction_id}}", delete_reaction, _REACT),
)
