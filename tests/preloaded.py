"""`ci-bot` without its start: a process that has imported it all waits, and is forked for each command.

A start costs a second of a core, and the suite starts servers and commands by the hundred. What is forked
is a process of its own, in a session of its own, with the caller's directory, environment and files.
"""

from __future__ import annotations

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
from importlib import import_module
from pathlib import Path
from typing import Final

#: What stands for `ci-bot` in the path. Imports next to nothing; hands on how it is asked to end.
STUB: Final = """\
#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(asked, [len(said).to_bytes(4, "big")], [0, 1, 2])
    asked.sendall(said)
    lines = asked.makefile()
    child = int(lines.readline())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    sys.exit(int(lines.readline()))
"""


class Preloaded:
    """The process that waits, listening at `address`; `program` is what a shell may call instead."""

    def __init__(self, home: Path) -> None:
        self.address = str(home / "preloaded.socket")
        self.program = home / "bin" / "ci-bot"
        self.program.parent.mkdir(parents=True)
        self.program.write_text(STUB.format(python=sys.executable, address=self.address))
        self.program.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.address)
            listening.listen(16)
            command = [sys.executable, "-m", "tests.preloaded", str(listening.fileno())]
            self._process = subprocess.Popen(
                command,
                pass_fds=[listening.fileno()],
                env=os.environ | {"PYTHONWARNINGS": "default"},
                start_new_session=True,
            )

    def close(self) -> None:
        """What was forked goes on."""
        self._process.terminate()
        self._process.wait()


_shared: list[Preloaded] = []


def shared() -> Preloaded:
    """The one of this process of tests, which is made when it is first asked for; `close_shared` ends it."""
    if not _shared:
        _shared.append(Preloaded(Path(tempfile.mkdtemp(prefix="ci-bot-preloaded-"))))
    return _shared[0]


def close_shared() -> None:
    while _shared:
        made = _shared.pop()
        made.close()
        shutil.rmtree(made.program.parent.parent)


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


def serve(listening: socket.socket) -> None:
    """One fork for each connection; whoever ends is not waited for."""
    from ci_bot.cli.main import COMMANDS

    for module in sorted(set(COMMANDS.values())):
        import_module(f"ci_bot.cli.{module}")
    gc.freeze()  # or each child's collector would touch, and so copy, all that was imported
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, _ = listening.accept()
        with asked:
            if os.fork() == 0:
                listening.close()
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
        asked.sendall(b"%d\n" % os.getpid())
        code = _command(words)
        sys.stdout.flush()
        sys.stderr.flush()
        asked.sendall(b"%d\n" % code)
    finally:
        os._exit(code)


def _command(words: list[str]) -> int:
    from ci_bot.cli.main import main

    sys.argv = ["ci-bot", *words]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
