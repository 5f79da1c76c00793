"""Every error is one line and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_bot import __version__
from ci_bot.cli.main import COMMANDS
from tests.cli.conftest import Ask


def test_the_version(ask: Ask) -> None:
    assert ask("--version").out == f"ci-bot, version {__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb(ask: Ask, flag: str) -> None:
    answer = ask(flag)
    assert answer.code == 0
    assert all(f"  {name} " in answer.out for name in COMMANDS)


@pytest.mark.parametrize("verb", list(COMMANDS))
def test_every_verb_explains_itself(ask: Ask, verb: str) -> None:
    answer = ask(verb, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert len(answer.out.splitlines()) > 4


@pytest.mark.parametrize("args", [["nosuch"], ["validate", "--nosuch"], ["logs"]])
def test_what_cannot_be_understood_is_exit_code_2(ask: Ask, args: list[str]) -> None:
    answer = ask(*args)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].startswith("Error: ")


def test_a_settings_file_that_is_not_there_is_one_line(ask: Ask, here: Path) -> None:
    for verb in ("serve", "doctor", "run"):
        answer = ask(verb, "--config", here / "no.toml")
        assert (answer.code, answer.words) == (2, f"ci-bot: settings: {here}/no.toml: no such file")


def test_every_problem_of_the_settings_is_told_by_every_verb(ask: Ask, here: Path) -> None:
    (here / "ci-bot.toml").write_text('port = 99999\nmax_jobs = "many"\nnosuch = 1\n')
    for args in (["serve"], ["doctor"], ["run"], ["logs", "x"]):
        answer = ask(*args)
        assert answer.code == 2
        assert len(answer.err.splitlines()) == 3
        assert all(
            line.startswith("ci-bot: settings: ci-bot.toml: ") for line in answer.err.splitlines()
        )
