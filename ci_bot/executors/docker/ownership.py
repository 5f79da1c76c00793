"""Gives a workspace to the user that the next step runs as: a path and an owner in.

What lies there was written by strangers' steps. `chown -Rh` walks by directory descriptors, follows
no link and knows no limit of depth; no process of the job is alive while it does.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.executors.docker import words
from ci_bot.executors.docker.engine import Engine
from ci_bot.executors.docker.users import Owner

_SECONDS = 600


def current(path: Path) -> Owner:
    """Whose a workspace is: its top directory changes hands last."""
    found = os.lstat(path)
    return Owner(found.st_uid, found.st_gid)


async def give(path: Path, owner: Owner) -> None:
    """For a server that is root. Raises `EngineError`."""
    command = ["chown", "-Rh", str(owner), "--", str(path)]
    try:
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failure(owner, str(error)) from error
    if done.returncode != 0:
        raise _failure(owner, done.stderr.decode("utf-8", "replace"))


async def give_by_container(engine: Engine, config: dict[str, Any], owner: Owner) -> None:
    """For a server that is not: a container as root does it. Raises `EngineError`."""
    failure = await engine.in_own_thread(lambda client: _run(client, config))
    if failure:
        raise _failure(owner, failure)


def _run(client: APIClient, config: dict[str, Any]) -> str:
    container = client.create_container_from_config(config)["Id"]  # type: ignore[no-untyped-call]
    try:
        client.start(container)
        code = client.wait(container, timeout=_SECONDS)["StatusCode"]
        return (
            ""
            if code == 0
            else client.logs(container).decode("utf-8", "replace") or f"exit code {code}"
        )
    finally:
        client.remove_container(container, force=True, v=True)


def _failure(owner: Owner, cause: str) -> EngineError:
    return EngineError(f"the workspace could not be given to user {owner}: {words.one_line(cause)}")
