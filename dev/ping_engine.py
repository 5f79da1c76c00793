"""Asks the Docker engine of `DOCKER_HOST` whether it is there; only the standard library for a local one.

Prints a line in words. Ends with 0 (it answers), 3 (not allowed), 4 (nothing there) or 5 (something is there, but no
engine's answer comes).
"""

import http.client
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

DEFAULT = "unix:///var/run/docker.sock"
SECONDS = 5


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def main() -> int:
    host = os.environ.get("DOCKER_HOST") or DEFAULT
    code, words = _local(host.removeprefix("unix://")) if host.startswith("unix://") else _remote(host)
    print(words)
    return code


def _local(path: str) -> tuple[int, str]:
    connection = LocalConnection(path)
    try:
        connection.request("GET", "/version")
        return 0, _name(json.load(connection.getresponse()), path)
    except PermissionError:
        return 3, f"this user may not use {path}"
    except (FileNotFoundError, ConnectionRefusedError):
        return 4, f"no Docker engine listens at {path}"
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return 5, f"no engine's answer from {path} within {SECONDS} s: {error or type(error).__name__}"
    finally:
        connection.close()


def _remote(host: str) -> tuple[int, str]:
    try:
        import docker  # noqa: PLC0415 - only there once the environment is made
    except ImportError:
        return 5, f"to reach {host} the environment is needed first: dev/venv.sh"
    try:
        engine = docker.from_env(timeout=SECONDS)
        return 0, _name(engine.version(), host)
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the engine does not answer
        return 4, f"no Docker engine answers at {host}: {error}"


def _name(version: Mapping[str, Any], host: str) -> str:
    return f"Docker {version['Version']} answers at {host}"


if __name__ == "__main__":
    sys.exit(main())
