"""Files, trees, commits, comparisons, branches, tags: https://docs.gitlab.com/api/repositories/, /repository_files/, /commits/."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from pydantic import Field

from ...git import EMPTY_TREE
from ...gitobjects import Commit
from .. import owning, pipelines
from ..access import level_of, may_push
from ..errors import ApiError, bad_parameter, not_found
from ..exchange import Call, Paged, Params, Reply, Route
from ..shapes.commits import (
    BranchShape,
    Comparison,
    ProtectedBranch,
    TagShape,
    commit_detail,
    commit_shape,
    diff_shape,
    file_shape,
    tree_entry,
)
from ..shapes.common import Shape
from ..state import DEVELOPER, MAINTAINER, REPORTER, Protection


async def _resolved(call: Call, ref: str) -> Commit | None:
    """A branch, a tag, a full or short sha, or a fully named ref, in GitLab's order."""
    if not ref or ref.startswith("-") or ".." in ref:
        return None
    for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
        found = await call.sim.git.commit(call.project.id, name)
        if found is not None:
            return found
    return None


async def _commit_of(call: Call, ref: str) -> Commit:
    found = await _resolved(call, ref)
    if found is None:
        raise not_found("Commit")
    return found


def _demand_code(call: Call) -> None:
    """Guests of a private project see it without its code."""
    if call.project.visibility == "private" and level_of(call.caller.user, call.project) < REPORTER:
        raise ApiError(403, "403 Forbidden")


class AtRef(Params):
    ref: str | None = None
    lfs: bool = False


class AtThatRef(Params):
    ref: str


async def _blob(call: Call, ref: str) -> tuple[str, str, bytes]:
    """(blob id, commit id, content)."""
    _demand_code(call)
    commit = await _resolved(call, ref)
    if commit is None:
        raise not_found("Commit")
    found = await call.sim.git.read(call.project.id, f"{commit.sha}:{call.args['path']}")
    if found is None or found[1] != "blob":
        raise not_found("File")
    return found[0], commit.sha, found[2]


async def _file(call: Call) -> Reply:
    ref = call.params(AtThatRef).ref
    blob, commit, data = await _blob(call, ref)
    return Reply(body=file_shape(call.args["path"], ref, blob, commit, data))


async def _raw(call: Call) -> Reply:
    ref = call.params(AtRef).ref or "HEAD"
    blob, commit, data = await _blob(call, ref)
    path = call.args["path"]
    headers = {
        "X-Gitlab-Blob-Id": blob,
        "X-Gitlab-Commit-Id": commit,
        "X-Gitlab-File-Name": quote(path.rsplit("/", 1)[-1]),
        "X-Gitlab-File-Path": quote(path),
        "X-Gitlab-Ref": quote(ref),
        "X-Gitlab-Size": str(len(data)),
    }
    return Reply(raw=data, headers=headers, media="text/plain; charset=utf-8")


class Tree(Paged):
    path: str = ""
    ref: str | None = None
    recursive: bool = False
    pagination: str | None = None
    page_token: str | None = None


async def _tree(call: Call) -> Reply:
    _demand_code(call)
    wanted = call.params(Tree)
    commit = await _resolved(call, wanted.ref or call.project.default_branch)
    if commit is None:
        raise not_found("Tree")
    folder = wanted.path.strip("/")
    entries = await call.sim.git.tree(call.project.id, f"{commit.sha}:{folder}")
    if entries is None:
        raise not_found("invalid revision or path Tree")
    items, headers = call.page([tree_entry(folder, one) for one in entries])
    return Reply(body=list(items), headers=headers)


class Commits(Paged):
    ref_name: str | None = None
    path: str | None = None
    since: str | None = None
    until: str | None = None
    first_parent: bool = False
    all: bool = False
    with_stats: bool = False


async def _commits(call: Call) -> Reply:
    _demand_code(call)
    ref = call.params(Commits).ref_name or call.project.default_branch
    if ".." in ref:
        old, _, new = ref.partition("..")
        revs = [(await _commit_of(call, new)).sha, f"^{(await _commit_of(call, old)).sha}"]
    else:
        revs = [(await _commit_of(call, ref)).sha]
    shas = await call.sim.git.list_commits(call.project.id, *revs, limit=1000)
    items, headers = call.page(shas)
    found = [await call.sim.git.commit(call.project.id, sha) for sha in items]
    shapes = [commit_shape(call.sim.urls, call.project, one) for one in found if one is not None]
    return Reply(body=shapes, headers=headers)


class WithStats(Params):
    stats: bool = True


async def _commit(call: Call) -> Reply:
    _demand_code(call)
    one = await _commit_of(call, call.args["sha"])
    same = [p for p in call.project.pipelines.values() if p.sha == one.sha]
    newest = max(same, key=lambda p: p.id, default=None)
    status = pipelines.status_of(newest) if newest is not None else None
    return Reply(body=commit_detail(call.sim.urls, call.project, one, status))


async def _commit_diff(call: Call) -> Reply:
    _demand_code(call)
    one = await _commit_of(call, call.args["sha"])
    parent = one.parents[0] if one.parents else EMPTY_TREE
    changed = await call.sim.git.diff(call.project.id, parent, one.sha)
    items, headers = call.page(changed)
    return Reply(body=[diff_shape(each) for each in items], headers=headers)


class CommitRef(Shape):
    type: str
    name: str


class RefsOf(Paged):
    type: Literal["branch", "tag", "all"] = "all"


async def _commit_refs(call: Call) -> Reply:
    """https://docs.gitlab.com/api/commits/#list-references-a-commit-is-pushed-to."""
    one, wanted = await _commit_of(call, call.args["sha"]), call.params(RefsOf).type
    found = []
    for ref, sha in call.project.refs.items():
        kind = "tag" if ref.startswith("refs/tags/") else "branch"
        if wanted in ("all", kind) and await call.sim.git.is_ancestor(call.project.id, one.sha, sha):
            found.append(CommitRef(type=kind, name=ref.split("/", 2)[2]))
    items, headers = call.page(found)
    return Reply(body=list(items), headers=headers)


class Compare(Params):
    from_: str = Field(alias="from")
    to: str
    straight: bool = False
    from_project_id: int | None = None
    unidiff: bool = False


async def _compare(call: Call) -> Reply:
    _demand_code(call)
    wanted, git, number = call.params(Compare), call.sim.git, call.project.id
    old, new = await _resolved(call, wanted.from_), await _resolved(call, wanted.to)
    if old is None or new is None:
        raise not_found("Ref")
    start = old.sha if wanted.straight else (await git.merge_base(number, old.sha, new.sha) or old.sha)
    shas = await git.list_commits(number, new.sha, f"^{old.sha}")
    found = [await git.commit(number, sha) for sha in reversed(shas)]
    shapes = [commit_shape(call.sim.urls, call.project, one) for one in found if one is not None]
    changed = await git.diff(number, start, new.sha)
    body = Comparison(
        commit=shapes[-1] if shapes else None,
        commits=shapes,
        diffs=[diff_shape(one) for one in changed[: call.sim.limits.limits.diff_files]],
        compare_timeout=False,
        compare_same_ref=wanted.from_ == wanted.to,
        web_url=f"{call.sim.urls.project(call.project)}/-/compare/{wanted.from_}...{wanted.to}",
    )
    return Reply(body=body)


class Bases(Params):
    refs: str = Field(alias="refs[]")


async def _merge_base(call: Call) -> Reply:
    refs = call.request.query.getall("refs[]")
    if len(refs) < 2:
        raise bad_parameter("refs is missing")
    shas = [(await _commit_of(call, ref)).sha for ref in refs]
    base = await call.sim.git.merge_base(call.project.id, shas[0], shas[1])
    one = await call.sim.git.commit(call.project.id, base) if base else None
    if one is None:
        raise not_found("Merge Base")
    return Reply(body=commit_shape(call.sim.urls, call.project, one))


class Named(Paged):
    search: str | None = None
    regex: str | None = None
    order_by: str | None = None
    sort: str | None = None


async def _branch_shape(call: Call, name: str) -> BranchShape:
    sha = call.project.head_of(name)
    one = await call.sim.git.commit(call.project.id, sha) if sha else None
    if one is None:
        raise not_found("Branch")
    rule, user = call.project.protected.get(name), call.caller.user
    return BranchShape(
        name=name,
        merged=False,
        protected=rule is not None,
        default=name == call.project.default_branch,
        developers_can_push=rule is not None and 0 < rule.push <= DEVELOPER,
        developers_can_merge=rule is not None and 0 < rule.merge <= DEVELOPER,
        can_push=user is not None and may_push(user, call.project, name),
        web_url=f"{call.sim.urls.project(call.project)}/-/tree/{name}",
        commit=commit_shape(call.sim.urls, call.project, one),
    )


async def _branches(call: Call) -> Reply:
    _demand_code(call)
    names = [r.removeprefix("refs/heads/") for r in call.project.refs if r.startswith("refs/heads/")]
    search = call.params(Named).search or ""
    items, headers = call.page(sorted(name for name in names if search in name))
    return Reply(body=[await _branch_shape(call, name) for name in items], headers=headers)


async def _branch(call: Call) -> Reply:
    _demand_code(call)
    return Reply(body=await _branch_shape(call, call.args["name"]))


async def _tag_shape(call: Call, name: str) -> TagShape:
    target = call.project.refs.get(f"refs/tags/{name}")
    one = await call.sim.git.commit(call.project.id, target) if target else None
    if target is None or one is None:
        raise not_found("Tag")
    return TagShape(
        name=name,
        message="",
        target=target,
        protected=False,
        release=None,
        created_at=None,
        commit=commit_shape(call.sim.urls, call.project, one),
    )


async def _tags(call: Call) -> Reply:
    _demand_code(call)
    names = [r.removeprefix("refs/tags/") for r in call.project.refs if r.startswith("refs/tags/")]
    items, headers = call.page(sorted(names, reverse=True))
    return Reply(body=[await _tag_shape(call, name) for name in items], headers=headers)


async def _tag(call: Call) -> Reply:
    _demand_code(call)
    return Reply(body=await _tag_shape(call, call.args["name"]))


def _protected_shape(name: str, rule: Protection) -> ProtectedBranch:
    def levels(level: int) -> list[dict[str, object]]:
        return [{"id": level, "access_level": level, "access_level_description": ""}]

    return ProtectedBranch(
        id=rule.id,
        name=name,
        push_access_levels=levels(rule.push),
        merge_access_levels=levels(rule.merge),
        allow_force_push=rule.allow_force_push,
        code_owner_approval_required=False,
    )


async def _protected(call: Call) -> Reply:
    items, headers = call.page(sorted(call.project.protected.items()))
    return Reply(body=[_protected_shape(name, rule) for name, rule in items], headers=headers)


async def _protected_one(call: Call) -> Reply:
    rule = call.project.protected.get(call.args["name"])
    if rule is None:
        raise not_found()
    return Reply(body=_protected_shape(call.args["name"], rule))


class NewProtection(Params):
    name: str
    push_access_level: int = MAINTAINER
    merge_access_level: int = MAINTAINER
    allow_force_push: bool = False


async def _protect(call: Call) -> Reply:
    wanted = call.params(NewProtection)
    if wanted.name in call.project.protected:
        raise ApiError(409, f"Protected branch '{wanted.name}' already exists")
    rule = owning.protect(call.sim, call.project, wanted.name)
    rule.push, rule.merge = wanted.push_access_level, wanted.merge_access_level
    return Reply(201, _protected_shape(wanted.name, rule), made=rule.id)


async def _unprotect(call: Call) -> Reply:
    if call.project.protected.pop(call.args["name"], None) is None:
        raise not_found()
    return Reply(204)


_R = "/projects/{id}/repository"
_CODE = ("read_repository",)
ROUTES = (
    Route("GET", f"{_R}/files/{{path}}", _file, AtThatRef, scopes=_CODE),
    Route("HEAD", f"{_R}/files/{{path}}", _file, AtThatRef, scopes=_CODE),
    Route("GET", f"{_R}/files/{{path}}/raw", _raw, AtRef, scopes=_CODE),
    Route("GET", f"{_R}/tree", _tree, Tree),
    Route("GET", f"{_R}/commits", _commits, Commits),
    Route("GET", f"{_R}/commits/{{sha}}", _commit, WithStats),
    Route("GET", f"{_R}/commits/{{sha}}/diff", _commit_diff, Paged),
    Route("GET", f"{_R}/commits/{{sha}}/refs", _commit_refs, RefsOf),
    Route("GET", f"{_R}/compare", _compare, Compare),
    Route("GET", f"{_R}/merge_base", _merge_base, Bases),
    Route("GET", f"{_R}/branches", _branches, Named),
    Route("GET", f"{_R}/branches/{{name}}", _branch),
    Route("GET", f"{_R}/tags", _tags, Named),
    Route("GET", f"{_R}/tags/{{name}}", _tag),
    Route("GET", "/projects/{id}/protected_branches", _protected, Named, DEVELOPER),
    Route("GET", "/projects/{id}/protected_branches/{name}", _protected_one, level=DEVELOPER),
    Route("POST", "/projects/{id}/protected_branches", _protect, NewProtection, MAINTAINER),
    Route("DELETE", "/projects/{id}/protected_branches/{name}", _unprotect, level=MAINTAINER),
)
