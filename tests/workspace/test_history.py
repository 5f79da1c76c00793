"""`checkout.depth`: what `git log` shows in a step."""

import pytest

from ci_bot.core.planned import Checkout
from tests.workspace.githttp import REPO, commit, git, inside


@pytest.fixture
def branched(app):
    """first ← second ← merge ← last, and first ← side ← merge."""
    git(app, "tag", "v1")
    git(app, "checkout", "-qb", "side")
    commit(app, {"side": "x"}, "side")
    git(app, "checkout", "-q", "main")
    commit(app, {"second": "x"}, "second")
    git(app, "merge", "-q", "--no-ff", "-m", "merge", "side")
    sha = commit(app, {"last": "x"}, "last")
    git(app, "tag", "-a", "-m", "x", "v2")
    return sha


@pytest.mark.parametrize(
    ("depth", "seen", "tags"),
    [
        (1, ["last"], ["v2"]),
        (2, ["last", "merge"], ["v2"]),
        (3, ["last", "merge", "second", "side"], ["v2"]),
        (9, ["first", "last", "merge", "second", "side"], ["v1", "v2"]),
        (0, ["first", "last", "merge", "second", "side"], ["v1", "v2"]),
    ],
)
async def test_so_many_generations_are_seen(branched, server, workspaces, depth, seen, tags):
    ws = await workspaces.prepare("j1", REPO, branched, server.source(), "", Checkout(depth=depth))

    def told(*args):
        return inside(ws.path, ws.objects, *args).splitlines()

    assert sorted(told("log", "--format=%s")) == seen
    assert told("tag") == tags
    assert told("rev-parse", "--is-shallow-repository") == [str(0 < depth < 9).lower()]
    assert told("status", "--porcelain") == []


async def test_it_is_what_git_itself_would_clone(branched, app, server, workspaces, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{app}", "clone")
    ws = await workspaces.prepare("j1", REPO, branched, server.source(), "", Checkout(depth=2))
    shallow = [
        path.read_text().split() for path in (ws.path / ".git/shallow", tmp_path / "clone/.git/shallow")
    ]
    assert sorted(shallow[0]) == sorted(shallow[1])
