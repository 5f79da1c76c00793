"""Real repositories, and a server that gives them out over HTTP to whoever knows the token."""

from __future__ import annotations

import asyncio
import os
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from ci_bot.core.events import Repo
from ci_bot.ports import CloneSource

TOKEN = "ghs_7_eyJhbGciOi.canary-of-the-token"
REPO = Repo(forge="github", id=42, name="acme/app", default_branch="main", private=True, tenant="7")
_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


def git(where: Path, *args: str, stdin: bytes = b"", **env: str) -> str:
    """Runs git as a person would, in `where`; its output without the last line break."""
    run = subprocess.run(
        ["git", "-C", str(where), *args],
        env={**_ENV, **env},
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, (args, run.stderr.decode(errors="replace"))
    return run.stdout.decode(errors="surrogateescape").rstrip("\n")


def inside(tree: Path, objects: Path | None, *args: str) -> str:
    """Runs git in a workspace as a step does, to whom the objects stand where `.git` looks for them."""
    return git(tree, *args, GIT_ALTERNATE_OBJECT_DIRECTORIES=str(objects or ""))


def commit(where: Path, files: dict[str, str], message: str = "change") -> str:
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    git(where, "add", "-A")
    git(where, "commit", "-qm", message)
    return git(where, "rev-parse", "HEAD")


def commit_tree(where: Path, lines: list[bytes], parent: str = "") -> str:
    """A commit with a tree that `git add` would refuse: lines of `<mode> <type> <sha>\\t<name>\\0`."""
    tree = git(where, "mktree", "-z", stdin=b"".join(line + b"\0" for line in lines))
    made = git(where, "commit-tree", tree, *(("-p", parent) if parent else ()), stdin=b"hostile")
    git(where, "update-ref", f"refs/heads/hostile-{made[:7]}", made)
    return made


def blob(where: Path, content: bytes) -> bytes:
    return git(where, "hash-object", "-w", "--stdin", stdin=content).encode()


def repository(where: Path) -> Path:
    where.mkdir(parents=True)
    git(where, "init", "-q", "-b", "main")
    commit(where, {"README": "one\n"}, "first")
    return where


class Server:
    """`/app/…` is the repository `app`; `/moved/…` leads to it; `/slow/…` waits for `gate`.

    `/public/NAME/…` is another owner's repository, which anybody may read, and `/NAME/…` one beside `app`.
    What is in `large` is given out by Git LFS.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: list[str] = []
        self.authorized: list[str] = []  # of those, the paths that came with credentials
        self.large: dict[str, bytes] = {}  # SHA-256 in hex → content
        self.gate = asyncio.Event()
        self.waiting = asyncio.Event()
        self.url = ""

    def source(self, token: str = TOKEN, at: str = "app", refs: tuple[str, ...] = ()) -> CloneSource:
        return CloneSource(f"{self.url}/{at}", "x-access-token", token, refs)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} {request.path_qs}")
        first, _, rest = request.path.lstrip("/").partition("/")
        if first == "moved":
            raise web.HTTPMovedPermanently(f"{self.url}/app/{rest}?{request.query_string}")
        if "Authorization" in request.headers:
            self.authorized.append(request.path)
        if first == "public":
            name, _, rest = rest.partition("/")
            return await self._backend(request, rest, self.root / "public" / name)
        expected = "Basic " + b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != expected:
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        if first == "slow":
            self.waiting.set()
            await self.gate.wait()
        if "info/lfs/" in rest:
            return await self._large(request, rest)
        beside = self.root / first
        return await self._backend(request, rest, beside if beside.exists() else self.root / "app")

    async def _large(self, request: web.Request, rest: str) -> web.Response:
        """https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md"""
        if request.method == "GET":
            return web.Response(body=self.large[rest.rpartition("/")[2]])
        wanted = (await request.json())["objects"]
        href = f"{self.url}/{request.path.lstrip('/').removesuffix('batch')}"
        given = [{**each, "actions": {"download": {"href": href + each["oid"]}}} for each in wanted]
        return web.json_response(
            {"transfer": "basic", "objects": given}, content_type="application/vnd.git-lfs+json"
        )

    async def _backend(self, request: web.Request, rest: str, repo: Path) -> web.Response:
        env = {
            **_ENV,
            "GIT_PROJECT_ROOT": str(repo),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/.git/{rest}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(await request.read())
        head, _, body = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return web.Response(status=int(headers.pop("Status", "200")[:3]), headers=headers, body=body)


@asynccontextmanager
async def serving(root: Path) -> AsyncIterator[Server]:
    """A `Server` of the repository `<root>/app`."""
    server = Server(root)
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = "http://{}:{}".format(*runner.addresses[0])
    try:
        yield server
    finally:
        server.gate.set()
        await runner.cleanup()
