"""A second Docker engine, real, that cannot see what the tests write: in name spaces of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60.0
#: SIOCSIFFLAGS and IFF_UP of https://man7.org/linux/man-pages/man7/netdevice.7.html: not every machine has `ip`.
LOOPBACK_UP = (
    *(sys.executable, "-c"),
    "import fcntl, socket as s, struct; fcntl.ioctl(s.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))",
)


class NoSecondEngine(Exception):
    """None can be started here; the text says why."""


@contextmanager
def blind_engine(hidden: Path, *options: str) -> Iterator[str]:
    """The URL of an engine for which the directory `hidden` is empty.

    Its network is its own too: a second engine in the same one would take the first one's bridge away.
    """
    if os.geteuid() != 0 or not (shutil.which("dockerd") and shutil.which("unshare")):
        raise NoSecondEngine("it takes root, dockerd and unshare")
    home = Path(tempfile.mkdtemp(prefix="ci-bot-engine-", dir="/var/tmp"))
    with (home / "log").open("wb") as log:
        command = ["unshare", "--mount", "--net", "sh", "-c", _script(home, hidden, options)]
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"GOGC": "400"},  # as in dev/engine.sh
        )
    try:
        _wait(home / "docker.sock", daemon, home / "log")
        yield f"unix://{home}/docker.sock"
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(timeout=30)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(home, ignore_errors=True)


def _script(home: Path, hidden: Path, options: tuple[str, ...]) -> str:
    paths = f"--data-root {home}/data --exec-root {home}/exec --pidfile {home}/pid"
    return (
        f"mount -t tmpfs none {shlex.quote(str(hidden))} && {shlex.join(LOOPBACK_UP)} && "
        f"exec dockerd --host unix://{home}/docker.sock {paths} {shlex.join(options)}"
    )


def _wait(file: Path, daemon: subprocess.Popen[bytes], log: Path) -> None:
    """Knocks by itself: the docker client leaves a socket open that it could not connect."""
    deadline = time.monotonic() + START_SECONDS
    while not _answers(file):
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise NoSecondEngine(f"it does not answer: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _answers(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(10)
        try:
            probe.connect(str(file))
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return probe.recv(1024).startswith(b"HTTP/1.0 200")
        except OSError:
            return False
