"""Endpoints of pull requests: https://docs.github.com/en/rest/pulls/pulls."""

from __future__ import annotations

from .. import pulling, queueing
from ..access import Caller
from ..errors import ApiError, forbidden, invalid, not_found
from ..exchange import Call, Reply, Route
from ..shapes import pulls as shapes
from ..shapes.commits import diff_entry
from ..state import RANK, Pull, Repo


def pull_of(call: Call) -> Pull:
    found = call.repo.pulls.get(call.number("pull_number"))
    if found is None:
        raise not_found()
    return found


async def _full(call: Call, pull: Pull, status: int = 200) -> Reply:
    facts = await pulling.facts(call.sim, pull)
    shape = shapes.full_pull(call.sim.urls, call.sim.world, pull, facts)
    return Reply(status, shape, made=pull.number if status == 201 else None)


async def list_pulls(call: Call) -> Reply:
    state = call.query.get("state", "open")
    head, base = call.query.get("head"), call.query.get("base")
    chosen = [
        pull
        for pull in call.repo.pulls.values()
        if state in ("all", pull.state)
        and head in (None, f"{pull.head_owner.login}:{pull.head_ref}")
        and base in (None, pull.base_ref)
    ]
    key = "updated_at" if call.query.get("sort") == "updated" else "number"
    descending = call.query.get("direction", "desc") == "desc"
    chosen.sort(key=lambda pull: float(getattr(pull, key)), reverse=descending)
    return _listed(call, chosen)


def _listed(call: Call, chosen: list[Pull]) -> Reply:
    items, headers = call.page(chosen)
    urls, world = call.sim.urls, call.sim.world
    return Reply(body=[shapes.simple_pull(urls, world, pull) for pull in items], headers=headers)


async def pulls_of_commit(call: Call) -> Reply:
    """Open pull requests that contain the commit; of forks too, as only this endpoint tells."""
    found = await call.sim.git.commit(call.repo.id, call.args["commit_sha"])
    if found is None:
        raise ApiError(422, f"No commit found for SHA: {call.args['commit_sha']}", [])
    sha, git = found.sha, call.sim.git
    chosen = [
        pull
        for pull in list(call.repo.pulls.values())  # more may be opened while git answers
        if pull.head_sha == sha
        or sha in await git.list_commits(call.repo.id, pull.head_sha, f"^{pull.base_sha}")
    ]
    return _listed(call, chosen)


async def get_pull(call: Call) -> Reply:
    return await _full(call, pull_of(call))


async def list_files(call: Call) -> Reply:
    """At most 3,000 files."""
    pull = pull_of(call)
    git = call.sim.git
    start = await git.merge_base(call.repo.id, pull.base_sha, pull.head_sha)
    files = await git.diff(call.repo.id, start or pull.base_sha, pull.head_sha)
    items, headers = call.page(files[:3000])
    body = [diff_entry(call.sim.urls, call.repo, pull.head_sha, f) for f in items]
    return Reply(body=body, headers=headers)


async def create_pull(call: Call) -> Reply:
    for key in ("title", "head", "base"):
        if not call.body.get(key):
            raise invalid(key, f"{key} is missing", "PullRequest")
    head = _head_repo(call)
    user = call.caller.user
    if user is not None and RANK[call.sim.world.role(user, head)] < RANK["write"]:
        raise forbidden()
    async with call.sim.lock(call.repo):
        pull = await pulling.open_pull(call.sim, call.repo, head, call.caller.account, call.body)
    return await _full(call, pull, 201)


def _head_repo(call: Call) -> Repo:
    """``owner:branch`` names a fork in the same network, by its owner."""
    owner, colon, _ = str(call.body["head"]).partition(":")
    wanted = str(call.body.get("head_repo", "")).lower()
    if not colon or owner.lower() == call.repo.owner.login.lower():
        return call.repo
    for repo in call.sim.world.repos.values():
        same = repo.network == call.repo.network and repo.owner.login.lower() == owner.lower()
        if same and wanted in ("", repo.name.lower(), repo.full_name.lower()):
            return repo
    raise invalid("head", "head repository was not found", "PullRequest")


def _may_edit(caller: Caller, call: Call, pull: Pull) -> bool:
    if caller.user is None or caller.user is pull.user:
        return True
    return RANK[call.sim.world.role(caller.user, call.repo)] >= RANK["write"]


async def update_pull(call: Call) -> Reply:
    pull, by = pull_of(call), call.caller.account
    if not _may_edit(call.caller, call, pull):
        raise forbidden()
    async with call.sim.lock(call.repo):
        pulling.edit(call.sim, pull, by, call.body)
        state = call.body.get("state")
        if state == "closed" and pull.state == "open":
            pulling.close(call.sim, pull, by)
        elif state == "open" and pull.state == "closed":
            await pulling.reopen(call.sim, pull, by)
        await queueing.look(call.sim, call.repo)
    return await _full(call, pull)


async def merge(call: Call) -> Reply:
    pull, by = pull_of(call), call.caller.account
    async with call.sim.lock(call.repo):
        sha = await pulling.merge(call.sim, pull, by, call.body)
        await queueing.settle(call.sim, call.repo, by)
    message = "Pull Request successfully merged"
    return Reply(body={"sha": sha, "merged": True, "message": message}, made=sha)


_REPO = "/repos/{owner}/{repo}"
_PULL = f"{_REPO}/pulls/{{pull_number}}"
_READ = (("pull_requests", "read"),)
_WRITE = (("pull_requests", "write"),)
ROUTES = (
    Route("GET", f"{_REPO}/pulls", list_pulls, _READ),
    Route("POST", f"{_REPO}/pulls", create_pull, _WRITE, content=True),
    Route("GET", _PULL, get_pull, _READ),
    Route("PATCH", _PULL, update_pull, _WRITE),
    Route("GET", f"{_PULL}/files", list_files, _READ),
    Route("PUT", f"{_PULL}/merge", merge, (("contents", "write"),), role="write"),
    Route("GET", f"{_REPO}/commits/{{commit_sha}}/pulls", pulls_of_commit, _READ),
)
