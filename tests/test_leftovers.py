"""Which directories beside ours are taken for what a killed `ci-bot run` left; no engine is needed to tell."""

from __future__ import annotations

import asyncio
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ci_bot.settings import Settings
from ci_bot.wiring.leftovers import own_home, remove_leftovers

NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", docker_host=NOWHERE)


def plant(homes: Path, named: str | None = f"dead\n{NOWHERE}\n") -> Path:
    home = Path(tempfile.mkdtemp(prefix="ci-bot-run-", dir=homes))
    if named is not None:
        (home / "alive").write_text(named)
    return home


async def looked(settings: Settings) -> list[str]:
    said: list[str] = []
    await remove_leftovers(settings, said.append)
    return said


async def test_a_dead_one_whose_engine_does_not_answer_is_told_and_kept(
    homes: Path, settings: Settings
) -> None:
    home = plant(homes)
    (line,) = await looked(settings)
    assert line.startswith("what a run left that was killed stays for now: ")
    assert "127.0.0.1:1" in line
    assert home.exists()


@pytest.mark.parametrize("named", [None, "", "dead\n", f"dead\n{NOWHERE}", "dead\ntcp://127.0.0.1:2\n"])
async def test_one_half_written_or_on_another_engine_is_let_alone(
    homes: Path, settings: Settings, named: str | None
) -> None:
    home = plant(homes, named)
    assert await looked(settings) == []
    assert home.exists()


async def test_one_that_is_being_removed_by_its_own_run_is_let_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large workspace takes seconds to remove."""
    remove, said = tempfile.TemporaryDirectory.cleanup, []

    def while_somebody_looks(made: tempfile.TemporaryDirectory[str]) -> None:
        with ThreadPoolExecutor() as another:
            said.append(another.submit(lambda: asyncio.run(looked(settings))).result())
        remove(made)

    monkeypatch.setattr(tempfile.TemporaryDirectory, "cleanup", while_somebody_looks)
    with own_home(settings, "ending") as home:
        pass
    assert said == [[]]
    assert not home.exists()


async def test_one_that_lives_is_let_alone_and_goes_at_its_end(settings: Settings) -> None:
    with own_home(settings, "living") as home:
        assert await looked(settings) == []
        assert home.exists()
    assert not home.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")
async def test_another_users_is_not_believed(homes: Path, settings: Settings) -> None:
    """Or else whoever may write here could have root remove what is not theirs."""
    os.chown(plant(homes), 1000, 1000)
    elsewhere = homes / "elsewhere"
    elsewhere.mkdir()
    (homes / "ci-bot-run-link").symlink_to(plant(elsewhere))
    assert await looked(settings) == []
