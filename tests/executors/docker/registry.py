"""A private registry on loopback (Debian's docker-registry): a directory in, its address out."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.rig import ROOT

CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}/data}}}}
http: {{addr: "{host}"}}
auth: {{htpasswd: {{realm: test, path: {root}/htpasswd}}}}
"""


class NoRegistry(Exception):
    """There is none to be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Registry:
    host: str


def install() -> None:
    """`make setup` has done it already. Raises `NoRegistry` if the programs cannot be had."""
    if shutil.which("docker-registry") and shutil.which("htpasswd"):
        return
    command = [str(ROOT / "dev" / "registry.sh")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoRegistry(f"docker-registry cannot be installed: {done.stderr.strip()[-200:]}")


@contextmanager
def serving(root: Path, username: str, password: str) -> Iterator[Registry]:
    host = f"127.0.0.1:{_free_port()}"
    login = subprocess.run(
        ["htpasswd", "-nbB", username, password], capture_output=True, check=True, text=True
    )
    (root / "htpasswd").write_text(login.stdout)
    (root / "config.yml").write_text(CONFIG.format(root=root, host=host))
    with (root / "log").open("wb") as output:
        command = ["docker-registry", "serve", str(root / "config.yml")]
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _await_answer(host)
        yield Registry(host)
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(host: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://{host}/v2/", timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()  # 401: it is up, and guarded
            return
        except OSError:
            time.sleep(0.05)
    raise NoRegistry(f"docker-registry did not come up at {host}")
