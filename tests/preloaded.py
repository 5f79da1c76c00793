"""`ci-bot` without its start: a process that has imported it all waits, and is forked for each command.

A third of a second to a second of each command is imports; the documents show seventy commands.
The command itself is a process of its own, with the caller's directory, environment and files.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

#: What stands for `ci-bot` in the path. Imports next to nothing.
STUB: Final = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(asked, [len(said).to_bytes(4, "big")], [0, 1, 2])
    asked.sendall(said)
    sys.exit(int(asked.makefile().read() or 70))
"""


@contextmanager
def preloaded(home: Path) -> Iterator[Path]:
    """Yields the directory that the path must begin with."""
    address = home / "preloaded.socket"
    stub = home / "bin" / "ci-bot"
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB.format(python=sys.executable, address=str(address)))
    stub.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(8)
        command = [sys.executable, "-m", "tests.preloaded", str(listening.fileno())]
        process = subprocess.Popen(command, pass_fds=[listening.fileno()], start_new_session=True)
    try:
        yield stub.parent
    finally:
        process.terminate()
        process.wait()


def serve(listening: socket.socket) -> None:
    """One fork for each connection; whoever ends is not waited for."""
    from ci_bot.cli.main import COMMANDS

    for module in sorted(set(COMMANDS.values())):
        import_module(f"ci_bot.cli.{module}")
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
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = _command(words)
        sys.stdout.flush()
        sys.stderr.flush()
        asked.sendall(str(code).encode())
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
