"""`deploy/compose.yaml` with a test's own values, and compose itself: a project up, recreated and down."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.engine_proxy import ENGINE

DEPLOY = Path(__file__).parents[2] / "deploy"
SECONDS = 180


@dataclass(frozen=True, slots=True)
class Project:
    """One compose project; `home` stands for the root of a machine."""

    name: str
    home: Path

    def up(self, version: str) -> None:
        """As an operator would: `docker compose up -d`."""
        self._compose(version, "up", "-d")

    def doctor(self, version: str) -> str:
        return self._compose(version, "exec", "-T", "ci-bot", "ci-bot", "doctor", check=False)

    def logs(self, version: str) -> str:
        return self._compose(version, "logs", "--no-color", check=False)

    def down(self, version: str) -> None:
        self._compose(version, "down", "--timeout", "20", check=False)

    def _compose(self, version: str, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [*command(), "-f", str(self.home / "compose.yaml"), "-p", self.name, *arguments],
            env=os.environ | {"CI_BOT_VERSION": version, "DOCKER_GID": str(Path(ENGINE).stat().st_gid)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout + done.stderr


def command() -> list[str]:
    """Compose 2 is a plug-in of the docker command, compose 1 a command of its own."""
    found = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if found.returncode == 0:
        return ["docker", "compose"]
    path = shutil.which("docker-compose")
    assert path is not None, "there is no compose; dev/apt.sh deploy docker-compose"
    return [path]


def write(home: Path, images: dict[str, str], environment: dict[str, str]) -> None:
    """The file as it stands, but for paths, images, settings, and the network of the simulated forge.

    That listens on the loopback address, so the server is in the machine's network.
    """
    file: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in file["services"].items():
        service["image"] = images[name]
        service["volumes"] = [_placed(each, home) for each in service["volumes"]]
    server = file["services"]["ci-bot"]
    del server["ports"]
    server["network_mode"] = "host"
    server["environment"] |= environment
    (home / "compose.yaml").write_text(yaml.safe_dump(file))
    shutil.copyfile(DEPLOY / "haproxy.cfg", home / "haproxy.cfg")


def _placed(volume: Any, home: Path) -> Any:
    """Data and run directory below `home` on both sides, the proxy's own where haproxy.cfg says."""
    if isinstance(volume, str):
        return volume
    source = str(home) + volume["source"]
    is_engine = volume["source"] == "/run/ci-bot-engine"
    target = volume["target"] if is_engine else source
    return {"type": volume["type"], "source": source, "target": target}  # compose 1 knows no `bind:`
