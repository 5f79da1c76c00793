"""Checkouts by real git from a real server: exact, borrowed, repeatable, and whole after any kill."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ci_bot.core.errors import WorkspaceError
from ci_bot.ports import OBJECTS_INSIDE, CloneSource
from ci_bot.workspace.checkouts import GitWorkspaces
from tests.fakes import living
from tests.workspace.githttp import REPO, TOKEN, blob, commit, commit_tree, git, inside

MIRROR = "github-42.git"


def files(tree):
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if ".git" not in path.parts)


class TestPreparing:
    async def test_the_commit_asked_for_stands_there_with_its_history(self, app, server, workspaces):
        commit(app, {"src/a.txt": "a\n"}, "second")
        sha = git(app, "rev-parse", "HEAD")
        commit(app, {"src/b.txt": "b\n"}, "third")
        ws = await workspaces.prepare("j1", REPO, sha, server.source())
        assert files(ws.path) == ["README", "src", "src/a.txt"]
        assert inside(ws.path, ws.objects, "rev-parse", "HEAD") == sha
        assert inside(ws.path, ws.objects, "status", "--porcelain") == ""
        assert inside(ws.path, ws.objects, "log", "--format=%s") == "second\nfirst"
        assert inside(ws.path, ws.objects, "remote", "get-url", "origin") == f"{server.url}/app"
        inside(ws.path, ws.objects, "fsck", "--strict")

    async def test_tags_are_there_for_describe(self, app, server, workspaces):
        git(app, "tag", "-a", "-m", "release", "v1.0")
        sha = commit(app, {"a": "a"})
        ws = await workspaces.prepare("j1", REPO, sha, server.source())
        assert inside(ws.path, ws.objects, "describe") == f"v1.0-1-g{sha[:7]}"

    async def test_a_tag_that_was_moved_or_removed_stands_in_no_way(self, app, server, workspaces):
        git(app, "tag", "v1")
        git(app, "tag", "nightly")
        await workspaces.prepare("j1", REPO, git(app, "rev-parse", "HEAD"), server.source())
        sha = commit(app, {"a": "a"})
        git(app, "tag", "-d", "v1")
        git(app, "tag", "v1/x")
        git(app, "tag", "-f", "nightly")
        ws = await workspaces.prepare("j2", REPO, sha, server.source())
        assert inside(ws.path, ws.objects, "tag", "--points-at", "HEAD") == "nightly\nv1/x"

    async def test_objects_are_borrowed_where_a_step_sees_them(self, app, server, workspaces, root):
        ws = await workspaces.prepare("j1", REPO, git(app, "rev-parse", "HEAD"), server.source())
        assert ws.objects == root / "mirrors" / MIRROR / "objects"
        assert (ws.path / ".git/objects/info/alternates").read_text() == f"{OBJECTS_INSIDE}\n"
        assert not any(path.is_file() for path in (ws.path / ".git/objects/pack").iterdir())

    async def test_whatever_user_a_step_has_may_change_and_commit(self, app, server, workspaces, root):
        (app / "run.sh").write_text("#!/bin/sh\n")
        (app / "run.sh").chmod(0o755)
        sha = commit(app, {"src/a": "a"})
        ws = await workspaces.prepare("j1", REPO, sha, server.source())
        modes = {path.stat().st_mode & 0o777 for path in ws.path.rglob("*") if path.is_dir()}
        assert modes == {0o777}
        assert (ws.path / "src/a").stat().st_mode & 0o777 == 0o666
        assert (ws.path / "run.sh").stat().st_mode & 0o777 == 0o777
        assert (
            (root / "jobs").stat().st_mode & 0o777 == (root / "jobs/j1").stat().st_mode & 0o777 == 0o700
        )
        inside(ws.path, ws.objects, "commit", "-q", "--allow-empty", "-m", "by a step")
        assert inside(ws.path, ws.objects, "log", "-1", "--format=%s") == "by a step"

    async def test_the_same_job_gets_the_same_workspace_as_it_is_now(
        self, app, server, workspaces, root
    ):
        sha = git(app, "rev-parse", "HEAD")
        ws = await workspaces.prepare("j1", REPO, sha, server.source())
        (ws.path / "built").write_text("by a step")
        (ws.path / "README").unlink()
        asked = len(server.requests)
        again = await GitWorkspaces(root).prepare("j1", REPO, sha, server.source("expired"))
        assert again == ws == await GitWorkspaces(root).find("j1", REPO)
        assert files(again.path) == ["built"]
        assert len(server.requests) == asked

    async def test_a_job_never_prepared_is_not_found(self, workspaces):
        assert await workspaces.find("j1", REPO) is None

    async def test_a_commit_that_is_there_is_not_fetched_again(self, app, server, workspaces):
        first = git(app, "rev-parse", "HEAD")
        second = commit(app, {"a": "a"})
        await workspaces.prepare("j1", REPO, second, server.source())
        asked = len(server.requests)
        await workspaces.prepare("j2", REPO, second, server.source())
        ws = await workspaces.prepare("j3", REPO, first, server.source())
        assert files(ws.path) == ["README"]
        assert len(server.requests) == asked

    async def test_many_jobs_at_once_share_one_fetch(self, app, server, root):
        sha = commit(app, {f"d{number % 7}/f{number}": "x" for number in range(300)})
        several = [GitWorkspaces(root), GitWorkspaces(root)]  # as two processes would
        made = await asyncio.gather(
            *(several[n % 2].prepare(f"j{n}", REPO, sha, server.source()) for n in range(8))
        )
        assert {len(files(ws.path)) for ws in made} == {308}
        assert (
            sum("git-upload-pack" in line and line.startswith("POST") for line in server.requests) <= 3
        )

    async def test_sha256_repositories(self, tmp_path, root):
        source = tmp_path / "new"
        source.mkdir()
        git(source, "init", "-q", "--object-format=sha256")
        sha = commit(source, {"a": "a"})
        workspaces = GitWorkspaces(root, allow_file=True)
        ws = await workspaces.prepare("j1", REPO, sha, CloneSource(f"file://{source}", "", ""))
        assert len(sha) == 64
        assert inside(ws.path, ws.objects, "status", "--porcelain") == ""

    async def test_refs_are_tried_when_the_server_gives_no_bare_commits(self, app, server, workspaces):
        sha = commit(app, {"a": "a"})
        commit(app, {"b": "b"})
        git(app, "update-ref", "refs/pull/1/head", "HEAD")
        plain = server.source(refs=("refs/pull/1/head",))
        missing = "1" * 40
        with pytest.raises(WorkspaceError, match=r"1111111 from .*: the commit is not there"):
            await workspaces.prepare("j1", REPO, missing, plain)
        ws = await workspaces.prepare("j2", REPO, sha, plain)
        assert files(ws.path) == ["README", "a"]


class TestRefusals:
    @pytest.mark.parametrize(
        "sha", ["main", "abc123", "-x", "A" * 40, "0" * 41, "a" * 39 + "\n", "--upload-pack=x"]
    )
    async def test_anything_but_a_full_sha(self, server, workspaces, sha):
        with pytest.raises(WorkspaceError, match="not the full id of a commit"):
            await workspaces.prepare("j1", REPO, sha, server.source())

    @pytest.mark.parametrize(
        "url", ["-u", "--upload-pack=touch /tmp/x", "https://u:p@host/x", "/tmp/x", "a b://x"]
    )
    async def test_anything_but_a_url_without_credentials(self, workspaces, url):
        with pytest.raises(WorkspaceError, match="not a URL without credentials"):
            await workspaces.prepare("j1", REPO, "a" * 40, CloneSource(url, "u", TOKEN))

    @pytest.mark.parametrize("job_id", ["..", "a/b", "", "-rf", "a.b"])
    async def test_anything_but_our_own_ids(self, server, workspaces, job_id):
        with pytest.raises(WorkspaceError, match="not the id of a job"):
            await workspaces.prepare(job_id, REPO, "a" * 40, server.source())

    @pytest.mark.parametrize("scheme", ["file", "ext", "ssh", "git", "ftp"])
    async def test_other_protocols(self, app, workspaces, scheme):
        with pytest.raises(WorkspaceError, match=r"this kind of address is not allowed"):
            await workspaces.prepare("j1", REPO, "a" * 40, CloneSource(f"{scheme}://{app}", "", ""))

    async def test_a_wrong_token_in_words(self, app, server, workspaces):
        with pytest.raises(WorkspaceError) as refused:
            await workspaces.prepare(
                "j1", REPO, git(app, "rev-parse", "HEAD"), server.source("ghs_wrong_one")
            )
        assert "the credentials were refused" in str(refused.value)
        assert "ghs_wrong_one" not in str(refused.value)
        assert "\n" not in str(refused.value)

    async def test_a_commit_that_is_not_there_in_words(self, server, workspaces):
        with pytest.raises(WorkspaceError, match="the commit is not there"):
            await workspaces.prepare("j1", REPO, "ab" * 20, server.source())

    async def test_a_server_that_is_not_there_in_words(self, workspaces):
        nobody = CloneSource("http://127.0.0.1:9/app", "x", TOKEN)
        with pytest.raises(WorkspaceError, match="cannot be reached"):
            await workspaces.prepare("j1", REPO, "ab" * 20, nobody)

    async def test_a_redirect_is_not_followed_with_the_token(self, app, server, workspaces):
        with pytest.raises(WorkspaceError, match="credentials are not sent on"):
            await workspaces.prepare(
                "j1", REPO, git(app, "rev-parse", "HEAD"), server.source(at="moved")
            )
        assert all("/moved/" in line for line in server.requests)


class TestToken:
    async def test_it_is_in_no_file(self, app, server, workspaces, root):
        await workspaces.prepare("j1", REPO, git(app, "rev-parse", "HEAD"), server.source())
        found = [path for path in root.rglob("*") if path.is_file() and _has_token(path.read_bytes())]
        assert found == []

    async def test_it_is_in_no_argument_list(self, app, server, workspaces):
        sha = git(app, "rev-parse", "HEAD")
        task = asyncio.create_task(workspaces.prepare("j1", REPO, sha, server.source(at="slow")))
        await server.waiting.wait()
        running = [line for line in _command_lines() if b"remote-http" in line]
        assert running
        assert not any(map(_has_token, _command_lines()))
        server.gate.set()
        assert files((await task).path) == ["README"]


class TestHostileTrees:
    async def test_a_link_that_points_out_stays_a_link(self, app, server, workspaces, tmp_path):
        victim = tmp_path / "victim"
        victim.mkdir()
        lines = [
            b"120000 blob " + blob(app, str(victim).encode()) + b"\tout",
            b"120000 blob " + blob(app, b"/etc/passwd") + b"\tpasswd",
        ]
        ws = await workspaces.prepare("j1", REPO, commit_tree(app, lines), server.source())
        assert (ws.path / "out").readlink() == victim
        await workspaces.discard("j1")
        assert victim.is_dir()
        assert Path("/etc/passwd").exists()

    async def test_nothing_is_written_through_a_link_of_the_same_name(
        self, app, server, workspaces, tmp_path
    ):
        victim = tmp_path / "victim"
        victim.mkdir()
        inner = git(app, "mktree", "-z", stdin=b"100644 blob " + blob(app, b"x") + b"\tfile\0").encode()
        lines = [
            b"120000 blob " + blob(app, str(victim).encode()) + b"\ta",
            b"040000 tree " + inner + b"\ta",
        ]
        sha = commit_tree(app, lines)
        with suppress(WorkspaceError):
            await workspaces.prepare("j1", REPO, sha, server.source())
        assert list(victim.iterdir()) == []

    @pytest.mark.parametrize(
        "name", [b".git", b".GIT", b"git~1", b".g\xe2\x80\x8cit", b"..", b".git::$INDEX_ALLOCATION"]
    )
    async def test_names_that_mean_dot_git_somewhere_are_refused(
        self, app, server, workspaces, root, name
    ):
        hook = blob(app, b"#!/bin/sh\ntouch /tmp/ci-bot-owned\n")
        hooks = git(app, "mktree", "-z", stdin=b"100755 blob " + hook + b"\tpost-checkout\0").encode()
        sha = commit_tree(app, [b"040000 tree " + hooks + b"\t" + name])
        with pytest.raises(WorkspaceError, match="a path that is not safe to write"):
            await workspaces.prepare("j1", REPO, sha, server.source())
        assert await workspaces.find("j1", REPO) is None
        good = await workspaces.prepare("j1", REPO, git(app, "rev-parse", "main"), server.source())
        assert files(good.path) == ["README"]

    async def test_odd_names_are_just_names(self, app, server, workspaces):
        names = ["-rf", "a b", "new\nline", "$(touch x)", "é", "--", "*"]
        sha = commit(app, dict.fromkeys(names, "x"))
        ws = await workspaces.prepare("j1", REPO, sha, server.source())
        assert files(ws.path) == sorted([*names, "README"])

    async def test_filters_hooks_and_submodules_run_nothing(self, app, server, workspaces, tmp_path):
        owned = tmp_path / "owned"
        script = f"#!/bin/sh\ntouch {owned}\n"
        commit(app, {
            ".gitattributes": "* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n",
            "x.bin": "version https://git-lfs.github.com/spec/v1\n",
            "hooks/post-checkout": script, ".githooks/post-checkout": script,
            ".lfsconfig": f"[lfs]\n\turl = ext::touch {owned}\n",
            ".gitconfig": f"[core]\n\tfsmonitor = touch {owned}\n",
            ".gitmodules": f'[submodule "s"]\n\tpath = s\n\turl = "ext::touch {owned}"\n\tupdate = !touch {owned}\n',
        })  # fmt: skip
        git(app, "update-index", "--add", "--cacheinfo", f"160000,{'12' * 20},s")
        git(app, "commit", "-qm", "with a submodule")
        ws = await workspaces.prepare("j1", REPO, git(app, "rev-parse", "HEAD"), server.source())
        assert list((ws.path / "s").iterdir()) == []
        assert not owned.exists()
        assert "submodule" not in (ws.path / ".git/config").read_text()


class TestCrashes:
    async def test_cancelling_kills_git_and_the_next_one_does_it(self, app, server, workspaces):
        sha = git(app, "rev-parse", "HEAD")
        task = asyncio.create_task(workspaces.prepare("j1", REPO, sha, server.source(at="slow")))
        await server.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [line for line in _command_lines() if server.url.encode() in line]
        assert files((await workspaces.prepare("j1", REPO, sha, server.source())).path) == ["README"]

    async def test_a_killed_server_leaves_nothing_that_stands_in_the_way(
        self, app, server, workspaces, root
    ):
        sha = git(app, "rev-parse", "HEAD")
        code = """
import asyncio, sys
from pathlib import Path
from ci_bot.core.events import Repo
from ci_bot.ports import CloneSource
from ci_bot.workspace.checkouts import GitWorkspaces
root, url, token, sha = sys.argv[1:]
repo = Repo("github", 42, "acme/app", "main", True, "7")
source = CloneSource(url, "x-access-token", token)
asyncio.run(GitWorkspaces(Path(root)).prepare("j1", repo, sha, source))
"""
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(root), f"{server.url}/slow", TOKEN, sha
        )
        await server.waiting.wait()
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
        assert await workspaces.find("j1", REPO) is None
        waiting = asyncio.create_task(workspaces.prepare("j1", REPO, sha, server.source()))
        server.gate.set()  # the orphaned git holds the lock until it ends
        assert files((await waiting).path) == ["README"]

    async def test_a_half_made_checkout_is_made_anew(self, app, server, workspaces, root):
        sha = git(app, "rev-parse", "HEAD")
        ws = await workspaces.prepare("j1", REPO, sha, server.source())
        (root / "jobs/j1/ready").unlink()
        (ws.path / "half").write_text("written")
        (ws.path / ".git/index.lock").touch()
        assert await workspaces.find("j1", REPO) is None
        assert files((await workspaces.prepare("j1", REPO, sha, server.source())).path) == ["README"]

    async def test_locks_of_a_killed_git_are_cleared(self, app, server, workspaces, root):
        await workspaces.prepare("j1", REPO, git(app, "rev-parse", "HEAD"), server.source())
        sha = commit(app, {"a": "a"})
        mirror = root / "mirrors" / MIRROR
        for name in ("packed-refs.lock", "shallow.lock", f"refs/ci-bot/keep/{sha}.lock"):
            (mirror / name).touch()
        assert files((await workspaces.prepare("j2", REPO, sha, server.source())).path) == [
            "README",
            "a",
        ]

    async def test_an_object_without_its_history_does_not_count_as_there(
        self, app, server, workspaces, root
    ):
        first = git(app, "rev-parse", "HEAD")
        sha = commit(app, {"a": "a"})
        await workspaces.prepare("j1", REPO, first, server.source())
        raw = git(app, "cat-file", "commit", sha).encode() + b"\n"
        assert (
            git(root / "mirrors" / MIRROR, "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw)
            == sha
        )
        assert files((await workspaces.prepare("j2", REPO, sha, server.source())).path) == [
            "README",
            "a",
        ]

    @pytest.mark.parametrize("damage", ["objects", "pack", "head", "config"])
    async def test_a_damaged_mirror_is_made_anew(self, app, server, workspaces, root, damage):
        sha = commit(app, {f"f{number}": "x" * number for number in range(200)})
        await workspaces.prepare("j1", REPO, sha, server.source())
        _damage(root / "mirrors" / MIRROR, damage)
        again = await workspaces.prepare("j2", REPO, sha, server.source())
        assert len(files(again.path)) == 201
        newer = await workspaces.prepare("j3", REPO, commit(app, {"a": "a"}), server.source())
        assert len(files(newer.path)) == 202
        assert len(list((root / "mirrors").glob("*.broken-*"))) == 1
        await workspaces.prune_mirrors(unused_since=2**31)
        assert list((root / "mirrors").glob("*.broken-*")) == []


class TestRemoving:
    async def test_discarding_may_be_repeated(self, app, server, workspaces, root):
        ws = await workspaces.prepare("j1", REPO, git(app, "rev-parse", "HEAD"), server.source())
        await workspaces.discard("j1")
        await workspaces.discard("j1")
        assert not ws.path.exists()
        assert await workspaces.find("j1", REPO) is None
        assert list((root / "trash").iterdir()) == []

    async def test_reaping_leaves_the_living(self, app, server, workspaces):
        sha = git(app, "rev-parse", "HEAD")
        for job in ("j1", "j2", "j3"):
            await workspaces.prepare(job, REPO, sha, server.source())
        assert await workspaces.reap(living("j2", "other")) == 2
        assert await workspaces.find("j2", REPO)
        assert await workspaces.find("j1", REPO) is None
        assert await workspaces.reap(living("j2")) == 0

    async def test_reaping_before_anything_was_prepared(self, workspaces):
        assert await workspaces.reap(living()) == 0

    async def test_old_commits_are_forgotten_and_can_come_back(self, app, server, workspaces, root):
        first = git(app, "rev-parse", "HEAD")
        await workspaces.prepare("j1", REPO, first, server.source())
        kept = root / "mirrors" / MIRROR / "refs/ci-bot/keep" / first
        os.utime(kept, (1000, 1000))
        second = commit(app, {"a": "a"})
        await workspaces.prepare("j2", REPO, second, server.source())
        assert await workspaces.prune_mirrors(unused_since=2000) == 1
        assert not kept.exists()
        ws = await workspaces.prepare("j3", REPO, first, server.source())
        assert files(ws.path) == ["README"]
        assert inside(ws.path, ws.objects, "status", "--porcelain") == ""


def _has_token(data: bytes) -> bool:
    return TOKEN.encode() in data or b"Z2hzXzdf" in data or b"eC1hY2Nlc3MtdG9rZW46" in data


def _command_lines() -> list[bytes]:
    lines = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(process.read_bytes())
        except OSError:
            continue
    return lines


def _damage(mirror: Path, what: str) -> None:
    if what == "objects":
        for folder in mirror.glob("objects/??"):
            subprocess.run(["rm", "-rf", folder], check=True)
        subprocess.run(["rm", "-rf", *mirror.glob("objects/pack/*")], check=True)
    elif what == "pack":
        for pack in mirror.glob("objects/pack/*.pack"):
            pack.chmod(0o600)
            data = bytearray(pack.read_bytes())
            data[100:-20] = os.urandom(len(data) - 120)
            pack.write_bytes(data)
    elif what == "head":
        (mirror / "HEAD").write_bytes(b"")
    else:
        (mirror / "config").write_text("[core\n")


class TestBase:
    """`CI_BASE_SHA` names a commit that a step can compare with."""

    async def test_a_base_that_is_no_ancestor_is_brought_too(self, app, server, workspaces):
        base = git(app, "rev-parse", "HEAD")
        git(app, "checkout", "--quiet", "--orphan", "other")
        head = commit(app, {"b": "b"})
        ws = await workspaces.prepare("j1", REPO, head, server.source(), base)
        assert inside(ws.path, ws.objects, "cat-file", "-t", base) == "commit"

    async def test_a_base_that_the_forge_has_no_more_is_not_missed(self, app, server, workspaces):
        head = git(app, "rev-parse", "HEAD")
        ws = await workspaces.prepare("j1", REPO, head, server.source(), "d" * 40)
        assert files(ws.path) == ["README"]
