"""`ci-bot` and forges without their start: a process that has imported it all waits, and is forked for each.

A start costs a second of a core and more, and the suite starts them by the hundred. What is forked is a process of its own, in a session of its own, with the caller's directory, environment and files.
"""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from runpy import run_module
from typing import Final

RUN: Final = "TESTS_RUN"  # a directory; not CI_BOT_…, which tests of settings take away

#: What stands for `ci-bot` in the path. Imports next to nothing; hands on how it is asked to end.
STUB: Final = """\
#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    said = json.dumps([["ci_bot", *sys.argv[1:]], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(asked, [len(said).to_bytes(4, "big")], [0, 1, 2])
    asked.sendall(said)
    lines = asked.makefile()
    child = int(lines.readline())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))
    sys.exit(int(lines.readline()))
"""


class Preloaded:
    """A process that waits, listening at `address`; for ci-bot `program` is what a shell may call instead."""

    def __init__(self, home: Path) -> None:
        self.address = str(home / "socket")
        self.program = home / "bin" / "ci-bot"
        self._pid = home / "pid"

    @property
    def is_started(self) -> bool:
        return self._pid.exists()

    def start(self, what: str, until: int) -> None:
        """It imports `what`, a key of `LOADED`, and goes when the process `until` has gone."""
        self.program.parent.mkdir(parents=True)
        self.program.write_text(STUB.format(python=sys.executable, address=self.address))
        self.program.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.address)
            listening.listen(64)
            listening.set_inheritable(True)
            words = [sys.executable, "-m", "tests.preloaded", what, str(listening.fileno()), str(until)]
            env = os.environ | {"PYTHONWARNINGS": "default"}
            self._pid.write_text(str(os.posix_spawn(sys.executable, words, env, setsid=True)))

    def close(self) -> None:
        """What was forked goes on."""
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int(self._pid.read_text()), signal.SIGTERM)


def begin_run() -> None:
    """Before any worker begins: what is made once serves all processes of this run of the tests."""
    run = tempfile.mkdtemp(prefix="ci-bot-tests-")
    (Path(run) / "pid").write_text(str(os.getpid()))
    os.environ[RUN] = run


def end_run() -> None:
    """When all workers have ended."""
    run = Path(os.environ.pop(RUN))
    for what in LOADED:
        Preloaded(run / what).close()
    shutil.rmtree(run)


def shared(what: str = "ci-bot") -> Preloaded:
    """The one of this run, started by whichever of its processes asks first."""
    run = Path(os.environ[RUN])
    made = Preloaded(run / what)
    with (run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_started:
            made.start(what, int((run / "pid").read_text()))
    return made


def ci_bot(*words: str) -> list[str]:
    """`ci-bot …` as a command that starts at once."""
    return [str(shared().program), *words]


class Forked:
    """One command that was forked; as much of `subprocess.Popen` as a caller of `rig.Process` needs."""

    def __init__(
        self, waiting: Preloaded, words: Sequence[str], env: Mapping[str, str], folder: Path, log: int
    ) -> None:
        self._answer = socket.socket(socket.AF_UNIX)
        self._answer.connect(waiting.address)
        said = json.dumps([words, str(folder), dict(env)]).encode()
        with Path(os.devnull).open("rb") as nothing:
            size = len(said).to_bytes(4, "big")
            socket.send_fds(self._answer, [size], [nothing.fileno(), log, log])
        self._answer.sendall(said)
        self._lines = self._answer.makefile()
        self.pid = int(self._lines.readline())
        self._ended = os.pidfd_open(self.pid)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        if self._look(timeout) is None:
            raise subprocess.TimeoutExpired("ci-bot", timeout or 0)
        return self.returncode or 0

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            signal.pidfd_send_signal(self._ended, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
            os.close(self._ended)
            with self._answer, self._lines:
                self._answer.shutdown(socket.SHUT_WR)
                code = self._lines.readline()  # whoever is killed says none
            self.returncode = int(code) if code else -signal.SIGKILL
        return self.returncode


def _load_ci_bot() -> None:
    from ci_bot.cli.main import COMMANDS

    for module in sorted(set(COMMANDS.values())):
        import_module(f"ci_bot.cli.{module}")


def _load_forges() -> None:
    from tests.forge_sim.validation import validator_for
    from tests.rig import DESCRIPTION

    for module in ("tests.forge_sim.server", "tests.forge_sim.gitlab.server"):
        import_module(module)
    if DESCRIPTION.exists():
        validator_for(DESCRIPTION)


#: What may wait, and how it gets ready; a process each, since what it holds is a forked one's, too.
LOADED: Final = {"ci-bot": _load_ci_bot, "forges": _load_forges}


def serve(listening: socket.socket, what: str, until: int) -> None:
    """One fork for each connection; whoever ends is not waited for."""
    LOADED[what]()
    gc.freeze()  # or each child's collector would touch, and so copy, all that was imported
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    last = os.pidfd_open(until)
    while last not in select.select([listening.fileno(), last], [], [])[0]:
        asked, _ = listening.accept()
        with asked:
            if os.fork() == 0:
                listening.close()
                os.close(last)
                _answer(asked)


def _answer(asked: socket.socket) -> None:
    """Never returns."""
    code = 70
    try:
        size, files, _, _ = socket.recv_fds(asked, 4, 3)
        with asked.makefile("rb") as said:
            words, folder, environment = json.loads(said.read(int.from_bytes(size, "big")))
        os.setsid()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        if environment.get("PYTHONUNBUFFERED") and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(write_through=True)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # In the background of a script it is ignored, and so would be what a test sends.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        asked.sendall(b"%d\n" % os.getpid())
        code = _command(words)
        sys.stdout.flush()
        sys.stderr.flush()
        asked.sendall(b"%d\n" % code)
    finally:
        os._exit(code)


def _command(words: list[str]) -> int:
    """`words` begin with the module that `python -m` would run."""
    sys.argv = words
    try:
        run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[2])), sys.argv[1], int(sys.argv[3]))
