"""Git over HTTP on any simulated forge: ``git http-backend`` behind aiohttp, with faults and the ledger."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from aiohttp import web

from .faults import Faults
from .git import GitStore, clean_environment
from .ledger import Ledger

REALM = {"WWW-Authenticate": 'Basic realm="Simulated forge"'}
_CHUNK = 1 << 16


async def serve_git(
    faults: Faults,
    ledger: Ledger,
    request: web.Request,
    answer: Callable[[], Awaitable[tuple[str, web.StreamResponse]]],
) -> web.StreamResponse:
    """``answer`` lets the caller in or not, and gives who it is and what is said."""
    started, subject = time.time(), f"{request.method} {request.path}"
    slow = faults.hit(subject, "delay")
    if slow is not None:
        await asyncio.sleep(slow.seconds)
    fault = faults.hit(subject, "status")
    if fault is not None:
        who = "anonymous"
        response: web.StreamResponse = web.Response(status=fault.status, headers=fault.headers)
    else:
        who, response = await answer()
    ledger.add(
        "git",
        method=request.method,
        path=request.path,
        query=dict(request.query),
        who=who,
        status=response.status,
        ms=round((time.time() - started) * 1000, 2),
    )
    return response


def wants_to_push(request: web.Request) -> bool:
    return "git-receive-pack" in (request.match_info["service"], request.query.get("service"))


def refused(status: int, words: str) -> web.Response:
    return web.Response(status=status, text=words, headers=REALM if status == 401 else {})


async def run_backend(
    git: GitStore,
    repo: int,
    request: web.Request,
    user: str | None,
    more: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Runs the CGI program and passes its answer on as it comes.

    The request's ``service`` part names what git asks for; ``user`` is whoever was let in; ``more``
    goes into the program's environment (and into the repository's hooks).
    """
    body = await request.read()
    environment = {**_environment(git, repo, request, user), **(more or {})}
    environment["CONTENT_LENGTH"] = str(len(body))
    process = await asyncio.create_subprocess_exec(
        _program(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed(process.stdin, body))
    try:
        status, headers = await _head(process.stdout)
        if request.match_info["service"] == "git-receive-pack":
            # The refs have to be settled before git is told that the push is done.
            return web.Response(status=status, headers=headers, body=await process.stdout.read())
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        while chunk := await process.stdout.read(_CHUNK):
            await response.write(chunk)
        await response.write_eof()
        return response
    finally:
        feeding.cancel()
        if process.returncode is None and not process.stdout.at_eof():
            process.kill()
        await process.wait()


@cache
def _program() -> str:
    """Where `git http-backend` is; by way of `git`, each of its many calls would be two processes."""
    folder = subprocess.run(
        ("git", "--exec-path"), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return f"{folder.strip()}/git-http-backend"


def _environment(git: GitStore, repo: int, request: web.Request, user: str | None) -> dict[str, str]:
    """https://git-scm.com/docs/git-http-backend; aiohttp has already undone a gzip body."""
    environment = {
        **clean_environment(),
        "GIT_PROJECT_ROOT": str(git.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repo}.git/{request.match_info['service']}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    if user is not None:
        environment["REMOTE_USER"] = user
    return environment


async def _feed(stdin: asyncio.StreamWriter, body: bytes) -> None:
    try:
        stdin.write(body)
        await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # git had heard enough; its answer says why
    finally:
        stdin.close()


async def _head(stdout: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """CGI headers; ``Status`` is 200 where it is not given."""
    status, headers = 200, {}
    while line := (await stdout.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return status, headers
