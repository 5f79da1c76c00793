"""ci-bot builds ci-bot: its own `.ci.yaml` by `ci-bot run`."""

from __future__ import annotations

import subprocess

import pytest

from dev.toolchains import DEV, ensure_toolchains
from tests.cli.conftest import Answer
from tests.preloaded import ci_bot
from tests.rig import ROOT

JOBS = ("lint", "language")


@pytest.mark.timeout(300)
def test_its_lint_and_the_tests_of_its_language_pass(images: None) -> None:
    """Not its other jobs: those, which take long, are run by `make test` as they are."""
    ensure_toolchains([DEV])
    done = subprocess.run(
        ci_bot("run", *(f"--job={job}" for job in JOBS)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert answer.code == 0, answer
    assert "Contracts: " in answer.out
    assert answer.out.splitlines()[-1] == "all jobs passed"
