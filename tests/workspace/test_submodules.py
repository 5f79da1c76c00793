"""`checkout.submodules`: real repositories from a real server, and what `.gitmodules` must not do."""

import pytest

from ci_bot.core.errors import CheckoutRefused
from ci_bot.core.planned import Checkout
from ci_bot.workspace.submodules import Module, address
from tests.workspace.githttp import REPO, TOKEN, git, inside, repository

WITH = Checkout(submodules=True)
HOST = "https://forge.example:8443"
ABOVE = f"{HOST}/acme/app"


def link(above, path, url, sha, name=""):
    """A submodule as `git submodule add` would leave it, whatever git thinks of the address."""
    name = name or path
    git(above, "config", "-f", ".gitmodules", f"submodule.{name}.path", path)
    git(above, "config", "-f", ".gitmodules", f"submodule.{name}.url", url)
    git(above, "update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
    git(above, "add", ".gitmodules")
    git(above, "commit", "-qm", f"add {path}")
    return git(above, "rev-parse", "HEAD")


async def test_submodules_are_there_with_theirs_at_the_commit_that_is_named(app, server, workspaces):
    deep = repository(app.parent / "public" / "deep")
    lib = repository(app.parent / "lib")
    old = link(lib, "deps/deep", "../public/deep", git(deep, "rev-parse", "HEAD"))
    git(lib, "commit", "-q", "--allow-empty", "-m", "newer")
    sha = link(app, "lib", "../lib", old, name="the lib")
    ws = await workspaces.prepare("j1", REPO, sha, server.source(), "", WITH)
    assert (ws.path / "lib/README").read_text() == "one\n"
    assert (ws.path / "lib/deps/deep/README").read_text() == "one\n"
    assert git(ws.path / "lib", "rev-parse", "HEAD") == old
    assert git(ws.path / "lib", "log", "--format=%s").split("\n") == ["add deps/deep", "first"]
    assert git(ws.path / "lib/deps/deep", "log", "--format=%s") == "first"
    assert git(ws.path / "lib", "status", "--porcelain") == ""
    assert inside(ws.path, ws.objects, "submodule", "status").split()[:2] == [old, "lib"]


async def test_a_depth_is_theirs_too(app, server, workspaces):
    lib = repository(app.parent / "lib")
    for number in range(3):
        git(lib, "commit", "-q", "--allow-empty", "-m", f"more {number}")
    sha = link(app, "lib", "../lib", git(lib, "rev-parse", "HEAD"))
    shallow = Checkout(submodules=True, depth=2)
    ws = await workspaces.prepare("j1", REPO, sha, server.source(), "", shallow)
    for tree in (ws.path / "lib", ws.path):
        assert len(inside(tree, ws.objects, "log", "--format=%s").split("\n")) == 2
    assert git(ws.path / "lib", "status", "--porcelain") == ""


async def test_without_it_their_folders_are_empty_and_nobody_is_asked(app, server, workspaces):
    sha = link(app, "lib", "../lib", "1" * 40)
    ws = await workspaces.prepare("j1", REPO, sha, server.source())
    assert not list((ws.path / "lib").iterdir())
    assert not any("lib" in request for request in server.requests)


async def test_the_token_goes_to_the_same_owner_alone_and_is_written_nowhere(app, server, workspaces):
    theirs = repository(app.parent / "public" / "theirs")
    lib = repository(app.parent / "lib")
    link(app, "theirs", "../public/theirs", git(theirs, "rev-parse", "HEAD"))
    sha = link(app, "lib", "../lib", git(lib, "rev-parse", "HEAD"))
    ws = await workspaces.prepare("j1", REPO, sha, server.source(), "", WITH)
    assert {path.split("/")[1] for path in server.authorized} == {"app", "lib"}
    written = [
        path for path in ws.path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]
    assert written == []


async def test_one_that_the_token_cannot_read_says_whose_matter_that_is(app, server, workspaces):
    sha = link(app, "gone", f"{server.url}/public/gone", "1" * 40)
    with pytest.raises(CheckoutRefused, match=r"fetching submodule gone .* its own repository alone"):
        await workspaces.prepare("j1", REPO, sha, server.source(), "", WITH)


async def test_a_submodule_that_gitmodules_does_not_name_is_refused(app, server, workspaces):
    link(app, "lib", "../lib", "1" * 40)
    git(app, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},other")
    git(app, "commit", "-qm", "unnamed")
    with pytest.raises(CheckoutRefused, match=r'"other" is a submodule, but \.gitmodules does not say'):
        await workspaces.prepare("j1", REPO, git(app, "rev-parse", "HEAD"), server.source(), "", WITH)


async def test_a_submodule_of_itself_has_an_end(app, server, workspaces):
    lib = repository(app.parent / "lib")
    first = git(lib, "rev-parse", "HEAD")
    sha = first
    for _ in range(7):
        sha = link(lib, "again", "../lib", sha)
    sha = link(app, "lib", "../lib", sha)
    with pytest.raises(CheckoutRefused, match="more than 5 inside each other"):
        await workspaces.prepare("j1", REPO, sha, server.source(), "", WITH)


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("../lib.git", f"{HOST}/acme/lib.git"),
        ("../../other/lib", f"{HOST}/other/lib"),
        ("./nested", f"{ABOVE}/nested"),
        (f"{HOST}/other/lib.git", f"{HOST}/other/lib.git"),
        ("git@forge.example:other/lib.git", f"{HOST}/other/lib.git"),
        ("ssh://git@forge.example/other/lib.git", f"{HOST}/other/lib.git"),
    ],
)
def test_addresses_on_the_forges_host(url, leads_to):
    assert address(Module("lib", "lib", url, "1" * 40), ABOVE, ABOVE) == leads_to


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/acme/lib",
        "https://forge.example/acme/lib",  # another port
        "http://forge.example:8443/acme/lib",
        "https://user:pass@forge.example:8443/acme/lib",
        "https://forge.example:8443@evil.example/acme/lib",
        "git@elsewhere.example:acme/lib",
        "file:///etc",
        "/etc",
        "ext::sh -c id",
        "-u./payload",
        "../../../../lib",
        "https://forge.example:8443/acme/../lib",
        "https://forge.example:8443/acme/%2e%2e/lib",
        "https://forge.example:8443/acme/lib?x=y",
        "https://forge.example:8443/acme/lib\nhttps://evil.example",
    ],
)
def test_every_other_address_is_refused(url):
    with pytest.raises(CheckoutRefused, match="lib"):
        address(Module("lib", "lib", url, "1" * 40), ABOVE, ABOVE)


def test_directories_are_never_submodules():
    with pytest.raises(CheckoutRefused, match="is not on"):
        address(Module("lib", "lib", "../lib", "1" * 40), "file:///srv/app", "file:///srv/app")
