"""`checkout.lfs`: real git-lfs against a server that speaks the protocol's batch call."""

import hashlib
import os

import pytest

from ci_bot.core.errors import CheckoutRefused
from ci_bot.core.planned import Checkout
from ci_bot.workspace import lfs
from tests.workspace.githttp import REPO, TOKEN, commit, repository
from tests.workspace.test_submodules import link

WITH = Checkout(lfs=True)
CONTENT = b"large\n" * 1000


@pytest.fixture
def sha(app, server):
    """A file whose content is with the server, and an author who would have it from elsewhere."""
    oid = hashlib.sha256(CONTENT).hexdigest()
    server.large[oid] = CONTENT
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(CONTENT)}\n"
    return commit(
        app,
        {
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
            ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:1/stolen\n",
            "data.bin": pointer,
        },
    )


async def test_content_stands_in_place_of_pointers(sha, server, workspaces):
    if await lfs.version() is None:
        pytest.skip("git-lfs is not installed here")
    ws = await workspaces.prepare("j1", REPO, sha, server.source(), "", WITH)
    assert (ws.path / "data.bin").read_bytes() == CONTENT
    assert [
        path for path in ws.path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
    ] == []


async def test_submodules_have_theirs_too_each_from_its_own_address(sha, app, server, workspaces):
    if await lfs.version() is None:
        pytest.skip("git-lfs is not installed here")
    lib = repository(app.parent / "lib")
    pointer = (app / "data.bin").read_text()
    attributes = (app / ".gitattributes").read_text()
    own = commit(lib, {".gitattributes": attributes, "more.bin": pointer})
    above = link(app, "lib", "../lib", own)
    both = Checkout(submodules=True, lfs=True)
    ws = await workspaces.prepare("j1", REPO, above, server.source(), "", both)
    assert (ws.path / "lib/more.bin").read_bytes() == (ws.path / "data.bin").read_bytes() == CONTENT
    assert any(request.startswith("POST /lib.git/info/lfs/") for request in server.requests)
    without = await workspaces.prepare(
        "j2", REPO, above, server.source(), "", Checkout(submodules=True)
    )
    assert (without.path / "lib/more.bin").read_text() == pointer


async def test_without_it_the_pointers_stay(sha, server, workspaces):
    ws = await workspaces.prepare("j1", REPO, sha, server.source())
    assert (ws.path / "data.bin").read_text().startswith("version https://git-lfs")


async def test_a_server_without_git_lfs_says_so(sha, server, workspaces, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(os.path.realpath("/usr/bin/git"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert await lfs.version() is None
    with pytest.raises(
        CheckoutRefused, match=r"this server has no git-lfs; .* apt-get install git-lfs"
    ):
        await workspaces.prepare("j1", REPO, sha, server.source(), "", WITH)


def test_where_large_files_are_asked_for():
    assert (
        lfs.endpoint("https://forge.example/acme/app") == "https://forge.example/acme/app.git/info/lfs"
    )
    assert lfs.endpoint("https://forge.example/acme/app.git/").endswith("/acme/app.git/info/lfs")
