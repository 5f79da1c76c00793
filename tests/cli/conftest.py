"""`ci-bot` as a person types it: inside this process where that is enough, else as one of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
import structlog

from ci_bot.cli.main import main
from dev.images import ensure_images
from dev.recipes import BUSYBOX
from tests.conftest import engine_problem
from tests.preloaded import ci_bot

NOWHERE = "tcp://127.0.0.1:1"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """The one line that an error is."""
        (line,) = self.err.splitlines()
        return line


Ask: TypeAlias = Callable[..., Answer]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory with a name of its own, no settings but where the data lies."""
    for name in list(os.environ):
        if name.startswith("CI_BOT_"):
            monkeypatch.delenv(name)
    folder = tmp_path / f"shop-{os.getpid()}-{tmp_path.name}"[:60]
    folder.mkdir()
    monkeypatch.chdir(folder)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("CI_BOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CI_BOT_DEFAULT_IMAGE", BUSYBOX)
    handlers = logging.getLogger().handlers[:]
    yield folder
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command in this process."""

    def answer(*args: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["ci-bot", *map(str, args)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        assert isinstance(code, int)
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return answer


def begin(*args: str, **env: str) -> subprocess.Popen[str]:
    """The same as a process of its own, here."""
    return _begin(ci_bot(*args), env)


def begin_whole(*args: str, **env: str) -> subprocess.Popen[str]:
    """The same with no other process between, so that a signal that cannot be handed on reaches it."""
    return _begin([sys.executable, "-m", "ci_bot", *args], env)


def _begin(command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Answer:
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return Answer(process.returncode, out, err)


@pytest.fixture(scope="session")
def images() -> None:
    if not engine_problem():
        ensure_images([BUSYBOX])


@pytest.fixture
def repository(here: Path) -> Path:
    """This directory as a git repository with one commit."""
    (here / "README.md").write_text("# Shop\n")
    git("init", "--quiet", "--initial-branch", "main")
    git("add", ".")
    git("-c", "user.name=Alice", "-c", "user.email=alice@example.com", "commit", "-qm", "Begin")
    return here


def git(*args: str) -> None:
    subprocess.run(["git", *args], check=True)
