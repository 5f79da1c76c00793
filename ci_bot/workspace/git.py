"""The one way to run git: arguments in, standard output out, and nothing of its surroundings trusted.

git reads no configuration but what stands here and in the repository it is pointed at, which is always
one that we made and that no step has touched: git never runs in a workspace once a step has.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ci_bot.core.errors import WorkspaceError
from ci_bot.core.mask import Masker
from ci_bot.ports import CloneSource
from ci_bot.workspace.failures import Failure, GitFailed, failure_of, last_words

DEFAULT_TIMEOUT: Final = 1800.0  # seconds for one command; a stalled transfer ends after a minute

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_REF: Final = re.compile(r"refs/[A-Za-z0-9][A-Za-z0-9_./-]*", re.ASCII)
_URL: Final = re.compile(r"[a-z]+://[!-~]+", re.ASCII)

_NOWHERE: Final = "/nonexistent"
_CLEAN: Final[Mapping[str, str]] = {
    "HOME": _NOWHERE,
    "XDG_CONFIG_HOME": _NOWHERE,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
}
_ALWAYS: Final[Mapping[str, str]] = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
}

#: `fetch.fsckObjects` stays off: it refuses many old public repositories for harmless flaws, and names
#: that are dangerous are refused where it counts, at checkout (protectHFS, protectNTFS).
_CONFIG: Final = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("credential.helper", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("protocol.version", "2"),
    ("checkout.workers", "0"),  # as many as there are cores
    ("gc.auto", "0"),
    ("gc.packRefs", "false"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
)
_NO_FILES: Final = (("core.attributesFile", os.devnull), ("core.excludesFile", os.devnull))


def full_sha(sha: str) -> str:
    """The same, if it is 40 or 64 lower-case hex digits. Raises `WorkspaceError`."""
    if not _SHA.fullmatch(sha):
        raise WorkspaceError(f"{sha[:80]!r} is not the full id of a commit")
    return sha


def full_ref(ref: str) -> str:
    """The same, if it is a ref's whole and harmless name. Raises `WorkspaceError`."""
    if not _REF.fullmatch(ref) or ".." in ref:
        raise WorkspaceError(f"{ref[:80]!r} is not the full name of a ref")
    return ref


def clean_url(url: str) -> str:
    """The same, if it is a URL without credentials. Raises `WorkspaceError`."""
    if not _URL.fullmatch(url) or urlsplit(url).username is not None:
        raise WorkspaceError("the address of the repository is not a URL without credentials")
    return url


class Git:
    """Runs git. Cancelling kills the process and its children.

    `allow_file` lets it fetch from directories too (local runs, tests). `as_user` lets it read the
    configuration of whoever started us: for their own repository on their own machine, never fetching.
    """

    def __init__(
        self,
        *,
        ca_file: Path | None = None,
        proxy: str = "",
        allow_file: bool = False,
        as_user: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        self._protocols = "http:https:file" if allow_file else "http:https"
        self._config = [*_CONFIG, *(() if as_user else _NO_FILES)]
        if ca_file is not None:
            self._config.append(("http.sslCAInfo", str(ca_file)))
        if proxy:
            self._config.append(("http.proxy", proxy))
        self._secrets = [proxy.encode()] if proxy else []
        self._as_user = as_user
        self._timeout = timeout

    async def run(
        self,
        *args: str,
        doing: str,
        env: Mapping[str, str] | None = None,
        source: CloneSource | None = None,
        stdin: bytes = b"",
        umask: int = 0o022,
        holding: Sequence[int] = (),
        config: Sequence[tuple[str, str]] = (),
    ) -> bytes:
        """Standard output. `doing` says in errors what failed: "fetching 1a2b3c4 from …".

        The credentials of `source` go to its host alone, by the environment of this one process.
        What git writes can be read by every user, since steps read objects as whatever user their image
        has; the folders above are closed to others. `holding` are locks that last as long as the process
        does, should it outlive us; `config` stands beside our own. Raises `GitFailed`.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *args,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(env or {}, source, config),
                cwd="/",
                start_new_session=True,
                umask=umask,
                pass_fds=holding,
            )
        except OSError as error:
            raise GitFailed(
                f"{doing}: git cannot be started: {error.strerror}", Failure.OTHER
            ) from error
        out, err = await self._outcome(process, stdin, doing)
        if process.returncode:
            raise self._failed(doing, err, source)
        return out

    async def _outcome(
        self, process: asyncio.subprocess.Process, stdin: bytes, doing: str
    ) -> tuple[bytes, bytes]:
        try:
            async with asyncio.timeout(self._timeout):
                return await process.communicate(stdin)
        except TimeoutError:
            raise GitFailed(
                f"{doing}: {Failure.TOO_SLOW} (over {self._timeout:.0f} s)", Failure.TOO_SLOW
            ) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _failed(self, doing: str, stderr: bytes, source: CloneSource | None) -> GitFailed:
        secrets = [
            *self._secrets,
            *([source.token.encode(), _basic(source).encode()] if source else []),
        ]
        said = Masker(secrets).mask(stderr)
        failure = failure_of(said.decode("utf-8", errors="replace"))
        return GitFailed(f"{doing}: {failure}. git: {last_words(said)}", failure)

    def _environment(
        self,
        extra: Mapping[str, str],
        source: CloneSource | None,
        config: Sequence[tuple[str, str]],
    ) -> dict[str, str]:
        given = [*self._config, *config, *_credentials(source)]
        settings = {"GIT_CONFIG_COUNT": str(len(given))}
        for number, (key, value) in enumerate(given):
            settings[f"GIT_CONFIG_KEY_{number}"] = key
            settings[f"GIT_CONFIG_VALUE_{number}"] = value
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            **(_of_user() if self._as_user else _CLEAN),
            **_ALWAYS,
            "GIT_ALLOW_PROTOCOL": self._protocols,
            **settings,
            **extra,
        }


def _of_user() -> dict[str, str]:
    names = ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
    return {name: os.environ[name] for name in names if name in os.environ}


def _credentials(source: CloneSource | None) -> list[tuple[str, str]]:
    if source is None or not source.token:
        return []
    address = urlsplit(source.url)
    header = f"Authorization: Basic {_basic(source)}"
    return [(f"http.{address.scheme}://{address.netloc}/.extraHeader", header)]


def _basic(source: CloneSource) -> str:
    return b64encode(f"{source.username}:{source.token}".encode()).decode()


async def git_version() -> str:
    """What `git --version` says. Raises `WorkspaceError` where git is missing."""
    out = await Git().run("--version", doing="looking for git")
    return out.decode("utf-8", "replace").strip()
