"""Prometheus' own checker: on the PATH, or out of the distribution's package where `make test-deploy` asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

import docker
import pytest

from dev.packages import NoPackagesError
from tests.conftest import engine_problem
from tests.deploy.images import PROMTOOL, ensure


def promtool(*arguments: str, stdin: str = "") -> None:
    """Skips where there is none."""
    if not is_there():
        pytest.skip("no promtool here (package prometheus); make test-deploy brings it")
    checked = subprocess.run(
        [*_command(), *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0, said
    assert "error" not in said.lower(), said


def is_there() -> bool:
    return bool(_command())


@cache
def _command() -> tuple[str, ...]:
    if shutil.which("promtool"):
        return ("promtool",)
    if "CI_BOT_TEST_DEPLOY" not in os.environ or engine_problem():
        return ()
    engine = docker.APIClient()
    try:
        image = ensure(engine, PROMTOOL)
    except NoPackagesError:
        return ()
    finally:
        engine.close()
    return ("docker", "run", "--rm", "-i", "--network=none", image)
