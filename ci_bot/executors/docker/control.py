"""The control directory of one step: its scripts on disk, and the proof that it was started.

::

    run_dir/<job id>/<step>-g<generation>/released     written before the container is started
                                         /turn         of a container that steps share: whose, and which turn
                                         /mount/       what the container sees, read-only
                                               gate    where steps share it: see gate.py
                                               begin   environment and all, gone as soon as it is read
                                               script
                                               read    a FIFO: the step's shell says there that it has read
                                               usage   a FIFO: and there what the step used, when it is over
                                               heard   written as soon as something of its output has come
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ci_bot.core.errors import EngineError
from ci_bot.executors.docker import gate, script
from ci_bot.ports import JobSpec, StepSpec


@dataclass(frozen=True, slots=True)
class Turn:
    """One step's turn in a container that steps share. `nonce` sets apart what its gate says."""

    home: str  # <step>-g<generation> of the one that it was made for
    number: int  # from 1
    nonce: str

    @property
    def following(self) -> Turn:
        return replace(self, number=self.number + 1)


@dataclass(frozen=True, slots=True)
class Control:
    """Where one generation of one step is told what to do. Blocking; `OSError` comes as `EngineError`."""

    root: Path

    @property
    def turn(self) -> Turn | None:
        """None for a step that has its container to itself."""
        try:
            home, number, nonce = (self.root / "turn").read_text().split()
        except FileNotFoundError:
            return None
        return Turn(home, int(number), nonce)

    @property
    def mount(self) -> Path:
        turn = self.turn
        return (self.root.parent / turn.home if turn else self.root) / "mount"

    @property
    def receipt(self) -> Path:
        return self.mount / "read"

    @property
    def usage(self) -> Path:
        return self.mount / "usage"

    @property
    def is_released(self) -> bool:
        return (self.root / "released").exists()

    def make(self) -> None:
        """Only the server's user gets as far as `mount`; inside a container anybody may read it."""
        self.make_bare()
        with told(self.root):
            self.mount.mkdir(exist_ok=True)
            self.mount.chmod(0o755)
            for fifo in (self.receipt, self.usage):
                if not fifo.exists():
                    os.mkfifo(fifo)
                fifo.chmod(0o666)  # whatever the image's user may be: it opens them for both

    def make_bare(self) -> None:
        """Without anything to mount."""
        with told(self.root):
            for path in (self.root.parent, self.root):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.chmod(0o700)

    def take(self, turn: Turn) -> None:
        """From now on the step's files are those of a container that steps share."""
        self.make_bare()
        with told(self.root):
            write(
                self.root / "turn",
                f"{turn.home} {turn.number} {turn.nonce}\n".encode(),
                durable=True,
            )

    def leave_turn(self) -> None:
        """The step has a container to itself after all."""
        with told(self.root):
            (self.root / "turn").unlink(missing_ok=True)

    def release(self, spec: StepSpec, entrypoint: Sequence[str] = ()) -> None:
        """Writes the scripts, then the durable proof that from here on the step may have begun."""
        self.make()
        turn, mount = self.turn, self.mount
        with told(self.root):
            write(mount / "begin", script.begin(spec, entrypoint, is_turn=turn is not None))
            write(mount / "script", script.script(spec))
            if turn is not None and turn.number == 1:
                write(mount / "gate", gate.program(turn.nonce))
        self.mark_released()

    def mark_released(self) -> None:
        """The proof alone, where the scripts reach the container in another way."""
        with told(self.root):
            write(self.root / "released", b"", durable=True)

    def hear(self) -> None:
        """The step's shell need not wait for anybody at its end."""
        with told(self.root):
            (self.mount / "heard").touch(mode=0o444)

    def forget_environment(self) -> None:
        """The step's shell has it by now: nothing else needs it, and it may hold secrets."""
        with told(self.root):
            (self.mount / "begin").unlink(missing_ok=True)

    def take_back(self) -> None:
        """The container could not be started: nothing of the step has run."""
        self.wipe()
        (self.root / "released").unlink(missing_ok=True)

    def wipe(self) -> None:
        """The step is over; its environment leaves the disk."""
        with told(self.root):
            for name in ("begin", "script", "heard"):
                (self.mount / name).unlink(missing_ok=True)


async def until_read(control: Control, seconds: float | None = None) -> None:
    """Removes the environment as soon as the step's shell says that it has read it.

    `seconds`: or after so many, for a step that an earlier process started and may have heard.
    """
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.open(control.receipt, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return  # an earlier version made the directory; it is wiped when the step is over
    loop.add_reader(descriptor, heard.set)
    try:
        async with asyncio.timeout(seconds):
            await heard.wait()
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    control.forget_environment()


def control_of(run_dir: Path, job: JobSpec, spec: StepSpec) -> Control:
    return Control(run_dir / job.id / home_of(spec))


def home_of(spec: StepSpec) -> str:
    """The name of its control directory."""
    return f"{spec.index}-g{spec.generation}"


def last_released(run_dir: Path, job_id: str) -> Control | None:
    """Of the step of the job that was started last."""
    found = [
        (int(name[1]), int(name[2]), path.parent)
        for path in (run_dir / job_id).glob("*-g*/released")
        if (name := re.fullmatch(r"(\d+)-g(\d+)", path.parent.name))
    ]
    return Control(max(found)[2]) if found else None


def remove_job(run_dir: Path, job_id: str) -> None:
    shutil.rmtree(run_dir / job_id, ignore_errors=True)


def has_steps(run_dir: Path, job_id: str) -> bool:
    return any((run_dir / job_id).glob("*-g*"))


def jobs(run_dir: Path) -> list[str]:
    """Ids of the jobs that have control directories."""
    return [path.name for path in run_dir.glob("[!.]*") if path.is_dir()]


@contextmanager
def told(path: Path) -> Iterator[None]:
    """`OSError` as `EngineError`, in words."""
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"the control directory {path} cannot be written: {error.strerror}"
        ) from error


def write(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Readable for all who get as far. Raises `OSError`."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o444)  # whatever the server's umask: the image's user reads it
        file.write(content)
        if durable:
            file.flush()
            os.fsync(descriptor)
    if durable:
        _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
