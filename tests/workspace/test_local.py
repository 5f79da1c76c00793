"""A person's working tree, as a job of `ci-bot run` sees it."""

import asyncio
import shutil
import threading

import pytest

from ci_bot.core.errors import WorkspaceError
from ci_bot.core.planned import Checkout
from ci_bot.ports import CloneSource
from ci_bot.workspace import directories
from ci_bot.workspace.local import LocalWorkspaces
from ci_bot.workspace.removal import empty
from tests.fakes import living
from tests.workspace.githttp import REPO, commit, git, inside, repository
from tests.workspace.test_checkouts import files

NOWHERE = CloneSource("", "", "")


@pytest.fixture
def told():
    return []


@pytest.fixture
def prepare(root, told):
    async def prepared(tree, job="j1"):
        return await LocalWorkspaces(root, tree, told.append).prepare(job, REPO, "", NOWHERE)

    return prepared


def everything(folder):
    """Names, modes, times and contents below a folder."""
    return {
        path: (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
    }


async def test_files_are_as_they_are_now_and_git_says_what_is_not_committed(app, prepare):
    commit(app, {"src/kept": "1", "src/changed": "1", "src/deleted": "1", ".gitignore": "*.log\n"})
    (app / "src/changed").write_text("2")
    (app / "src/deleted").unlink()
    (app / "new").write_text("untracked")
    (app / "staged").write_text("staged")
    git(app, "add", "staged")
    (app / "debug.log").write_text("ignored")
    before = everything(app)
    ws = await prepare(app)
    assert everything(app) == before
    assert files(ws.path) == [".gitignore", "README", "new", "src", "src/changed", "src/kept", "staged"]
    assert inside(ws.path, ws.objects, "status", "--porcelain").splitlines() == [
        " M src/changed", " D src/deleted", "?? new", "?? staged"
    ]  # fmt: skip
    assert inside(ws.path, ws.objects, "rev-parse", "HEAD") == git(app, "rev-parse", "HEAD")
    assert inside(ws.path, ws.objects, "log", "--format=%s") == "change\nfirst"


async def test_links_and_modes_are_kept(app, prepare, tmp_path):
    (app / "run.sh").write_text("#!/bin/sh\n")
    (app / "run.sh").chmod(0o700)
    (app / "link").symlink_to(tmp_path)
    commit(app, {"private": "x"})
    (app / "private").chmod(0o600)
    ws = await prepare(app)
    assert (ws.path / "run.sh").stat().st_mode & 0o777 == 0o777
    assert (ws.path / "private").stat().st_mode & 0o777 == 0o666
    assert (ws.path / "link").readlink() == tmp_path
    assert inside(ws.path, ws.objects, "status", "--porcelain") == ""


async def test_a_folder_replaced_by_a_link_is_not_looked_through(app, prepare, tmp_path):
    commit(app, {"a/b/file": "x"})
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True)
    (outside / "b/file").write_text("a secret of the person")
    shutil.rmtree(app / "a")
    (app / "a").symlink_to(outside)
    ws = await prepare(app)
    assert (ws.path / "a").is_symlink()
    assert inside(ws.path, ws.objects, "status", "--porcelain").splitlines() == [" D a/b/file", "?? a"]


async def test_submodules_and_nested_repositories_are_left_out_with_a_word(app, prepare, told):
    git(app, "update-index", "--add", "--cacheinfo", f"160000,{'12' * 20},sub")
    git(app, "commit", "-qm", "with a submodule")
    (app / "sub").mkdir()
    (app / "nested").mkdir()
    git(app / "nested", "init", "-q")
    commit(app / "nested", {"x": "x"})
    ws = await prepare(app)
    assert files(ws.path) == ["README"]
    assert [line.split()[0] for line in told] == ["nested/", "sub"]


async def test_from_a_folder_inside_and_with_odd_names(app, prepare):
    commit(app, {"a b/new\nline": "x", "é/-rf": "y"})
    ws = await prepare(app / "a b")
    assert files(ws.path) == ["README", "a b", "a b/new\nline", "é", "é/-rf"]


async def test_a_worktree_borrows_from_the_repository_it_belongs_to(app, prepare, tmp_path):
    git(app, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    sha = commit(tmp_path / "side", {"side": "x"})
    ws = await prepare(tmp_path / "side")
    assert ws.objects == app / ".git/objects"
    assert inside(ws.path, ws.objects, "rev-parse", "HEAD") == sha
    assert inside(ws.path, ws.objects, "status", "--porcelain") == ""


async def test_a_repository_that_borrows_itself_has_its_history_copied(app, prepare, tmp_path):
    git(app, "clone", "-q", "--shared", str(app), str(tmp_path / "clone"))
    ws = await prepare(tmp_path / "clone")
    assert ws.objects is None
    assert git(ws.path, "log", "--format=%s") == "first"
    assert git(ws.path, "status", "--porcelain") == ""


async def test_a_shallow_clone_stays_one(app, prepare, tmp_path):
    commit(app, {"a": "a"}, "second")
    git(app, "clone", "-q", "--depth=1", f"file://{app}", str(tmp_path / "clone"))
    ws = await prepare(tmp_path / "clone")
    assert inside(ws.path, ws.objects, "log", "--format=%s") == "second"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:token@github.com/acme/app.git", "https://github.com/acme/app.git"),
        ("git@github.com:acme/app.git", "git@github.com:acme/app.git"),
    ],
)
async def test_the_remote_is_there_without_credentials(app, prepare, url, shown):
    git(app, "remote", "add", "origin", url)
    ws = await prepare(app)
    assert inside(ws.path, ws.objects, "remote", "get-url", "origin") == shown


async def test_the_same_job_finds_its_workspace_and_others_are_reaped(app, prepare, root):
    ws = await prepare(app)
    (ws.path / "built").write_text("x")
    local = LocalWorkspaces(root, app, print)
    assert await prepare(app) == ws == await local.find("j1", REPO)
    assert (ws.path / "built").exists()
    assert await local.reap(living()) == 1
    assert await local.find("j1", REPO) is None
    await local.discard("j1")


async def test_closing_waits_for_what_nobody_waits_for_any_more(app, prepare, root, monkeypatch):
    """A thread goes on when its caller is cancelled; the root is removed after `close`."""
    await prepare(app)
    begun, may_go_on = threading.Event(), threading.Event()

    def slowly(folder):
        begun.set()
        assert may_go_on.wait(20)
        empty(folder)

    monkeypatch.setattr(directories, "empty", slowly)
    local = LocalWorkspaces(root, app, print)
    discarding = asyncio.create_task(local.discard("j1"))
    assert await asyncio.to_thread(begun.wait, 20)
    discarding.cancel()
    await asyncio.gather(discarding, return_exceptions=True)
    asyncio.get_running_loop().call_later(0.3, may_go_on.set)
    await local.close()
    assert list((root / "trash").iterdir()) == []


async def test_a_folder_without_git_is_refused_in_words(tmp_path, prepare):
    with pytest.raises(WorkspaceError, match="is not in a git repository; `git init` makes one"):
        await prepare(tmp_path)


async def test_a_repository_without_a_commit_is_refused_in_words(tmp_path, prepare):
    git(tmp_path, "init", "-q")
    with pytest.raises(WorkspaceError, match="has no commit yet; commit once, then run again"):
        await prepare(tmp_path)


async def test_submodules_are_taken_as_they_are_in_the_working_tree(app, root, told, tmp_path):
    lib = repository(tmp_path / "lib")
    git(app, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(lib), "deps/lib")
    git(app, "commit", "-qm", "add lib")
    (app / "deps/lib/README").write_text("changed\n")
    workspaces = LocalWorkspaces(root, app, told.append)
    ws = await workspaces.prepare("j1", REPO, "", NOWHERE, "", Checkout(submodules=True))
    assert (ws.path / "deps/lib/README").read_text() == "changed\n"
    assert git(ws.path / "deps/lib", "log", "--format=%s") == "first"
    assert git(ws.path / "deps/lib", "status", "--porcelain") == " M README"
    assert told == []
    await workspaces.prepare("j2", REPO, "", NOWHERE)
    assert told == [
        "deps/lib is left out: it is a submodule, which `checkout: {submodules: true}` brings"
    ]


async def test_the_depth_holds_here_too(app, root, told):
    commit(app, {"a": "a"}, "second")
    ws = await LocalWorkspaces(root, app, told.append).prepare(
        "j1", REPO, "", NOWHERE, "", Checkout(depth=1)
    )
    assert inside(ws.path, ws.objects, "log", "--format=%s") == "second"
