"""`deploy/Dockerfile` built as it is: a version in, an image of ci-bot that calls itself so out."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from docker import APIClient

from dev.images import CACHE

ROOT = Path(__file__).parents[2]
BASE = "ci-bot-test/python:1"
#: What `PYTHON_IMAGE` has to have, and what the build stage asks for.
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
BASE_SECONDS = 900
SERVER = "ci-bot-test/server"
VERSIONS = ("1", "2")


class NotBuilt(Exception):
    """The text is the end of what the build said."""


def build_both(engine: APIClient, say: Callable[[str], None] = print) -> None:
    """The server as it is, under two version numbers. Raises `NotBuilt`."""
    for number in VERSIONS:
        build(engine, f"{SERVER}:{number}", f"{number}.0.0", say)


def ensure_base(engine: APIClient, say: Callable[[str], None] = print) -> str:
    """A stand-in for the official Python image, which needs a registry: Debian with this machine's sources.

    `CI_BOT_TEST_PYTHON_IMAGE` names another one.
    """
    if named := os.environ.get("CI_BOT_TEST_PYTHON_IMAGE"):
        return named
    if engine.images(name=BASE):
        return BASE
    path = CACHE / "python-base.tar"
    if not path.exists():
        say(f"{BASE}: Debian by debootstrap, a minute or two")
        _bootstrap(path)
    repository, tag = BASE.split(":")
    engine.import_image_from_file(
        str(path), repository, tag, changes=["LABEL ci-bot.test-image=1", 'CMD ["python3"]']
    )
    return BASE


def _bootstrap(path: Path) -> None:
    """With what makes apt-get and pip work here: certificates and settings."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=BASE_SECONDS, check=False
        )
        if done.returncode:
            raise NotBuilt(f"debootstrap: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        for name in ("etc/pip.conf", "etc/ssl/certs/ca-certificates.crt"):
            if Path("/", name).exists():
                shutil.copyfile(Path("/", name), root / name)
        new = path.with_suffix(".new")
        subprocess.run(["tar", "-C", str(root), "--one-file-system", "-cf", str(new), "."], check=True)
        new.replace(path)


def build(engine: APIClient, tag: str, version: str, say: Callable[[str], None] = print) -> None:
    """Raises `NotBuilt`."""
    base = ensure_base(engine, say)
    say(f"{tag}: deploy/Dockerfile")
    said = engine.build(
        fileobj=io.BytesIO(_context(version)),
        custom_context=True,
        dockerfile="deploy/Dockerfile",
        buildargs={"PYTHON_IMAGE": base},
        network_mode="host",
        tag=tag,
        rm=True,
        decode=True,
    )
    lines: list[str] = []
    with closing(said):
        for each in said:
            lines.append(str(each.get("stream") or each.get("error") or ""))
            if lines[-1].startswith("Step "):
                say(f"  {lines[-1].strip()[:100]}")
            if "error" in each:
                raise NotBuilt("".join(lines)[-4000:])


def _context(version: str) -> bytes:
    """What Dockerfile.dockerignore lets in, with another version."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as files:
        files.add(ROOT / "deploy" / "Dockerfile", "deploy/Dockerfile")
        for name in _let_in():
            files.add(ROOT / name, name, filter=_wanted)
        text = (ROOT / "ci_bot" / "__init__.py").read_text()
        changed = re.sub(r'(__version__ = )".*"', rf'\1"{version}"', text)
        assert changed != text
        entry = tarfile.TarInfo("ci_bot/__init__.py")
        entry.size, entry.mode = len(changed.encode()), 0o644
        files.addfile(entry, io.BytesIO(changed.encode()))
    return buffer.getvalue()


def _let_in() -> Iterator[str]:
    for line in (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().split():
        if line.startswith("!"):
            yield line[1:]


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    is_other = "__pycache__" in entry.name or entry.name == "ci_bot/__init__.py"
    return None if is_other else entry
