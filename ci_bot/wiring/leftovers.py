"""What a `ci-bot run` left that was killed: the next one of the same user finds it, and removes it.

Each has a directory of its own, with a file that names it and is locked for as long as it lives. A lock ends with its
process, however that ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from ci_bot.core.errors import EngineError
from ci_bot.ports import Executor
from ci_bot.settings import Settings
from ci_bot.wiring.parts import open_executor

REMOVAL_SECONDS: Final = 20.0

_PREFIX: Final = "ci-bot-run-"
_NAMED: Final = "alive"  # two lines: the instance, and its engine as `_engine` has it


@contextmanager
def own_home(settings: Settings, instance: str) -> Iterator[Path]:
    """A directory for one run, removed at the end, or by a later run."""
    made = tempfile.TemporaryDirectory(prefix=_PREFIX)
    home = Path(made.name)
    with (home / _NAMED).open("w") as file, made:  # held until it is removed
        # Who looks at it before it is locked lets go at once, since it is empty. Where nothing can be
        # locked or written, it stays so, and nobody believes it.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{instance}\n{_engine(settings)}\n")
            file.flush()
        yield home


async def remove_leftovers(settings: Settings, tell: Callable[[str], None]) -> None:
    """Of runs on this engine; `tell` gets a line for each. What cannot be removed is left for a later run."""
    for home in await asyncio.to_thread(_homes):
        with _claimed(home) as claim:
            if claim is not None and claim.engine == _engine(settings):
                await _remove(settings, claim, tell)


async def leave_nothing(executor: Executor) -> None:
    """Removes all that this executor's instance has on the engine. Raises `EngineError`."""

    async def nobody() -> Collection[str]:
        return ()

    try:
        async with asyncio.timeout(REMOVAL_SECONDS):
            await executor.reap(nobody)
    except TimeoutError:
        raise EngineError(f"the engine did not remove it within {REMOVAL_SECONDS:.0f} s") from None


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is left of a run that is dead."""

    home: Path
    instance: str
    engine: str


async def _remove(settings: Settings, claim: _Claim, tell: Callable[[str], None]) -> None:
    there = settings.model_copy(update={"data_dir": claim.home, "run_dir": claim.home / "run"})
    executor = open_executor(there, claim.instance)
    try:
        await leave_nothing(executor)
    except EngineError as error:
        tell(f"what a run left that was killed stays for now: {error}")
        return
    finally:
        await executor.close()
    await asyncio.to_thread(shutil.rmtree, claim.home, ignore_errors=True)
    tell(f"removed what a run left that was killed: its containers, and {claim.home}")
    if claim.home.exists():
        tell(f"files of it belong to another user; remove them with: sudo rm -rf {claim.home}")


def _homes() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))


@contextmanager
def _claimed(home: Path) -> Iterator[_Claim | None]:
    """Held against others that look; None if it is alive, or nothing of ours."""
    file = _opened(home)
    if file is None:
        yield None
        return
    with file:
        instance, _, rest = file.read().partition("\n") if _is_free(file) else ("", "", "")
        engine, is_whole, _ = rest.partition("\n")
        yield _Claim(home, instance, engine) if is_whole else None


def _opened(home: Path) -> TextIO | None:
    """Anybody may make a directory beside ours, so only this user's own are believed."""
    try:
        found = home.lstat()
        is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        return (home / _NAMED).open() if is_ours else None
    except OSError:
        return None


def _is_free(file: TextIO) -> bool:
    """Nobody holds it, and it is still there: its own run may have removed it just now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0


def _engine(settings: Settings) -> str:
    return settings.docker_host or os.environ.get("DOCKER_HOST", "")
