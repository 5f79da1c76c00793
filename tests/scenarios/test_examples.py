"""Each of `examples/` runs green by `ci-bot run`, and red once a line of its source is broken.

The public images that they name stand for images made here from the distribution's packages.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.recipes import BASE, RECORDER
from dev.toolchains import GO, POSTGRES, PYPY, PYTHON, ensure_toolchains
from tests.cli.conftest import Answer, finish, git
from tests.preloaded import ci_bot
from tests.rig import ROOT


@dataclass(frozen=True)
class Example:
    images: Mapping[str, str]  # what the file names → what runs here
    file: str  # of its source
    line: str
    broken: str
    told: str  # in the output of the broken one
    jobs: int
    arguments: tuple[str, ...] = ()


EXAMPLES = {
    "go-service": Example(
        {"golang:1.24": GO, "docker:28-cli": RECORDER},
        file="greeting/greeting.go",
        line='name = "world"',
        broken='name = "nobody"',
        told='For("") = "Hello, nobody!", want "Hello, world!"',
        jobs=2,
    ),
    "python-library": Example(
        {
            "python:${{ matrix.python }}-slim": "${{ matrix.image }}",
            "python:3.11-slim": PYTHON,
            'python: ["3.11", "3.9"]': f"image: [{PYTHON}, {PYPY}]",
            "${{ matrix.python }}": "${{ matrix.image }}",
        },
        file="src/slug/__init__.py",
        line="plain.lower()",
        broken="plain",
        told="FAILED (failures=",
        jobs=3,
    ),
    "web-app": Example(
        {"registry.example.com/python-psycopg2:3.11": PYTHON, "postgres:15": POSTGRES},
        file="notes/store.py",
        line="ORDER BY id DESC",
        broken="ORDER BY id",
        told="test_the_newest_comes_first",
        jobs=1,
    ),
    "monorepo": Example(
        {"debian:stable-slim": BASE},
        file="shared/money.sh",
        line="%d.%02d",
        broken="%d,%02d",
        told="5,97 EUR",
        jobs=3,
    ),
    "nightly": Example(
        {"debian:stable-slim": BASE},
        file="texts/night.txt",
        line="build",
        broken="biuld",
        told="unknown words: biuld",
        jobs=1,
        arguments=("--event", "manual"),
    ),
}


@pytest.fixture(scope="module")
def toolchains(images: None) -> None:
    ensure_toolchains([GO, POSTGRES, PYPY, PYTHON])


def test_all_examples_are_run() -> None:
    assert {folder.name for folder in (ROOT / "examples").iterdir()} == {*EXAMPLES, "seed"}


@pytest.mark.timeout(300)  # the first one makes the images
@pytest.mark.parametrize(("name", "example"), EXAMPLES.items(), ids=list(EXAMPLES))
def test_it_is_green_and_a_broken_line_turns_it_red(
    name: str, example: Example, tmp_path: Path, toolchains: None
) -> None:
    whole, broken = (copy(name, example, tmp_path / kind) for kind in ("whole", "broken"))
    spoil(broken / example.file, example)
    both = [begin(folder, *example.arguments) for folder in (whole, broken)]
    green, red = (finish(process) for process in both)
    assert green.code == 0, shown(green)
    assert sum(line.startswith("✓") for line in green.out.splitlines()) == example.jobs
    assert red.code == 1, shown(red)
    assert example.told in red.out, shown(red)


def copy(name: str, example: Example, folder: Path) -> Path:
    """The example as a repository of its own, with the images of this engine."""
    shutil.copytree(ROOT / "examples" / name, folder)
    file = folder / ".ci.yaml"
    text = file.read_text(encoding="utf-8")
    for public, here in example.images.items():
        assert public in text
        text = text.replace(public, here)
    file.write_text(text, encoding="utf-8")
    git("init", "--quiet", "--initial-branch", "main", str(folder))
    git("-C", str(folder), "add", ".")
    who = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
    git("-C", str(folder), *who, "commit", "--quiet", "-m", "Begin")
    return folder


def spoil(file: Path, example: Example) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(example.line) == 1
    file.write_text(text.replace(example.line, example.broken), encoding="utf-8")


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ci_bot("run", *arguments),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def shown(answer: Answer) -> str:
    return f"exit code {answer.code}\n{answer.out}\n{answer.err}"
