"""The jobs that were found, written as `.ci.yaml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ci_bot.core.starter import go, make, node, python, rust
from ci_bot.core.starter.values import Files, StarterJob

Finder: TypeAlias = Callable[[Files], StarterJob | None]

#: Every language; a new one is a module here and one more entry.
FINDERS: Final[tuple[Finder, ...]] = (python.find, node.find, go.find, rust.find)
#: Paths whose text the finders look at.
WANTED: Final = (*python.WANTED, *node.WANTED, *go.WANTED, *rust.WANTED, *make.WANTED)

HEAD: Final = """\
# What ci-bot runs on each push and pull request; `ci-bot validate` checks this file, `ci-bot run` runs it
# here. Steps share the workspace and nothing else: each has a container of its own.
"""
EXAMPLE: Final = """\
jobs:
  hello:                        # any name; jobs run side by side unless one names another in `needs`
    image: debian:bookworm-slim # any image with a shell that the server may pull
    steps:
      - echo "hello from $CI_REPO at $CI_SHA"
      # - ./build.sh
      # - name: Unit tests
      #   run: ./test.sh
      #   timeout: 10m
"""
MAKEFILE_TOO: Final = (
    "# The Makefile is not run here: a job for it needs an image with everything that it calls.\n"
)

_PLAIN: Final = re.compile(r"[A-Za-z./](?:[A-Za-z0-9 ./_=+&'\[\]-]|:(?=\w))*")


@dataclass(frozen=True, slots=True)
class Starter:
    """`text` is a whole, valid file; `found` says in words what it is for, () for an example."""

    text: str
    found: tuple[str, ...]


def starter(files: Files) -> Starter:
    """A guess from what is there: a job for each language, each with an official image."""
    jobs = [job for find in FINDERS if (job := find(files)) is not None]
    makefile = make.find(files)
    if not jobs and makefile is not None:
        jobs = [makefile]
    if not jobs:
        return Starter(HEAD + EXAMPLE, ())
    too = MAKEFILE_TOO if makefile not in (None, jobs[0]) else ""
    text = HEAD + too + "jobs:\n" + "\n".join(_written(job) for job in jobs)
    return Starter(text, tuple(job.why for job in jobs))


def _written(job: StarterJob) -> str:
    return "\n".join(_lines(job)) + "\n"


def _lines(job: StarterJob) -> Iterator[str]:
    if job.note:
        yield f"  # {job.note}"
    yield f"  {job.id}:"
    yield f"    image: {_scalar(job.image)}"
    if job.env:
        yield "    env:"
        yield from (f"      {name}: {_scalar(value)}" for name, value in job.env.items())
    yield "    steps:"
    yield from _steps(job.steps)


def _steps(steps: Sequence[str]) -> Iterator[str]:
    yield from (f"      - {_scalar(step)}" for step in steps)


def _scalar(text: str) -> str:
    """As it is where YAML reads it as the same text, else in double quotes."""
    if _PLAIN.fullmatch(text) and not text.endswith(" "):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
