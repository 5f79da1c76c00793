"""Short `.ci.yaml` files for the tests of this folder: one line put where it belongs."""

from __future__ import annotations

from ci_bot.core.pipeline import Limits, Reading, read

JOBS = "jobs: {build: {steps: [make]}}\n"


def top(line: str) -> str:
    """A valid file with one more line at its top."""
    return f"{line}\n{JOBS}"


def job(line: str) -> str:
    """A valid file with one more line in its job."""
    return f"jobs:\n  build:\n    steps: [make]\n    {line}\n"


def step(line: str) -> str:
    """A valid file with one more line in its step."""
    return f"jobs:\n  build:\n    steps:\n      - run: make\n        {line}\n"


def read_text(text: str, limits: Limits | None = None) -> Reading:
    return read(text.encode(), default_image="alpine:3.22", limits=limits or Limits())


def complaints(text: str, limits: Limits | None = None) -> list[str]:
    """The problems as a person reads them, less the name of the file that begins each."""
    problems = read_text(text, limits).problems
    return [str(problem).removeprefix(".ci.yaml:") for problem in problems]
