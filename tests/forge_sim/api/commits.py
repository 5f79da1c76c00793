"""Endpoints of commits, comparisons, contents, branches and refs."""

from __future__ import annotations

import base64

from ..errors import ApiError, not_found
from ..exchange import Call, Reply, Route
from ..git import EMPTY_TREE, GitError
from ..gitobjects import Commit
from ..shapes import commits as shapes
from ..shapes import repos as repo_shapes
from ..state import Account, Json

_MOST_FILES = 300
_MOST_CONTENT = 1024 * 1024


async def commit_of(call: Call, ref: str) -> Commit:
    """A commit by branch, tag, full or partial ref, or sha; raises 422 as GitHub does."""
    for spec in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}"):
        found = await call.sim.git.commit(call.repo.id, spec)
        if found is not None:
            return found
    raise ApiError(422, f"No commit found for SHA: {ref}", [])


async def resolve(call: Call) -> str:
    """The sha of the path's ``{ref}``."""
    return (await commit_of(call, call.args["ref"])).sha


def author_of(call: Call, commit: Commit) -> Account | None:
    """The account behind the commit's address: a claim of the commit, not an identity."""
    login = commit.author.email.split("@")[0].split("+")[-1]
    return call.sim.world.account(login)


def shape_of(call: Call, commit: Commit) -> Json:
    return shapes.commit(call.sim.urls, call.repo, commit, author_of(call, commit))


async def get_commit(call: Call) -> Reply:
    commit = await commit_of(call, call.args["ref"])
    accept = call.request.headers.get("Accept", "")
    if "application/vnd.github.sha" in accept:
        return Reply(raw=commit.sha.encode(), media="application/vnd.github.sha")
    parent = commit.parents[0] if commit.parents else EMPTY_TREE
    files = await call.sim.git.diff(call.repo.id, parent, commit.sha)
    entries = [shapes.diff_entry(call.sim.urls, call.repo, commit.sha, f) for f in files]
    return Reply(body=shapes.with_files(shape_of(call, commit), entries[:_MOST_FILES]))


async def list_commits(call: Call) -> Reply:
    start = await commit_of(call, call.query.get("sha", call.repo.default_branch))
    shas = await call.sim.git.list_commits(call.repo.id, start.sha, limit=1000)
    items, headers = call.page(shas)
    return Reply(body=[shape_of(call, await commit_of(call, s)) for s in items], headers=headers)


async def compare(call: Call) -> Reply:
    """``base...head``: what head has that the merge base has not; all files are on the first page.

    https://docs.github.com/rest/commits/commits#compare-two-commits
    """
    left, dots, right = call.args["basehead"].partition("...")
    if not dots:
        raise not_found()
    try:
        base = await commit_of(call, left.split(":")[-1])
        head = await commit_of(call, right.split(":")[-1])
    except ApiError as error:
        raise not_found() from error
    git, repo = call.sim.git, call.repo.id
    start = await git.merge_base(repo, base.sha, head.sha)
    if start is None:
        raise ApiError(404, f"No common ancestor between {left} and {right}.")
    ahead = await git.list_commits(repo, head.sha, f"^{base.sha}", limit=5000)
    behind = await git.list_commits(repo, base.sha, f"^{head.sha}", limit=5000)
    page = f"{repo_shapes.web_url(call.sim.urls, call.repo)}/compare/{left}...{right}"
    files = await git.diff(repo, start, head.sha)
    shown = [shapes.diff_entry(call.sim.urls, call.repo, head.sha, f) for f in files]
    listed = list(reversed(ahead[:250]))
    is_paged = bool({"page", "per_page"} & call.query.keys())
    commits, headers = call.page(list(reversed(ahead))) if is_paged else (listed, {})
    body = {
        "url": f"{repo_shapes.api_url(call.sim.urls, call.repo)}/compare/{left}...{right}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": shape_of(call, base),
        "merge_base_commit": shape_of(call, await commit_of(call, start)),
        "status": _comparison(len(ahead), len(behind)),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [shape_of(call, await commit_of(call, s)) for s in commits],
        "files": shown[:_MOST_FILES] if call.query.get("page", "1") == "1" else [],
    }
    return Reply(body=body, headers=headers)


def _comparison(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"


async def get_contents(call: Call) -> Reply:
    """A file as JSON or raw, or a directory's entries."""
    path = call.args["path"].strip("/")
    ref = call.query.get("ref", call.repo.default_branch)
    try:
        commit = await commit_of(call, ref)
    except ApiError as error:
        raise ApiError(404, f"No commit found for the ref {ref}") from error
    found = await call.sim.git.read(call.repo.id, f"{commit.sha}:{path}")
    if found is None:
        raise not_found()
    sha, kind, data = found
    if kind == "tree":
        entries = await call.sim.git.tree(call.repo.id, sha) or []
        urls, repo = call.sim.urls, call.repo
        return Reply(body=[shapes.directory_entry(urls, repo, path, ref, e) for e in entries])
    if "raw" in call.request.headers.get("Accept", ""):
        return Reply(raw=data, media="application/vnd.github.raw+json")
    return Reply(body=_file(call, path, ref, sha, data))


def _file(call: Call, path: str, ref: str, sha: str, data: bytes) -> Json:
    """Beyond 1 MB the content is left out: only the raw media type has it."""
    large = len(data) > _MOST_CONTENT
    return {
        "type": "file",
        "encoding": "none" if large else "base64",
        "size": len(data),
        "name": path.rpartition("/")[2],
        "path": path,
        "content": "" if large else base64.encodebytes(data).decode(),
        "sha": sha,
        **shapes.content_links(call.sim.urls, call.repo, path, ref, sha, "file"),
    }


async def list_branches(call: Call) -> Reply:
    prefix = "refs/heads/"
    heads = [(r.removeprefix(prefix), s) for r, s in call.repo.refs.items() if r.startswith(prefix)]
    items, headers = call.page(sorted(heads))
    urls, repo = call.sim.urls, call.repo
    body = [repo_shapes.short_branch(urls, repo, name, sha) for name, sha in items]
    return Reply(body=body, headers=headers)


async def get_branch(call: Call) -> Reply:
    name = call.args["branch"]
    sha = call.repo.head_of(name)
    if sha is None:
        raise ApiError(404, "Branch not found")
    shape = shape_of(call, await commit_of(call, sha))
    return Reply(body=repo_shapes.branch(call.sim.urls, call.repo, name, shape))


async def get_ref(call: Call) -> Reply:
    ref = f"refs/{call.args['ref']}"
    try:
        found = await call.sim.git.read(call.repo.id, ref)
    except GitError as error:
        raise not_found() from error
    if found is None:
        raise not_found()
    return Reply(body=repo_shapes.git_ref(call.sim.urls, call.repo, ref, found[0], found[1]))


_REPO = "/repos/{owner}/{repo}"
_READ = (("contents", "read"),)
ROUTES = (
    Route("GET", f"{_REPO}/commits", list_commits, _READ),
    Route("GET", f"{_REPO}/commits/{{ref}}", get_commit, _READ),
    Route("GET", f"{_REPO}/compare/{{basehead}}", compare, _READ),
    Route("GET", f"{_REPO}/contents/{{path}}", get_contents, _READ),
    Route("GET", f"{_REPO}/branches", list_branches, _READ),
    Route("GET", f"{_REPO}/branches/{{branch}}", get_branch, _READ),
    Route("GET", f"{_REPO}/git/ref/{{ref}}", get_ref, _READ),
)
