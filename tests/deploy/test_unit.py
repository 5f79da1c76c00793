"""`deploy/ci-bot.service`, as systemd itself reads and judges it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not here (package systemd)"
)

UNIT = Path(__file__).parents[2] / "deploy" / "ci-bot.service"
PROGRAM = "/opt/ci-bot/bin/ci-bot"
#: systemd calls up to 2.0 "OK"; what is left is the network, the engine's socket and just-in-time code.
EXPOSURE = 18  # tenths


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The file with a program that is there."""
    text = UNIT.read_text()
    assert PROGRAM in text
    made = tmp_path / UNIT.name
    made.write_text(text.replace(PROGRAM, "/bin/true"))
    return made


def analyze(*arguments: str) -> str:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout + done.stderr


def test_systemd_understands_every_line(unit: Path) -> None:
    said = analyze("verify", "--man=no", str(unit))
    assert unit.name not in said


def test_systemd_finds_it_confined(unit: Path) -> None:
    if "--offline" not in analyze("--help"):
        pytest.skip("this systemd-analyze judges running units only")
    analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))
